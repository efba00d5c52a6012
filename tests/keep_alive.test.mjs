// What the caller of a stream hears while its provider is silent (cases A2, outbound, and A11).
import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { parseEvents } from './support/sse.mjs';
import { wire } from './support/turns.mjs';
import { doors as translating, greeting, names, pairs, question as questionOf } from './support/world.mjs';

const nativeStream = (text) => ({ text: parseEvents(text).map(({ data }) => JSON.parse(data).content ?? '').join('') });
const doors = { ...translating, native: { path: '/v1/chat', stream: nativeStream } };

function question(door, provider, more) {
  if (door !== 'native') return questionOf(door, provider, more);
  return { provider, model: wire[provider].model, messages: [{ role: 'user', content: 'What?' }], ...more };
}

const streams = {};
before(async () => {
  streams.provider = await ScriptedProvider.start();
  for (const [name, early] of [['late', false], ['early', true]]) {
    const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
    writeFileSync(path.join(folder, 'gateway.yaml'), `streams: {keep_alive: 150ms, begin_early: ${early}}\n`);
    streams[name] = await startGateway({ environment: { ...providersAt(streams.provider.url), AI_PROXY_CONFIG: 'gateway.yaml' }, folder });
  }
});
after(async () => {
  for (const one of ['late', 'early', 'provider']) await streams[one]?.stop();
});

const comment = ': ping\n';
const ping = { native: comment, openai: comment, responses: comment, mistral: comment, anthropic: 'event: ping\ndata: {"type": "ping"}\n\n' };

// Asks for a stream and resolves `heard(n)` once n keep-alives have come.
function listen(gateway, door, provider) {
  let text = '';
  const waiting = [];
  const count = () => text.split(ping[door]).length - 1;
  const onData = (piece) => {
    text += piece;
    for (const one of waiting) if (count() >= one.wanted) one.resolve();
  };
  const answer = post(streams[gateway].url + doors[door].path, question(door, provider, { stream: true }), {}, { onData });
  const heard = (wanted) => Promise.race([answer.then(() => { throw new Error(`ended after ${count()} keep-alives: ${text}`); }), new Promise((resolve) => { waiting.push({ wanted, resolve }); })]);
  return { answer, heard, text: () => text };
}

const natives = names.map((provider) => ({ door: 'native', provider, name: `native door, ${provider}` }));
// The Responses API passes through to OpenAI; there the stream is the provider's own.
for (const { door, provider, name } of [...pairs, ...natives]) {
  test(`A11 ${name}: a stream that is silent before its first event, and in its middle, says that it lives`, async () => {
    let caller;
    streams.provider.answer = async (_, out) => {
      const events = wire[provider].stream(greeting);
      await out.beginStream();
      await caller.heard(2);
      await out.piece(events.slice(0, 2).join(''));
      await caller.heard(4);
      await out.piece(events.slice(2).join(''));
      await out.endStream();
    };
    caller = listen('late', door, provider);
    const { status, text, broken } = await caller.answer;
    assert.equal(status, 200);
    assert.equal(broken, false);
    assert.ok(text.startsWith(ping[door]));
    // A2: never another form, and never inside an event.
    const rest = text.replaceAll(ping[door], '').replaceAll(/^event: ping\ndata: \{"type":"ping"\}\n\n/gm, '');  // the provider's own passes through
    assert.doesNotMatch(rest, /ping|^(:|id|retry)/m);
    assert.equal(doors[door].stream(rest).text, greeting.text.join(''));
    assert.ok(text.split(ping[door]).length < 60, 'data that flows needs no keep-alive');
  });
}

test('A11 while the provider has not answered at all, a refusal keeps its real status', async () => {
  let asked;
  const arrived = new Promise((resolve) => { asked = resolve; });
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  streams.provider.answer = async (_, out) => {
    asked();
    await released;
    await out.whole({ error: { message: 'Slow down.', type: 'rate_limit', code: null, param: null } }, { status: 429, fields: { 'retry-after': '0' } });
  };
  const caller = listen('late', 'openai', 'openai');
  await arrived;
  setTimeout(release, 600);  // four times the keep-alive's time
  const { status, text } = await caller.answer;
  assert.equal(status, 429);
  assert.doesNotMatch(text, /ping/);
});

for (const door of Object.keys(doors)) {
  test(`A11 begin_early, ${door} door: the caller hears something before the provider answers, and a refusal comes inside the stream`, async () => {
    let caller;
    streams.provider.answer = async (_, out) => {
      await caller.heard(2);
      await out.whole({ error: { message: 'Out of order.', type: 'server_error', code: null, param: null } }, { status: 500 });
    };
    caller = listen('early', door, 'openai');
    const { status, text } = await caller.answer;
    assert.equal(status, 200);
    const rest = text.replaceAll(ping[door], '');
    assert.match(rest, /error/);
    assert.match(rest, /Out of order\./);
    assert.doesNotMatch(rest, /\[DONE\]|message_stop|response\.completed|"finish_reason":"/);
  });
}

test('A11 begin_early: an answer that comes late is whole', async () => {
  let caller;
  streams.provider.answer = async (_, out) => {
    await caller.heard(2);
    await out.stream(wire.anthropic.stream(greeting).join(''));
  };
  caller = listen('early', 'openai', 'anthropic');
  const { text } = await caller.answer;
  assert.equal(doors.openai.stream(text.replaceAll(ping.openai, '')).text, greeting.text.join(''));
});
