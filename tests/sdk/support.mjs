// Run with `npm ci && npm test` in this folder; AI_PROXY_BINARY names the program, build/release/ai-proxy else.
// What the three SDK suites share: strict simulated providers, the gateway before them, fixtures, and one
// table of the models that stand behind every door. AI_PROXY_SDK_TARGET=provider points each SDK straight at
// the simulated provider of its own flavour: that proves the tests and the simulators by themselves.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { startGateway, startSimulator } from '../support/processes.mjs';

export const straight = process.env.AI_PROXY_SDK_TARGET === 'provider';

export const world = {};
before(async () => {
  world.openai = await startSimulator(['--strict', '--flavour', 'openai']);
  world.anthropic = await startSimulator(['--strict', '--flavour', 'anthropic']);
  world.mistral = await startSimulator(['--strict', '--flavour', 'mistral']);
  world.gateway = await startGateway({
    environment: {
      OPENAI_BASE_URL: world.openai.url, ANTHROPIC_BASE_URL: world.anthropic.url, MISTRAL_BASE_URL: world.mistral.url,
    },
  });
});
after(async () => {
  for (const name of ['gateway', 'openai', 'anthropic', 'mistral']) await world[name]?.stop();
});

// Where an SDK is pointed at: the gateway's door, or the provider itself.
export const door = (provider, path = '') => (straight ? world[provider].url : world.gateway.url) + path;

const every = [
  { provider: 'openai', model: 'gpt-4o-mini', reasoner: 'o3', answers: /^gpt-4o-mini/ },
  { provider: 'anthropic', model: 'claude-sonnet-4-5', reasoner: 'claude-sonnet-4-5', answers: /^claude-sonnet-4-5/ },
  { provider: 'mistral', model: 'mistral-small-latest', reasoner: 'magistral-medium-latest', answers: /^mistral-small/ },
];
export const behind = (own) => (straight ? every.filter(({ provider }) => provider === own) : every);

// A whole PNG of one pixel.
export const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export const weather = {
  name: 'weather', description: 'The weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
};
export const clock = {
  name: 'clock', description: 'The time somewhere',
  parameters: { type: 'object', properties: { zone: { type: 'string' } }, required: ['zone'], additionalProperties: false },
};
export const twoCalls = '[call weather {"city":"Łódź"}] [call clock {"zone":"UTC"}]';
export const answerSchema = {
  type: 'object', additionalProperties: false, required: ['mood', 'count'],
  properties: { mood: { type: 'string', enum: ['good', 'bad'] }, count: { type: 'integer' } },
};
export const schemaAnswer = { mood: 'good', count: 1 };

export async function collect(stream) {
  const all = [];
  for await (const one of stream) all.push(one);
  return all;
}

// The error that a call ends with; a call that succeeds fails the test.
export async function failure(call) {
  let value;
  try {
    value = await call();
  } catch (error) {
    return error;
  }
  return assert.fail(`no error, but ${JSON.stringify(value)?.slice(0, 300)}`);
}

// What a provider's status may become at the gateway's doors (contract.md 3): a provider that does not know our
// key is the gateway's trouble, and an overloaded one is 503, or 529 where Anthropic's SDK asks.
export function statusesFor(status) {
  if (straight) return [status];
  return { 401: [502], 500: [500, 502], 503: [503, 529], 529: [503, 529] }[status] ?? [status];
}
