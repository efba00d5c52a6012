// spec S-62: no request makes us use a hundred times its size of memory, or a hundred times the processor's time that a plain
// request of that size takes. Each shape has a gateway of its own, so that the peak is its own.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { providersAt, slow, startGateway, startSimulator } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { anthropic } from './support/turns.mjs';

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

// At the other doors, where a request is translated. Each of its lists takes half of the size.
const half = size / 2, claude = '"model":"anthropic/claude-haiku-4-5","max_tokens":10,';
const name = (letter, number) => letter.repeat(120) + String(number).padStart(8, '0');
const chosenFrom = (make, more) => `"tools":[${filled((number) => make(name('a', number)), half)}],"tool_choice":${more(filled((number) => make(name('b', number)), half))}`;
const inFunction = (text) => `{"type":"function","function":{"name":"${text}"}}`;
const flat = (text) => `{"type":"function","name":"${text}","parameters":{}}`;
const doors = {
  'thoughts that go on': ['/v1/chat/completions', `{${claude}"messages":[${user('"a"')},{"role":"assistant","content":[${filled(() => '{"type":"thinking","thinking":"aaaa"}')}]},${user('"b"')}]}`],
  'thoughts that go on, each in a list': ['/v1/chat/completions', `{${claude}"messages":[${user('"a"')},{"role":"assistant","content":[${filled(() => '{"type":"thinking","thinking":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}')}]},${user('"b"')}]}`],
  'allowed tools that are none': ['/v1/chat/completions', `{${claude}"messages":[${user('"a"')}],${chosenFrom(inFunction, (all) => `{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[${all}]}}`)}}`],
  'allowed tools that are none, flat': ['/v1/responses', `{${claude.replace('max_tokens', 'max_output_tokens')}"input":"a",${chosenFrom(flat, (all) => `{"type":"allowed_tools","mode":"auto","tools":[${all}]}`)}}`],
  'allowed tools': ['/v1/chat/completions', `{${claude}"messages":[${user('"a"')}],"tools":[${filled((number) => inFunction(`t${number}`), half)}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[${filled((number) => inFunction(`t${number}`), half)}]}}}`],
  'one tool of many that is none': ['/v1/chat/completions', `{${claude}"messages":[${user('"a"')}],"tools":[${filled((number) => inFunction(name('a', number)))}],"tool_choice":${inFunction(name('b', 1))}}`],
  'answers to a function by its name': ['/v1/chat/completions', `{${claude}"messages":[${user('"a"')},{"role":"assistant","content":"","tool_calls":[{"id":"g","type":"function","function":{"name":"g","arguments":"{}"}},${filled((number) => `{"id":"i${number}","type":"function","function":{"name":"f","arguments":"{}"}}`, half)}]},${filled(() => '{"role":"tool","name":"g","content":""}', half)}]}`],
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
async function measured(body, path = '/v1/chat') {
  const gateway = await startGateway({ environment: { ...providersAt(simulator.url), AI_PROXY_THREADS: '1' } });
  try {
    const { pid } = gateway.child;
    assert.equal((await post(`${gateway.url}/v1/chat`, asked(user('"a"')))).status, 200);
    const before = { bytes: peakBytes(pid), time: processorTime(pid) };
    const statuses = new Set();
    for (let round = 0; round < rounds; ++round) statuses.add((await post(gateway.url + path, body)).status);
    return { statuses: [...statuses], bytes: peakBytes(pid) - before.bytes, milliseconds: (processorTime(pid) - before.time) / rounds / 1e6 };
  } finally { await gateway.stop(); }
}

const all = { ...Object.fromEntries(Object.entries(shapes).map(([what, body]) => [what, ['/v1/chat', body]])), ...doors };
for (const [what, [path, body]] of Object.entries(all)) {
  test(`S-62 a mebibyte of ${what}`, async (context) => {
    const { statuses, bytes, milliseconds } = await measured(body, path);
    context.diagnostic(`${statuses}: ${(bytes / body.length).toFixed(1)} times its size of memory, ${(milliseconds / plain.milliseconds).toFixed(1)} times the processor's time of plain text (${plain.milliseconds.toFixed(2)} ms)`);
    assert.ok(statuses.every((status) => status === 200 || status === 400), `${statuses}`);
    // A sanitizer keeps what was freed, with red zones around it.
    if (!slow) assert.ok(bytes <= 100 * body.length, `${bytes} bytes for ${body.length}`);
    assert.ok(milliseconds <= 100 * plain.milliseconds, `${milliseconds} ms, plain text takes ${plain.milliseconds}`);
  });
}

// What a provider streams, too: each of these is told, and repeated or ended, at its place, however many there are.
const items = slow ? 4000 : 40_000;
const { event } = anthropic;
const answered = (pieces) => [anthropic.begin({ text: [] }), ...pieces, event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } }), anthropic.stop()].join('');
const block = (index, start, delta) => event({ type: 'content_block_start', index, content_block: start }) + event({ type: 'content_block_delta', index, delta }) + event({ type: 'content_block_stop', index });
const texts = (index) => block(index, { type: 'text', text: '' }, { type: 'text_delta', text: 'a' });
const thoughts = (index) => block(index, { type: 'thinking', thinking: '', signature: '' }, { type: 'thinking_delta', thinking: 'a' });
const unfinished = block(0, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }, { type: 'input_json_delta', partial_json: '{"a":' });
const streams = {
  'texts and thoughts by turns': (count) => Array.from({ length: count }, (_, index) => (index % 2 ? thoughts : texts)(index)),
  'texts and thoughts behind a call that is never whole': (count) => [unfinished, ...Array.from({ length: count }, (_, index) => (index % 2 ? thoughts : texts)(index + 1))],
};

for (const [what, pieces] of Object.entries(streams)) {
  test(`S-62 a stream of ${items} ${what}`, async (context) => {
    let sent = '';
    const provider = await ScriptedProvider.start((_, answering) => answering.stream(sent));
    const gateway = await startGateway({ environment: { ...providersAt(provider.url), AI_PROXY_THREADS: '1' } });
    try {
      const { pid } = gateway.child;
      const timed = async (count) => {
        sent = answered(pieces(count));
        const before = processorTime(pid);
        const { status, text } = await post(`${gateway.url}/v1/responses`, `{"model":"anthropic/claude-haiku-4-5","stream":true,"input":"a"}`);
        assert.equal(status, 200);
        assert.match(text, /event: response\.completed\n/);
        return (processorTime(pid) - before) / 1e6;
      };
      const tenth = Math.min(await timed(items / 10), await timed(items / 10), await timed(items / 10));
      const whole = Math.min(await timed(items), await timed(items));
      context.diagnostic(`${whole.toFixed(0)} ms, a tenth of it ${tenth.toFixed(1)} ms`);
      assert.ok(whole <= 25 * tenth, `${whole} ms, a tenth of the items takes ${tenth}`);
    } finally { await Promise.all([gateway.stop(), provider.stop()]); }
  });
}
