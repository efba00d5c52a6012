// What the case tests share: one gateway before one scripted provider that plays all three, and the four doors.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { providersAt, startGateway, startSimulator } from './processes.mjs';
import { ScriptedProvider } from './scripted_provider.mjs';
import { findFaults, post } from './sent.mjs';
import { wire } from './turns.mjs';
import { validChat, validChatStream, validMessage, validMessageStream, validResponse, validResponseStream } from './validators.mjs';

export const world = {};
export const names = ['openai', 'anthropic', 'mistral'];

before(async () => {
  world.provider = await ScriptedProvider.start();
  world.gateway = await startGateway({ environment: providersAt(world.provider.url) });
});
after(async () => {
  await world.gateway?.stop();
  await world.provider?.stop();
  for (const name of names) await world[name]?.stop();
  assert.deepEqual(world.provider.faults, []);
});

// Every door: where it is, whose it is, and how its answers are read.
export const doors = {
  openai: { path: '/v1/chat/completions', whole: validChat, stream: (text) => validChatStream(text, { usage: true }) },
  responses: { path: '/v1/responses', whole: validResponse, stream: validResponseStream },
  anthropic: { path: '/v1/messages', whole: validMessage, stream: validMessageStream },
  mistral: { path: '/mistral/v1/chat/completions', whole: (body) => validChat(body, 'mistral'), stream: (text) => validChatStream(text, { flavour: 'mistral' }) },
};

// A plain request in the door's own shape.
export function question(door, provider, more = {}) {
  const model = `${provider}/${wire[provider].model}`;
  if (door === 'responses') return { model, input: 'What?', ...more };
  const body = { model, messages: [{ role: 'user', content: 'What?' }], ...more };
  if (door === 'anthropic') body.max_tokens ??= 1000;
  if (door === 'openai' && more.stream) body.stream_options ??= { include_usage: true };
  return body;
}

export const ask = (door, body, headers) => post(world.gateway.url + doors[door].path, body, headers);

// Has the provider answer the next requests so, asks, and gives back answer and calls.
export async function exchange(door, body, answer, headers) {
  world.provider.requests.length = 0;
  world.provider.answer = answer;
  const result = await ask(door, body, headers);
  return { ...result, calls: world.provider.requests.slice() };
}

export const answering = (provider, turn, stream, cuts = []) => (_, out) => (stream ? out.stream(wire[provider].stream(turn).join(''), { cuts }) : out.whole(wire[provider].whole(turn)));

// The turn through a door, checked by the door's rules, as {text, thinking, calls, reason, usage}.
export async function heard(door, provider, turn, stream, more = {}) {
  const { status, text, broken, calls, headers } = await exchange(door, question(door, provider, { ...(stream ? { stream: true } : {}), ...more }), answering(provider, turn, stream));
  assert.equal(status, 200, text);
  assert.equal(broken, false);
  const folded = stream ? doors[door].stream(text) : doors[door].whole(JSON.parse(text));
  return { ...folded, raw: text, sent: JSON.parse(calls[0].body), headers };
}

// What the gateway wrote about a request into its log; the line follows the answer.
export async function accessLine(requestId, gateway = world.gateway) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const line = gateway.accessLines().find((one) => one.request_id === requestId);
    if (line) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no access line for ${requestId}`);
}

// Lets the strict simulated providers answer what the scripted one receives: the request is seen, and judged.
export async function strictly() {
  for (const name of names) world[name] ??= await startSimulator(['--strict', '--flavour', name]);
  return async (request, out) => {
    const flavour = request.path === '/v1/messages' ? 'anthropic' : request.fields.get('authorization') === 'Bearer sk-test-mistral' ? 'mistral' : 'openai';
    const headers = Object.fromEntries(['authorization', 'x-api-key', 'anthropic-version', 'anthropic-beta'].filter((name) => request.fields.has(name)).map((name) => [name, request.fields.get(name)]));
    const answer = await post(world[flavour].url + request.path, request.body, headers);
    if (/event-stream/.test(answer.headers['content-type'])) await out.stream(answer.text);
    else await out.whole(answer.raw, { status: answer.status });
  };
}

// What the cases of streams and calls ask and are told.
export const greeting = { text: ['北京', '🙂', 'é and more'], reason: 'stop' };
export const weather = { id: 'abcDEF123', name: 'weather', pieces: ['{"city"', ':"Łó', 'dź"}'] };
export const clock = { id: 'xyzXYZ987', name: 'clock', pieces: ['{"zone":', '"UTC"}'] };
export const tools = (door) => [{ weather: 1 }, { clock: 1 }, { ping: 1 }].map((one) => {
  const [name] = Object.keys(one), parameters = { type: 'object', properties: {} };
  if (door === 'anthropic') return { name, input_schema: parameters };
  return door === 'responses' ? { type: 'function', name, parameters } : { type: 'function', function: { name, parameters } };
});

// Doors whose own provider would speak the Responses API are met in doors.test.mjs.
export const pairs = Object.keys(doors).flatMap((door) => names.map((provider) => ({ door, provider, name: `${door} door, ${provider}` }))).filter(({ door, provider }) => !(door === 'responses' && provider === 'openai'));

// Ids of requests, to find them in the log.
export const ids = (() => { let last = 0; return (name) => `${name}-${(last += 1)}`; })();

// Every entry, one after the other: they share one provider.
export async function all(entries, check) {
  const faults = await findFaults(entries, 1, check);
  assert.equal(faults.length, 0, `${faults.length} of ${entries.length}:\n${faults.slice(0, 20).join('\n')}`);
}
