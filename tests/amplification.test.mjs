// spec S-62: no request makes us use a hundred times its size of memory, or a hundred times the processor's time that a plain
// request of that size takes. Each shape has a gateway of its own, so that the peak is its own.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { providersAt, slow, startGateway, startSimulator } from './support/processes.mjs';
import { post } from './support/sent.mjs';

const size = 2 ** 20, rounds = slow ? 2 : 10;
const asked = (messages, more = '') => `{"provider":"openai","model":"gpt-4o","max_tokens":10,${more}"messages":[${messages}]}`;
const filled = (make, limit = size) => {
  const pieces = [];
  for (let bytes = 0; bytes < limit; bytes += pieces.at(-1).length + 1) pieces.push(make(pieces.length));
  return pieces.join();
};
const user = (content) => `{"role":"user","content":${content}}`;

const shapes = {
  'brackets that open': '['.repeat(size),
  'braces that open': '{"a":'.repeat(size / 5),
  'an array of digits': asked(user('"a"'), `"metadata":[${filled(() => '1')}],`),
  'empty objects for messages': asked(filled(() => '{}')),
  'messages of a letter': asked(filled(() => user('"a"'))),
  'parts of a letter': asked(user(`[${filled(() => '{"type":"text","text":"a"}')}]`)),
  'ten thousands of names': asked(user('"a"'), `"metadata":{${filled((number) => `"k${number}":1`)}},`),
  'one name again and again': asked(user('"a"'), `"metadata":{${filled(() => '"k":1')}},`),
  'escapes': asked(user(`"${'\\u0041'.repeat(size / 6)}"`)),
  'quotes that are escaped': asked(user(`"${'\\"'.repeat(size / 2)}"`)),
  'a long number': asked(user('"a"'), `"temperature":${'1'.repeat(size)},`),
  'tools of a letter': asked(user('"a"'), `"tools":[${filled((number) => `{"name":"t${number}","parameters":{}}`)}],`),
  'lines': asked(user(`"a"${'\n'.repeat(size)}`)),
};

let simulator, plain;
before(async () => {
  simulator = await startSimulator();
  plain = await measured(asked(user(`"${'a'.repeat(size)}"`)));
});
after(() => simulator?.stop());

const peakBytes = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
// Of all its threads, in nanoseconds.
const processorTime = (pid) => readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0);

// {statuses, bytes: of memory at the peak, milliseconds: of processor, for one request}
async function measured(body) {
  const gateway = await startGateway({ environment: { ...providersAt(simulator.url), AI_PROXY_THREADS: '1' } });
  try {
    const { pid } = gateway.child;
    assert.equal((await post(`${gateway.url}/v1/chat`, asked(user('"a"')))).status, 200);
    const before = { bytes: peakBytes(pid), time: processorTime(pid) };
    const statuses = new Set();
    for (let round = 0; round < rounds; ++round) statuses.add((await post(`${gateway.url}/v1/chat`, body)).status);
    return { statuses: [...statuses], bytes: peakBytes(pid) - before.bytes, milliseconds: (processorTime(pid) - before.time) / rounds / 1e6 };
  } finally { await gateway.stop(); }
}

for (const [what, body] of Object.entries(shapes)) {
  test(`S-62 a mebibyte of ${what}`, async (context) => {
    const { statuses, bytes, milliseconds } = await measured(body);
    context.diagnostic(`${statuses}: ${(bytes / body.length).toFixed(1)} times its size of memory, ${(milliseconds / plain.milliseconds).toFixed(1)} times the processor's time of plain text (${plain.milliseconds.toFixed(2)} ms)`);
    assert.ok(statuses.every((status) => status === 200 || status === 400), `${statuses}`);
    // A sanitizer keeps what was freed, with red zones around it.
    if (!slow) assert.ok(bytes <= 100 * body.length, `${bytes} bytes for ${body.length}`);
    assert.ok(milliseconds <= 100 * plain.milliseconds, `${milliseconds} ms, plain text takes ${plain.milliseconds}`);
  });
}
