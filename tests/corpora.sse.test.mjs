// The event streams. Each vector's events are judged by the reader's unit test, whole, byte by byte and at every cut, whose table is
// shown here; then each is a provider's stream before the running binary: whatever comes, a caller is told what, and how it ended. The
// decisions stand in docs/decisions/0007-bodies-and-streams.md.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { configured } from './support/chat.mjs';
import { binary, providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { unable } from './support/skips.mjs';
import { corpus, tabulate, verdicts } from './support/verdicts.mjs';

const { absent, manifest } = corpus('sse', 'vectors.json');

// A build of the program alone has none.
const units = path.join(path.dirname(binary), 'http_test');
const withoutUnits = unable(!existsSync(units) && `no unit tests at ${units}`);

test('SSE: the events of every vector', { skip: absent || withoutUnits }, (context) => {
  const { status, stdout } = spawnSync(units, ['--gtest_filter=SseReader.AgreesWithEveryVector*'], { encoding: 'utf8' });
  const table = stdout.split('\n').filter((line) => line.startsWith('SSE '));
  for (const line of table) context.diagnostic(line);
  assert.equal(status, 0, stdout.slice(-3000));
  assert.ok(table.includes(`SSE ${manifest.vectors.length} judged of ${manifest.vectors.length}, 0 failed`), stdout);
});

let gateway, provider, stream;
before(async () => {
  if (absent) return;
  provider = await ScriptedProvider.start(async (_, out) => {
    await out.beginStream();
    for (const piece of stream) { await out.piece(piece); await out.turn(); }
    await out.endStream();
  });
  const { args } = configured('aliases:\n  openai-stands: openai/gpt-4o\n  anthropic-stands: anthropic/claude-sonnet-4-6\n');
  gateway = await startGateway({ args, environment: providersAt(provider.url) });
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
});

// Refused: nothing of an answer has come, and the status says so. Cut: what came is shown, then one error, for no reason to end came.
const withoutReason = ['openai-crlf', 'no-space', 'done-unterminated', 'keepalive-comments', 'emoji-split', 'escaped-newlines'];
const decided = {
  openai: { 'llm-openai': 'whole', ...Object.fromEntries(withoutReason.map((name) => [`llm-${name}`, 'cut'])) },
  anthropic: { 'llm-anthropic': 'whole' },
};
const ends = {
  '/v1/chat': [/^event: done$/gm, /^event: error$/gm],
  '/v1/chat/completions': [/^data: \[DONE\]$/gm, /^data: \{"error":/gm],
  '/v1/messages': [/^event: message_stop$/gm, /^event: error$/gm],
};
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const countOf = (text, pattern) => text.match(pattern)?.length ?? 0;

async function judge(door, model, pieces) {
  stream = pieces;
  const body = { model, max_tokens: 10, stream: true, messages: [{ role: 'user', content: 'hi' }] };
  const { status, raw, broken } = await post(gateway.url + door, body);
  const text = strict.decode(raw);
  assert.equal(broken, false);
  if (status !== 200) {
    assert.ok(status >= 500, `${status}`);
    assert.match(JSON.stringify(JSON.parse(text)), /"(error|message)"/);
    return 'refused';
  }
  const [done, errors] = ends[door].map((pattern) => countOf(text, pattern));
  assert.equal(done + errors, 1, `one ending: ${text.slice(-300)}`);
  return done ? 'whole' : 'cut';
}

for (const [name, doors] of [['openai', ['/v1/chat', '/v1/chat/completions']], ['anthropic', ['/v1/chat', '/v1/messages']]]) {
  for (const door of doors) {
    test(`SSE: every vector as a stream of ${name}'s at ${door}`, { skip: absent }, async (context) => {
      const entries = manifest.vectors.map(({ id, stream_b64: base64, note }) => ({
        id, why: note, bytes: Buffer.from(base64, 'base64'), group: id.split('-')[0], expected: decided[name][id] ?? 'refused' }));
      const results = await verdicts(entries, async ({ bytes }) => {
        const whole = await judge(door, `${name}-stands`, [bytes]);
        // In pieces that end within lines, events and characters.
        const step = Math.max(1, Math.ceil(bytes.length / 200));
        const begins = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) => index * step);
        const pieces = begins.map((begin) => bytes.subarray(begin, begin + step));
        assert.equal(await judge(door, `${name}-stands`, pieces), whole, 'the same in pieces');
        return whole;
      });
      tabulate(context, results, manifest.vectors.length);
    });
  }
}
