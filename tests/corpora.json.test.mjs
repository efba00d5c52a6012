// JSONTestSuite, file by file, through the running binary: as a caller's whole body, in a body that is handed on, in a provider's
// answer. What the suite leaves open, and what we decide otherwise, stands in docs/decisions/0007-bodies-and-streams.md.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { figuresOf, mebibytes } from './chaos/support/figures.mjs';
import { keeps } from './chaos/support/promise.mjs';
import { configured, reply } from './support/chat.mjs';
import { providersAt, slow, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { corpus, tabulate, verdicts } from './support/verdicts.mjs';

const { absent, read, manifest } = corpus('jsontestsuite', 'manifest.json');

let gateway, provider, answer, received, atFirst;
before(async () => {
  if (absent) return;
  provider = await ScriptedProvider.start((_, out) => out.whole(answer));
  provider.server.on('connection', (socket) => socket.on('data', (bytes) => received.push(bytes)));
  gateway = await startGateway({ args: configured('aliases:\n  mock: openai/gpt-4o\n').args, environment: providersAt(provider.url) });
  atFirst = figuresOf(gateway).residentBytes;
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
});

// By the first that fits: what the table calls it, and the verdict on a caller's text and on a provider's.
const decided = [
  [/^i_number_huge_exp|^y_number_double_close_to_zero/, 'a long number', 'reject', 'accept'],
  [/^y_object_duplicated_key|^object_same_key/, 'a key twice', 'reject', 'accept'],
  [/^i_structure_500_nested/, 'deep', 'reject', 'accept'],
  [/^i_structure_UTF-8_BOM/, 'a byte order mark', 'reject', 'reject'],
  [/^i_number|^number_/, 'a number of any size', 'accept', 'accept'],
  [/^i_.*surrogate|escaped_invalid_codepoint/, 'half a surrogate pair', 'reject', 'reject'],
  [/invalid_codepoint/, 'no UTF-8', 'reject', 'reject'],
  [/^object_key_nf|^string_with_escaped_NULL/, 'odd, but plain', 'accept', 'accept'],
];

function entriesFor(side) {
  return [...manifest.parsing, ...manifest.transform].map(({ file, expect, gateway: advised, valid_utf8: isUtf8 }) => {
    const id = path.basename(file);
    const kind = { y: 'y_', n: 'n_', i: 'i_' }[id.split('_')[0]] ?? 'transform';
    const choice = isUtf8 === false || kind === 'n_' ? undefined : decided.find(([pattern]) => pattern.test(id));
    const expected = choice ? choice[side === 'caller' ? 2 : 3] : advised;
    assert.match(expected, /^(accept|reject)$/, `${id} is decided`);
    const group = choice ? choice[1] : isUtf8 ? 'as the suite says' : 'no UTF-8';
    return { id, bytes: read(file), group: `${kind} ${group}`, expected, why: `the suite: ${expect ?? 'nothing'}` };
  });
}

const around = (before, bytes, after) => Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
const request = (bytes) => around('{"model":"mock","messages":[{"role":"user","content":"What?"}],"odd":', bytes, '}');

async function ask(door, body) {
  received = [];
  const calls = provider.requests.length;
  const { status, text } = await post(gateway.url + door, body);
  return { status, text, called: provider.requests.length - calls };
}

// JSON that is no request is refused as well, but for another cause.
const whole = (door, isJsonFault) => async ({ bytes }) => {
  const { status, text, called } = await ask(door, bytes);
  assert.deepEqual([status, called], [400, 0], text);
  return isJsonFault(JSON.parse(text)) ? 'reject' : 'accept';
};

const ways = {
  'a body at /v1/chat': ['caller', whole('/v1/chat', ({ details }) => /, column \d+$/.test(details._errors?.[0]))],
  'a body at /v1/chat/completions': ['caller',
    whole('/v1/chat/completions', ({ error }) => /^The body is not valid JSON: /.test(error.message))],
  'part of a body that passes through': ['caller', async ({ bytes }) => {
    answer = reply();
    const { status, text, called } = await ask('/v1/chat/completions', request(bytes));
    if (status === 400 && called === 0) return 'reject';
    assert.deepEqual([status, called], [200, 1], text);
    assert.ok(Buffer.concat(received).includes(bytes), 'what was accepted is handed on as it came');
    return 'accept';
  }],
  "part of a provider's answer": ['provider', async ({ bytes }) => {
    answer = around(`${JSON.stringify(reply()).slice(0, -1)},"odd":`, bytes, '}');
    const { status, text, called } = await ask('/v1/chat', request(Buffer.from('0')));
    assert.equal(called, 1);
    assert.ok(status === 200 || status === 502, text);
    return status === 200 ? 'accept' : 'reject';
  }],
};

for (const [way, [side, judge]] of Object.entries(ways)) {
  test(`JSON: JSONTestSuite as ${way}`, { skip: absent }, async (context) => {
    tabulate(context, await verdicts(entriesFor(side), judge), manifest.parsing.length + manifest.transform.length);
  });
}

test('JSON: no file takes 100 ms, all of them together take no 16 MiB', { skip: absent }, async (context) => {
  let longest = 0;
  for (const { id, bytes } of entriesFor('caller')) {
    longest = Math.max(longest, await keeps(100, async () => {
      const begin = performance.now();
      await ask('/v1/chat', bytes);
      return performance.now() - begin;
    }, { what: id }));
  }
  const grown = figuresOf(gateway).residentBytes - atFirst;
  context.diagnostic(`the longest took ${longest.toFixed(1)} ms; RSS +${mebibytes(grown)}`);
  assert.ok(slow || grown < 16 * 2 ** 20, `RSS grew by ${mebibytes(grown)}`);
});
