// The way to a provider, looked at from both ends: each question has a connection of its own, and behind a fault the gateway
// has no more sockets than at its start.
import assert from 'node:assert/strict';
import { ask as askOnce } from '../../support/chat.mjs';
import { startGateway } from '../../support/processes.mjs';
import { figuresOf } from './figures.mjs';
import { until } from './waiting.mjs';

// As in chat.mjs; the caller's connection ends with its answer, so that none of them is counted afterwards.
export const ask = (gateway, { headers, ...more } = {}) => askOnce(gateway, { ...more, headers: { connection: 'close', ...headers } });

export async function assertAnswers(gateway, provider, text = 'Fine.') {
  const answer = await ask(gateway, { provider });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.parse(answer.text).message.content, text);
}

// Runs `use(gateway)` with a gateway that lives through it, lets go of every socket, and ends well. Those to providers that are
// kept for the next request are no exception: they need a short `idle`, see below.
export async function withCounted(options, use) {
  const gateway = await startGateway(options);
  try {
    const before = figuresOf(gateway).sockets;
    await use(gateway);
    assert.equal(gateway.ended, undefined, `the gateway lives: ${gateway.errors.slice(-2000)}`);
    let more;
    await until(() => (more = figuresOf(gateway).sockets - before) <= 0, () => `${more} sockets have leaked`);
  } finally { await gateway.stop(); }
}

// `limits.provider` of a gateway whose connections are not kept for long.
export function providerLimits(limits = {}) {
  const lines = Object.entries({ idle: '200ms', ...limits }).map(([key, value]) => `    ${key}: ${value}\n`);
  return `  provider:\n${lines.join('')}`;
}
