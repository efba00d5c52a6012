// The smallest exchange there is, for tests that are about the way and not about the words.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { post } from './sent.mjs';

export const question = (provider = 'openai', more = {}) => ({ provider, model: 'gpt-4o', messages: [{ role: 'user', content: 'What?' }], ...more });

export const reply = (text = 'Fine.') => ({
  id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: 'gpt-4o',
  choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});

export const streamed = (delta, reason = null) => `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`;

// Asks through the native door: { status, text, headers, error, details, took } with the time in milliseconds.
export async function ask(gateway, { provider, more, headers } = {}) {
  const begin = performance.now();
  const answer = await post(`${gateway.url}/v1/chat`, question(provider, more), headers);
  const took = performance.now() - begin;
  const body = /^\s*\{/.test(answer.text) ? JSON.parse(answer.text) : {};
  return { ...answer, took, error: body.error, details: body.details };
}

export async function assertAnswers(gateway, provider, text = 'Fine.') {
  const answer = await ask(gateway, { provider });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.parse(answer.text).message.content, text);
}

// A configuration file in a folder of its own -> the arguments that name it.
export function configured(yaml) {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'ai-proxy-')), 'config.yaml');
  writeFileSync(file, yaml);
  return { file, args: ['--config', file] };
}
