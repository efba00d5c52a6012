// Finished streams are kept and given again (cache.streams): event by event as they were live, at every door, and in the
// other form where that is asked for. What did not end well is never kept.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { configured, streamed } from './support/chat.mjs';
import { Program, providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { foldNative, parseEvents } from './support/sse.mjs';
import { wire } from './support/turns.mjs';
import { validChat, validChatStream, validMessage, validMessageStream, validResponse, validResponseStream } from './support/validators.mjs';

const names = ['openai', 'anthropic', 'mistral'];
let provider, fast, paced;
before(async () => {
  provider = await ScriptedProvider.start();
  const start = (how) => startGateway({ environment: providersAt(provider.url), args: configured(`cache: {memory: 32MiB, streams: ${how}}\n`).args });
  [fast, paced] = [await start('fast'), await start('paced')];
  answering('anthropic', turnOf('anthropic'));
  const made = (stream) => ask(fast, 'responses', 'anthropic', 'to be a stream of Responses', { stream, headers: { 'cache-control': 'no-store' } });
  responses = { stream: (await made(true)).text, whole: (await made(false)).text };
});
after(async () => {
  await fast?.stop();
  await paced?.stop();
  await provider.stop();
  assert.deepEqual(provider.faults, []);
});

// Every door: its request, and how its answers are read. `same`: what of a stream is the same when it is given again.
const asEvents = (text, blank = () => {}) => parseEvents(text).map(({ event, data }) => {
  if (data === '[DONE]') return data;
  const value = JSON.parse(data);
  blank(value);
  return { event, value };
});
const messages = (text) => [{ role: 'user', content: text }];
const doors = {
  native: {
    path: '/v1/chat', body: (model, text) => ({ model, messages: messages(text) }),
    whole: ({ message, finish_reason: reason, usage }) => ({ text: message.content, calls: (message.tool_calls ?? []).map(call), reason, usage }),
    stream: (text) => { const { content, tool_calls: calls, last } = foldNative(text); return { text: content, calls: calls.map((one) => ({ ...one, arguments: JSON.parse(one.arguments) })), reason: last.value.finish_reason, usage: last.value.usage }; },
    same: (text) => asEvents(text, (value) => { delete value.cost; delete value.latency_ms; }),
  },
  openai: {
    path: '/v1/chat/completions', body: (model, text) => ({ model, messages: messages(text) }), streaming: { stream_options: { include_usage: true } },
    whole: validChat, stream: (text) => validChatStream(text, { usage: true }), same: (text) => asEvents(text, (value) => { delete value.created; }),
  },
  responses: {
    path: '/v1/responses', body: (model, text) => ({ model, input: text }),
    whole: validResponse, stream: validResponseStream, same: (text) => asEvents(text, (value) => { for (const one of [value, value.response ?? {}]) delete one.created_at; if (value.response) delete value.response.completed_at; }),
  },
  anthropic: {
    path: '/v1/messages', body: (model, text) => ({ model, max_tokens: 1000, messages: messages(text) }),
    whole: validMessage, stream: validMessageStream, same: asEvents,
  },
  mistral: {
    path: '/mistral/v1/chat/completions', body: (model, text) => ({ model, messages: messages(text) }),
    whole: (body) => validChat(body, 'mistral'), stream: (text) => validChatStream(text, { flavour: 'mistral' }), same: (text) => asEvents(text, (value) => { delete value.created; }),
  },
};
const call = ({ id, function: { name, arguments: text } }) => ({ id, name, arguments: JSON.parse(text) });

const turnOf = (name) => ({
  text: ['北京 ', '🙂', ' é and more'],
  thinking: name === 'openai' ? [] : [{ text: 'Hm, 🤔 …', signature: 'c2lnbmVk' }],
  calls: [{ id: 'abcDEF123', name: 'weather', pieces: ['{"city"', ':"Łó', 'dź"}'] }, { id: 'xyzXYZ987', name: 'clock', pieces: ['{"zone":"UTC"}'] }],
  reason: 'tool_calls',
  usage: { input: 21, output: 17, cached: 5 },
});

// Responses has no provider of its own here: what its door makes of another provider's stream is one.
const isResponses = (request) => request.path.endsWith('/responses');
let responses;
function answering(name, turn) {
  provider.answer = async (request, out) => {
    const stream = JSON.parse(request.body).stream === true;
    if (isResponses(request)) return stream ? out.stream(responses.stream) : out.whole(responses.whole);
    return stream ? out.stream(wire[name].stream(turn).join('')) : out.whole(wire[name].whole(turn));
  };
}

async function ask(gateway, door, name, text, { stream, more = {}, headers = {} }) {
  const { path: where, body, streaming = {} } = doors[door];
  const form = stream ? { stream: true, ...streaming } : {};
  const answer = await post(gateway.url + where, { ...body(`${name}/${wire[name].model}`, text), ...form, ...more }, headers);
  return { ...answer, cache: answer.headers['x-cache'] };
}

async function calls(step) {
  const seen = provider.requests.length;
  await step();
  return provider.requests.length - seen;
}


// What both forms say of an answer. A form that is made of the other has our own usage object, which names what is 0 too.
const counted = (usage) => Object.fromEntries(Object.entries(usage).map(([name, value]) => [name, value !== null && typeof value === 'object' ? counted(value) : value])
  .filter(([, value]) => value !== 0 && !(typeof value === 'object' && (value === null || Object.keys(value).length === 0))));
const told = ({ text, calls: made, reason, usage }) => ({ text, calls: made, reason, usage: counted(usage) });

for (const door of Object.keys(doors)) {
  for (const name of names) {
    const { stream: fold, whole: read, same } = doors[door];

    test(`${door} door, ${name}: a stream given again is the live one, event by event; it costs nothing`, async () => {
      answering(name, turnOf(name));
      let live, again;
      assert.equal(await calls(async () => {
        live = await ask(fast, door, name, `again ${door}`, { stream: true });
        again = await ask(fast, door, name, `again ${door}`, { stream: true });
      }), 1);
      assert.deepEqual([live.status, live.cache, again.status, again.cache], [200, 'MISS', 200, 'HIT'], live.text);
      assert.deepEqual(same(again.text), same(live.text));
      fold(again.text);
      if (door === name && door !== 'native') assert.deepEqual(again.raw, live.raw, 'byte for byte where it passes through');
    });

    test(`${door} door, ${name}: a stream that was kept answers as a whole`, async () => {
      answering(name, turnOf(name));
      let live, whole;
      assert.equal(await calls(async () => {
        live = await ask(fast, door, name, `as a whole ${door}`, { stream: true });
        whole = await ask(fast, door, name, `as a whole ${door}`, { stream: false });
      }), 1);
      assert.equal(whole.cache, 'HIT', whole.text);
      assert.deepEqual(told(read(JSON.parse(whole.text))), told(fold(live.text)));
      assert.match(whole.headers['content-type'], /^application\/json/);
    });

    test(`${door} door, ${name}: a whole answer that was kept answers as a stream`, async () => {
      answering(name, turnOf(name));
      let whole, stream;
      assert.equal(await calls(async () => {
        whole = await ask(fast, door, name, `as a stream ${door}`, { stream: false });
        stream = await ask(fast, door, name, `as a stream ${door}`, { stream: true });
      }), 1);
      assert.equal(stream.cache, 'HIT', stream.text);
      assert.deepEqual(told(fold(stream.text)), told(read(JSON.parse(whole.text))));
      assert.match(stream.headers['content-type'], /^text\/event-stream/);
    });
  }
}

test('the log says what a hit cost and saved; our own stream says that it cost nothing', async () => {
  answering('openai', turnOf('openai'));
  const live = foldNative((await ask(fast, 'native', 'openai', 'what it saved', { stream: true })).text).last.value;
  const again = foldNative((await ask(fast, 'native', 'openai', 'what it saved', { stream: true, headers: { 'x-request-id': 'the-hit' } })).text).last.value;
  assert.notEqual(live.cost.estimated_cost_usd, '0.000000');
  assert.equal(again.cost.estimated_cost_usd, '0.000000');
  await fast.saw(/the-hit.*\n/);
  const line = fast.accessLines().find((entry) => entry.request_id === 'the-hit');
  assert.deepEqual([line.cache, line.stream, line.cost_usd, line.saved_usd, line.finish_reason], ['HIT', true, '0.000000', live.cost.estimated_cost_usd, 'tool_calls']);
});

test('the usage chunk is for who asks for it, as live, whoever made the entry', async () => {
  answering('openai', turnOf('openai'));
  for (const [text, first, second] of [['asked first', true, false], ['not asked first', false, true]]) {
    const options = (usage) => ({ stream: true, more: { stream_options: { include_usage: usage } } });
    validChatStream((await ask(fast, 'openai', 'openai', text, options(first))).text, { usage: first });
    const again = await ask(fast, 'openai', 'openai', text, options(second));
    assert.equal(again.cache, 'HIT');
    validChatStream(again.text, { usage: second });
  }
});

const cut = (name) => { const text = wire[name].stream(turnOf(name)).join(''); return text.slice(0, text.length - 40); };
const broken = {
  'cut short': (name) => (_, out) => out.stream(cut(name)),
  'broken by a reset': (name) => async (_, out) => { await out.beginStream(); await out.piece(cut(name)); out.reset(); },
  'ended by an error event': (name) => (_, out) => out.stream(wire[name].stream(turnOf(name)).slice(0, 3).join('') + wire[name].error('overloaded_error', 'Overloaded.')),
  'cut by the filter': (name) => (_, out) => out.stream(wire[name].stream({ ...turnOf(name), calls: [], reason: 'content_filter' }).join('')),
  'refused': () => (_, out) => out.whole({ error: { message: 'no', type: 'server_error' } }, { status: 500 }),
};
for (const [what, answer] of Object.entries(broken)) {
  test(`a stream that was ${what} is not kept`, async () => {
    for (const name of names.filter((one) => what !== 'cut by the filter' || one !== 'mistral')) {
      for (const door of ['native', name]) {
        provider.answer = answer(name);
        for (let i = 0; i < 2; i += 1) assert.notEqual((await ask(fast, door, name, `never ${what} ${door}`, { stream: true })).cache, 'HIT', `${door} ${name}`);
        answering(name, turnOf(name));
        const well = await ask(fast, door, name, `never ${what} ${door}`, { stream: true });
        assert.deepEqual([well.status, well.cache], [200, 'MISS']);
      }
    }
  });
}

test('a stream whose caller left is not kept; nor is one that is too large', async () => {
  let left;
  const gone = new Promise((resolve) => { left = resolve; });
  provider.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(streamed({ content: 'half' }));
    out.closed().then(left);
  };
  const leaving = new AbortController();
  const body = JSON.stringify({ ...doors.native.body('openai/gpt-4o', 'leaves'), stream: true });
  const response = await fetch(`${fast.url}/v1/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: leaving.signal });
  await response.body.getReader().read();
  leaving.abort();
  await gone;
  answering('openai', turnOf('openai'));
  assert.equal((await ask(fast, 'native', 'openai', 'leaves', { stream: true })).cache, 'MISS');

  const large = Array.from({ length: 300 }, () => streamed({ content: 'x'.repeat(16_000) })).join('') + streamed({}, 'stop') + 'data: [DONE]\n\n';
  provider.answer = (_, out) => out.stream(large);
  for (let i = 0; i < 2; i += 1) assert.equal((await ask(fast, 'native', 'openai', 'large', { stream: true })).cache, 'MISS');
});

test('no-store, no-cache and a time of 0 mean what they mean for whole answers', async () => {
  answering('openai', turnOf('openai'));
  const stream = async (text, headers) => (await ask(fast, 'native', 'openai', text, { stream: true, headers })).cache;
  assert.equal(await stream('headers', { 'cache-control': 'no-store' }), 'BYPASS');
  assert.equal(await stream('headers', { 'x-ai-proxy-cache-ttl': '0' }), 'MISS');
  assert.equal(await stream('headers', { 'cache-control': 'no-cache' }), 'BYPASS');
  assert.equal(await stream('headers', {}), 'HIT');
});

test('at its own pace: pauses come back, long ones bounded; who leaves meanwhile is noticed', async () => {
  // As long as the test makes them: the second pause is longer than what a caller is made to wait.
  const pauses = [300, 2600];
  const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));
  provider.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(streamed({ content: 'one' }));
    for (const pause of pauses) {
      await wait(pause);
      await out.piece(streamed({ content: 'more' }));
    }
    await out.piece(streamed({}, 'stop') + 'data: [DONE]\n\n');
    await out.endStream();
  };
  const times = async () => {
    const seen = [];
    const body = { ...doors.native.body('openai/gpt-4o', 'slowly'), stream: true };
    const answer = await post(`${paced.url}/v1/chat`, body, {}, { onData: () => seen.push(performance.now()) });
    return { seen, answer };
  };
  const live = await times();
  const again = await times();
  assert.equal(again.answer.headers['x-cache'], 'HIT');
  assert.equal(foldNative(again.answer.text).content, foldNative(live.answer.text).content);
  const [first] = again.seen;
  assert.ok(again.seen.at(-1) - first >= 2000, `it took its time: ${again.seen.at(-1) - first} ms`);
  assert.ok(again.seen.some((at) => at - first >= 200 && at - first < 2000), 'in between too');

  // Asked whole, it does not wait.
  const begin = performance.now();
  assert.equal((await ask(paced, 'native', 'openai', 'slowly', { stream: false })).cache, 'HIT');
  assert.ok(performance.now() - begin < 1500);

  const leaving = new AbortController();
  const body = JSON.stringify({ ...doors.native.body('openai/gpt-4o', 'slowly'), stream: true });
  const response = await fetch(`${paced.url}/v1/chat`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-request-id': 'left-early' }, body, signal: leaving.signal });
  await response.body.getReader().read();
  leaving.abort();
  await paced.saw(/left-early.*"status":499|"status":499.*left-early/);
});

test('Redis keeps streams for other gateways; what is damaged there is a miss', async () => {
  const port = await new Promise((resolve) => { const server = net.createServer().listen(0, '127.0.0.1', () => { const { port: free } = server.address(); server.close(() => resolve(free)); }); });
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-redis-'));
  const redis = new Program('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { env: process.env });
  await redis.saw(/Ready to accept connections/);
  const cli = (...args) => spawnSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' }).stdout.trim();
  const start = () => startGateway({ environment: providersAt(provider.url), args: configured(`cache: {redis: 'redis://127.0.0.1:${port}', redis_timeout: 5s, streams: fast}\n`).args });
  const [here, there] = [await start(), await start()];
  try {
    answering('anthropic', turnOf('anthropic'));
    const live = await ask(here, 'anthropic', 'anthropic', 'in redis', { stream: true });
    for (let tries = 0; !cli('dbsize').endsWith('1'); tries += 1) {
      assert.ok(tries < 1000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const again = await ask(there, 'anthropic', 'anthropic', 'in redis', { stream: true });
    assert.equal(again.cache, 'HIT');
    assert.deepEqual(again.raw, live.raw);
    const entry = cli('keys', '*');
    assert.equal(cli('setrange', entry, '200', 'damage').length > 0, true);
    assert.equal((await ask(there, 'anthropic', 'anthropic', 'in redis', { stream: true })).cache, 'MISS');
  } finally {
    await here.stop();
    await there.stop();
    redis.child.kill('SIGKILL');
    await redis.exited;
  }
});
