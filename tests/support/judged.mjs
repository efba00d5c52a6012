// Requests in OpenAI's shape that the strict simulated providers judge; the scripted one in front of them keeps them for a look.
import assert from 'node:assert/strict';
import { exchange, question, strictly } from './world.mjs';

export const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
export const openAiTool = (name, schema = parameters, more = {}) => ({ type: 'function', function: { name, description: 'It', parameters: schema, ...more } });
export const call = (id, name = 'weather', given = '{"city":"Paris"}') => ({ id, type: 'function', function: { name, arguments: given } });
export const result = (id, content = 'sunny') => ({ role: 'tool', tool_call_id: id, content });
export const user = (content) => ({ role: 'user', content });

// Asks, has the strict provider answer, and gives back what it saw.
export async function accepted(door, body) {
  const answer = await exchange(door, body, await strictly());
  assert.equal(answer.status, 200, `${answer.text}\nsent: ${answer.calls[0]?.body.slice(0, 2000)}`);
  return { ...answer, sent: JSON.parse(answer.calls[0].body), raw: answer.calls[0].body, warnings: answer.headers['x-ai-proxy-warnings'] ?? '' };
}

export async function refused(door, body, status = 400) {
  const answer = await exchange(door, body, await strictly());
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.calls.length, 0, 'refused before anyone was asked');
  return JSON.parse(answer.text).error;
}

export const chat = (provider, messages, more = {}) => question('openai', provider, { messages, ...more });
