// Single flight: identical requests that are under way share one call of the provider, whatever becomes of the one that
// made it. Two threads, real sockets; nothing sleeps.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { RealRedis } from './chaos/support/redis.mjs';
import { configured, question, reply, streamed } from './support/chat.mjs';
import { providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { foldNative } from './support/sse.mjs';
import { wire } from './support/turns.mjs';

let provider, gateway;
before(async () => {
  provider = await ScriptedProvider.start();
  gateway = await startGateway({ environment: { ...providersAt(provider.url), AI_PROXY_CACHE_MEMORY: '8MB' } });
});
after(async () => {
  await gateway.stop();
  await provider.stop();
  assert.deepEqual(provider.faults, []);
});

// Every connection its own: the kernel spreads them over the gateway's threads.
const thoughts = { text: ['It is ', 'late.'], reason: 'stop' };
const lone = () => new http.Agent({ keepAlive: false, maxSockets: Infinity });
const ids = (() => { let last = 0; return () => `flight-${(last += 1)}`; })();
const named = (text, more = {}) => question('openai', { messages: [{ role: 'user', content: text }], ...more });

function gate() {
  const made = {};
  made.opened = new Promise((resolve) => { made.open = resolve; });
  return made;
}

async function until(condition) {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, 'the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// A request that can be watched and broken off: `text` so far, `head` once there, `done` with {status, headers, text, broken}.
class Caller {
  constructor(body, { headers = {}, url = `${gateway.url}/v1/chat`, paused = false } = {}) {
    this.text = '';
    this.id = ids();
    const bytes = JSON.stringify(body);
    this.done = new Promise((resolve, reject) => {
      this.request = http.request(url, { method: 'POST', agent: lone(), headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes), 'x-request-id': this.id, ...headers } }, (response) => {
        this.head = response;
        const finish = (broken) => resolve({ status: response.statusCode, headers: response.headers, text: this.text, broken });
        if (paused) response.pause();
        else response.on('data', (piece) => { this.text += piece; });
        response.on('end', () => finish(false));
        response.on('error', () => finish(true));
      });
      this.request.on('error', reject);
    });
    this.done.catch(() => {});
    this.request.end(bytes);
  }

  resume() { this.head.on('data', (piece) => { this.text += piece; }).resume(); }
  leave(how) {
    if (how === 'reset') this.request.socket.resetAndDestroy();
    else this.request.socket.destroy();
  }
}

// What the gateway wrote about a request; the line follows the answer.
async function accessLine(id) {
  const find = () => gateway.accessLines().find((line) => line.request_id === id);
  await until(() => find() !== undefined);
  return find();
}

// The calls of the provider that a step led to.
async function counting(step) {
  const before = provider.requests.length;
  await step();
  return provider.requests.length - before;
}

test('200 identical requests at once are one call; each answer is whole, and only one has cost', async () => {
  const held = gate();
  provider.answer = async (_, out) => { await held.opened; await out.whole(reply('Shared.')); };
  const callers = [];
  const calls = await counting(async () => {
    for (let i = 0; i < 200; i += 1) callers.push(new Caller(named('200 at once')));
    await until(() => provider.requests.length > 0 && callers.every((caller) => caller.request.writableFinished));
    held.open();
    await Promise.all(callers.map((caller) => caller.done));
  });
  assert.equal(calls, 1);
  const answers = await Promise.all(callers.map((caller) => caller.done));
  for (const { status, text } of answers) assert.deepEqual([status, JSON.parse(text).message.content], [200, 'Shared.']);
  const misses = answers.filter(({ headers }) => headers['x-cache'] === 'MISS');
  assert.equal(misses.length, 1);
  const shared = answers.findIndex(({ headers }) => headers['x-ai-proxy-collapsed'] === 'true');
  assert.ok(shared >= 0, 'some came while it was under way');
  const cost = JSON.parse(misses[0].text).cost.estimated_cost_usd;
  const body = JSON.parse(answers[shared].text);
  assert.deepEqual([body.cost.estimated_cost_usd, body.cached, answers[shared].headers['x-cache']], ['0.000000', true, 'HIT']);
  assert.equal(answers[shared].headers['x-ai-proxy-attempts'], '0');
  const line = await accessLine(callers[shared].id);
  assert.deepEqual([line.cache, line.collapsed, line.cost_usd, line.saved_usd], ['HIT', true, '0.000000', cost]);
});

test('what differs, or may not be kept, or may not be looked for, is not shared', async () => {
  const held = gate();
  provider.answer = async (_, out) => { await held.opened; await out.whole(reply('Alone.')); };
  const kinds = [[named('one')], [named('two')], [named('one', { temperature: 0.5 })],
    ...Array.from({ length: 3 }, () => [named('one'), { 'cache-control': 'no-store' }]),
    ...Array.from({ length: 3 }, () => [named('one'), { 'cache-control': 'no-cache' }]),
    [named('one'), { 'x-ai-proxy-retries': '3' }], [named('one'), { 'x-ai-proxy-timeout': '20s' }]];
  const callers = kinds.map(([body, headers]) => new Caller(body, { headers }));
  const seen = provider.requests.length;
  await until(() => provider.requests.length === seen + kinds.length);
  held.open();
  for (const caller of callers) assert.equal((await caller.done).headers['x-ai-proxy-collapsed'], undefined);
});

test('a failure goes to all who waited, and the next one calls anew', async () => {
  const held = gate();
  provider.answer = async (_, out) => { await held.opened; await out.whole({ error: { message: 'Overheated.', type: 'server_error' } }, { status: 500 }); };
  const callers = [];
  const calls = await counting(async () => {
    for (let i = 0; i < 50; i += 1) callers.push(new Caller(named('fails')));
    await until(() => provider.requests.some(({ body }) => body.includes('fails')) && callers.every((caller) => caller.request.writableFinished));
    held.open();
    await Promise.all(callers.map((caller) => caller.done));
  });
  const answers = await Promise.all(callers.map((caller) => caller.done));
  const alone = answers.filter(({ headers }) => headers['x-ai-proxy-collapsed'] === undefined);
  assert.equal(calls, alone.length);
  assert.ok(alone.length < answers.length, 'some shared the failure');
  for (const { status, text, headers } of answers) {
    assert.deepEqual([status, headers['x-cache']], [502, 'MISS']);
    assert.deepEqual(JSON.parse(text), JSON.parse(alone[0].text));
  }
  provider.answer = (_, out) => out.whole(reply('Well again.'));
  assert.equal(JSON.parse((await new Caller(named('fails')).done).text).message.content, 'Well again.');
});

const doors = {
  native: { url: '/v1/chat', body: (text) => named(text, { stream: true }) },
  openai: { url: '/v1/chat/completions', body: (text) => ({ model: 'openai/gpt-4o', stream: true, messages: [{ role: 'user', content: text }] }) },
};
const pieces = ['Shared ', '北京 ', '🙂 ', 'to the end.'];

for (const [door, { url, body }] of Object.entries(doors)) {
  test(`a stream is shared, from its start, by who joins late (${door})`, async () => {
    const steps = pieces.map(gate);
    provider.answer = async (_, out) => {
      await out.beginStream();
      for (const [i, piece] of pieces.entries()) {
        await out.piece(streamed({ content: piece }));
        await steps[i].opened;
      }
      await out.piece(streamed({}, 'stop') + 'data: [DONE]\n\n');
      await out.endStream();
    };
    const callers = [];
    const calls = await counting(async () => {
      for (const [i, piece] of pieces.entries()) {
        for (let n = 0; n < 3; n += 1) callers.push(new Caller(body(`stream ${door}`), { url: gateway.url + url }));
        await until(() => callers.every((caller) => caller.text.includes(piece)));
        steps[i].open();
      }
      await Promise.all(callers.map((caller) => caller.done));
    });
    assert.equal(calls, 1);
    const answers = await Promise.all(callers.map((caller) => caller.done));
    assert.equal(answers.filter(({ headers }) => headers['x-ai-proxy-collapsed'] === 'true').length, callers.length - 1);
    // Our own last event tells cost and time, which are each caller's own.
    const told = (text) => (door === 'native' ? foldNative(text).content : text);
    for (const { status, text, broken } of answers) {
      assert.deepEqual([status, broken], [200, false]);
      assert.equal(told(text), told(answers[0].text));
    }
    if (door === 'native') assert.equal(told(answers[0].text), pieces.join(''));
  });
}

// A stream of the provider's that goes on as it is told.
function steered(first = 'begun ') {
  const made = { next: gate(), left: gate() };
  provider.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(streamed({ content: first }));
    out.closed().then(made.left.open);
    const rest = await made.next.opened;
    if (rest === undefined) return;
    await out.piece(rest);
    await out.endStream();
  };
  return made;
}
const ending = streamed({ content: 'and whole' }) + streamed({}, 'stop') + 'data: [DONE]\n\n';

for (const how of ['fin', 'reset']) {
  test(`a leader that leaves (${how}) takes nobody with it`, async () => {
    const stream = steered();
    const body = named(`leaves by ${how}`, { stream: true });
    const leader = new Caller(body);
    await until(() => leader.text.includes('begun'));
    const followers = Array.from({ length: 8 }, () => new Caller(body));
    await until(() => followers.every((caller) => caller.text.includes('begun')));
    leader.leave(how);
    const late = new Caller(body);
    await until(() => late.text.includes('begun'));
    stream.next.open(ending);
    for (const caller of [...followers, late]) {
      const { text, headers } = await caller.done;
      assert.equal(foldNative(text).last.event, 'done');
      assert.equal(foldNative(text).content, 'begun and whole');
      assert.equal(headers['x-ai-proxy-collapsed'], 'true');
    }
    assert.equal((await accessLine(leader.id)).status, 499);
  });

  test(`the last to leave (${how}) ends the provider's call`, async () => {
    const stream = steered();
    const body = named(`all leave by ${how}`, { stream: true });
    const callers = [new Caller(body)];
    await until(() => callers[0].text.includes('begun'));
    for (let i = 0; i < 5; i += 1) callers.push(new Caller(body));
    await until(() => callers.every((caller) => caller.text.includes('begun')));
    for (const caller of callers) caller.leave(how);
    await stream.left.opened;
    for (const caller of callers) assert.equal((await accessLine(caller.id)).status, 499);
    stream.next.open();
    // Nothing of it is left: the next one calls anew.
    provider.answer = async (_, out) => out.stream(ending);
    assert.equal(foldNative((await new Caller(body).done).text).content, 'and whole');
  });
}

test('a leader that leaves before the answer begins takes nobody with it, and its answer is kept', async () => {
  const held = gate();
  provider.answer = async (_, out) => { await held.opened; await out.whole(reply('All the same.')); };
  const body = named('leaves early');
  const seen = provider.requests.length;
  const leader = new Caller(body);
  await until(() => provider.requests.length === seen + 1);
  // A leader alone is cancelled when it leaves: whoever came in time has no second call.
  const followers = Array.from({ length: 20 }, () => new Caller(body));
  await until(() => followers.every((caller) => caller.request.writableFinished));
  leader.leave('fin');
  const calls = () => provider.requests.length - seen;
  held.open();
  for (const caller of followers) assert.equal(JSON.parse((await caller.done).text).message.content, 'All the same.');
  assert.ok(calls() <= 2);
  assert.equal((await new Caller(body).done).headers['x-cache'], 'HIT');
});

test('a stream that breaks breaks for all, and is never a clean end', async () => {
  const stream = gate();
  provider.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(streamed({ content: 'half' }));
    await stream.opened;
    out.reset();
  };
  const body = named('breaks', { stream: true });
  const callers = [new Caller(body)];
  await until(() => callers[0].text.includes('half'));
  for (let i = 0; i < 5; i += 1) callers.push(new Caller(body));
  await until(() => callers.every((caller) => caller.text.includes('half')));
  stream.open();
  for (const caller of callers) {
    const { last, content } = foldNative((await caller.done).text);
    assert.deepEqual([content, last.event, last.value.details.code], ['half', 'error', 'stream_interrupted']);
  }
});

// Streams `count` pieces of `filling` once `next` is open, no faster than those in `reading` read.
const filling = 'x'.repeat(16_000);
const steadily = (next, count, reading) => async (_, out) => {
  await out.beginStream();
  await out.piece(streamed({ content: 'begun ' }));
  await next.opened;
  for (let i = 1; i <= count; i += 1) {
    await out.piece(streamed({ content: filling }));
    if (i % 20 === 0) await until(() => reading.every((caller) => caller.text.length >= i * filling.length));
  }
  await out.piece(streamed({}, 'stop') + 'data: [DONE]\n\n');
  await out.endStream();
};

test('a follower that does not read neither holds up the others nor gets a cut answer as a whole one', async () => {
  const next = gate();
  // More than the kernel's buffers and a flight's together; those who read keep up.
  const reading = [], count = 1500;
  provider.answer = steadily(next, count, reading);
  const body = named('slow follower', { stream: true });
  const leader = new Caller(body);
  await until(() => leader.text.includes('begun'));
  const slow = new Caller(body, { paused: true });
  const quick = new Caller(body);
  await until(() => quick.text.includes('begun') && slow.head !== undefined);
  reading.push(leader, quick);
  next.open();
  for (const caller of [leader, quick]) {
    const { content, last } = foldNative((await caller.done).text);
    assert.deepEqual([last.event, content.length], ['done', 6 + count * filling.length]);
  }
  slow.resume();
  const { text } = await slow.done;
  assert.equal(foldNative(text).last.event, 'error');
  assert.match(foldNative(text).last.value.error, /too slowly/);
});

// Beyond the kernel's buffers: within what may be owed to a caller, and beyond that as well.
for (const [what, count, cut] of [['late gets all of it in the end', 64, false], ['never is cut off, and not told an end', 1500, true]]) {
  test(`a leader that reads ${what}; it holds up nobody`, async () => {
    const next = gate();
    const reading = [];
    provider.answer = steadily(next, count, reading);
    const body = named(`a leader that reads ${what}`, { stream: true });
    const calls = await counting(async () => {
      const leader = new Caller(body, { paused: true });
      await until(() => leader.head !== undefined);
      reading.push(new Caller(body), new Caller(body));
      await until(() => reading.every((caller) => caller.text.includes('begun')));
      next.open();
      for (const caller of reading) {
        const { content, last } = foldNative((await caller.done).text);
        assert.deepEqual([last.event, content.length], ['done', 6 + count * filling.length]);
      }
      leader.resume();
      const { text, broken } = await leader.done;
      assert.equal(broken, cut);
      if (cut) assert.doesNotMatch(text, /^event: (done|error)/m);
      else assert.deepEqual([foldNative(text).last.event, foldNative(text).content.length], ['done', 6 + count * filling.length]);
      assert.equal((await accessLine(leader.id)).status, cut ? 499 : 200);
    });
    assert.equal(calls, 1);
  });
}

test('who comes when the leader is held up already is not held up with it; what is owed comes without more from the provider', async () => {
  const next = gate();
  const count = 60;
  provider.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(streamed({ content: 'begun ' }));
    for (let i = 0; i < count; i += 1) await out.piece(streamed({ content: filling }));
    await next.opened;
    await out.piece(streamed({}, 'stop') + 'data: [DONE]\n\n');
    await out.endStream();
  };
  const body = named('held up', { stream: true });
  const whole = 6 + count * filling.length;
  const calls = await counting(async () => {
    const leader = new Caller(body, { paused: true });
    await until(() => leader.head !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const late = new Caller(body);
    const heard = (caller) => caller.text.split('x').length > count * filling.length;
    await until(() => heard(late));
    // Now the provider is silent, and the leader reads.
    leader.resume();
    await until(() => heard(leader));
    next.open();
    for (const caller of [leader, late]) {
      const { content, last } = foldNative((await caller.done).text);
      assert.deepEqual([last.event, content.length], ['done', whole]);
    }
  });
  assert.equal(calls, 1);
});

test('a stream that has grown beyond its bound takes nobody else', async () => {
  const next = gate();
  provider.answer = async (_, out) => {
    await out.beginStream();
    for (let i = 0; i < 80; i += 1) await out.piece(streamed({ content: 'x'.repeat(16_000) }));
    await out.piece(streamed({ content: 'grown' }));
    await next.opened;
    await out.piece(ending);
    await out.endStream();
  };
  const body = named('grows', { stream: true });
  const calls = await counting(async () => {
    const first = new Caller(body);
    await until(() => first.text.includes('grown'));
    const second = new Caller(body);
    await until(() => second.text.includes('grown'));
    next.open();
    for (const caller of [first, second]) assert.equal((await caller.done).headers['x-ai-proxy-collapsed'], undefined);
  });
  assert.equal(calls, 2);
});

test('a fallback happens once, in the leader; followers are told whose answer it is', async () => {
  const { args } = configured(`
cache: {memory: 8MiB}
aliases:
  both: [openai/gpt-4o, mistral/mistral-small-latest]
`);
  const own = await startGateway({ environment: providersAt(provider.url), args });
  try {
    const held = gate();
    provider.answer = async (request, out) => {
      await held.opened;
      if (request.fields.get('authorization') === 'Bearer sk-test-openai') await out.whole({ error: { message: 'no' } }, { status: 503 });
      else await out.whole({ ...reply('From the other.'), model: 'mistral-small-latest' });
    };
    const environment = { url: `${own.url}/v1/chat`, headers: { 'x-ai-proxy-retries': '1' } };
    const body = { model: 'both', messages: [{ role: 'user', content: 'fall back' }] };
    const callers = [];
    const calls = await counting(async () => {
      for (let i = 0; i < 20; i += 1) callers.push(new Caller(body, environment));
      await until(() => callers.every((caller) => caller.request.writableFinished));
      held.open();
      await Promise.all(callers.map((caller) => caller.done));
    });
    const answers = await Promise.all(callers.map((caller) => caller.done));
    const alone = answers.filter(({ headers }) => headers['x-cache'] === 'MISS');
    assert.ok(alone.length < answers.length && JSON.parse(answers[0].text).message, answers[0].text);
    assert.ok(calls <= 2 * alone.length);
    for (const { text, headers } of answers.filter((one) => one.headers['x-cache'] === 'HIT')) {
      const answer = JSON.parse(text);
      assert.deepEqual([answer.provider, answer.message.content], ['mistral', 'From the other.'], text);
      assert.equal(headers['x-ai-proxy-provider'], 'mistral');
    }
  } finally {
    await own.stop();
  }
});

test('a keep-alive that begins a stream names the one who answers, to who follows too', async () => {
  const { args } = configured(`
cache: {memory: 8MiB}
streams: {keep_alive: 200ms}
aliases:
  both: [openai/gpt-4o, anthropic/claude-haiku-4-5]
`);
  const own = await startGateway({ environment: providersAt(provider.url), args });
  try {
    const [failed, thought] = [gate(), gate()];
    provider.answer = async (request, out) => {
      if (request.fields.get('authorization') === 'Bearer sk-test-openai') {
        await failed.opened;
        return out.whole({ error: { message: 'no' } }, { status: 503 });
      }
      await out.beginStream();
      await thought.opened;
      await out.piece(wire.anthropic.stream(thoughts).join(''));
      return out.endStream();
    };
    const options = { url: `${own.url}/v1/chat`, headers: { 'x-ai-proxy-retries': '1' } };
    const body = { model: 'both', stream: true, messages: [{ role: 'user', content: 'think' }] };
    const callers = Array.from({ length: 10 }, () => new Caller(body, options));
    await until(() => callers.every((caller) => caller.request.writableFinished));
    failed.open();
    await until(() => callers.every((caller) => caller.head !== undefined && /: ping/.test(caller.text)));
    thought.open();
    const answers = await Promise.all(callers.map((caller) => caller.done));
    assert.ok(answers.some(({ headers }) => headers['x-ai-proxy-collapsed'] === 'true'));
    for (const { headers, text } of answers) {
      assert.deepEqual([headers['x-ai-proxy-provider'], headers['x-ai-proxy-model']], ['anthropic', 'claude-haiku-4-5'], JSON.stringify(headers));
      assert.equal(foldNative(text.replaceAll(/^: ping\n/gm, '')).content, thoughts.text.join(''));
    }
  } finally {
    await own.stop();
  }
});

test('single_flight: false, or no cache: every request calls', async () => {
  const { args } = configured('cache: {memory: 8MiB, single_flight: false}\n');
  for (const options of [{ args }, {}]) {
    const own = await startGateway({ environment: providersAt(provider.url), ...options });
    try {
      const held = gate();
      provider.answer = async (_, out) => { await held.opened; await out.whole(reply()); };
      const seen = provider.requests.length;
      const callers = Array.from({ length: 5 }, () => new Caller(named('each its own'), { url: `${own.url}/v1/chat` }));
      await until(() => provider.requests.length === seen + 5);
      held.open();
      for (const caller of callers) assert.equal((await caller.done).headers['x-ai-proxy-collapsed'], undefined);
    } finally {
      await own.stop();
    }
  }
});

test('with Redis alone: one call, and what is found there in no shape to be used is a miss', async () => {
  const redis = await RealRedis.start();
  const { args } = configured('cache: {redis_timeout: 5s}\n');
  const own = await startGateway({ environment: { ...providersAt(provider.url), REDIS_URL: redis.url }, args });
  try {
    const held = gate();
    provider.answer = async (_, out) => { await held.opened; await out.whole(reply('By Redis.')); };
    const url = `${own.url}/v1/chat`;
    const callers = [];
    const calls = await counting(async () => {
      const seen = provider.requests.length;
      for (let i = 0; i < 40; i += 1) callers.push(new Caller(named('in redis'), { url }));
      await until(() => provider.requests.length > seen && callers.every((caller) => caller.request.writableFinished));
      held.open();
      await Promise.all(callers.map((caller) => caller.done));
    });
    const answers = await Promise.all(callers.map((caller) => caller.done));
    assert.equal(calls, answers.filter(({ headers }) => headers['x-cache'] === 'MISS').length);
    assert.ok(calls < answers.length);
    // Who follows has not asked Redis.
    const others = answers.filter(({ headers }) => headers['x-ai-proxy-collapsed'] !== 'true').length;
    const looked = Number(/cmdstat_getrange:calls=(\d+)/.exec(redis.cli('info', 'commandstats'))?.[1]);
    assert.ok(looked >= 1 && looked <= others, `${looked} look-ups of ${answers.length} requests, ${others} of which have followed nobody`);
    await until(() => redis.cli('dbsize').endsWith('1'));
    const entry = redis.cli('keys', '*');
    for (const bad of ['garbage', 'APC1' + 'x'.repeat(200), 'y'.repeat(9 * 1024 * 1024).slice(0, 100_000)]) {
      redis.cli('set', entry, bad);
      const { status, headers } = await new Caller(named('in redis'), { url }).done;
      assert.deepEqual([status, headers['x-cache'], headers['x-ai-proxy-collapsed']], [200, 'MISS', undefined]);
    }
  } finally {
    await own.stop();
    await redis.kill();
  }
});

test('who follows, and whose stream an early keep-alive has begun, gets an answer though its leader makes no call', async () => {
  const redis = await RealRedis.start();
  const { args } = configured(`cache: {redis: '${redis.url}', redis_timeout: 10s, streams: fast}\nstreams: {keep_alive: 150ms, begin_early: true}\n`);
  const own = await startGateway({ environment: providersAt(provider.url), args });
  try {
    provider.answer = (_, out) => out.stream(wire.openai.stream(thoughts).join(''));
    const ask = () => new Caller(named('kept elsewhere', { stream: true }), { url: `${own.url}/v1/chat` });
    assert.equal((await ask().done).headers['x-cache'], 'MISS');
    await until(() => redis.cli('dbsize').endsWith('1'));
    // The leader waits for Redis; who follows waits for the leader, and hears that it lives.
    redis.signal('SIGSTOP');
    const callers = Array.from({ length: 5 }, ask);
    await until(() => callers.filter(({ text }) => /: ping/.test(text)).length >= 4);
    redis.signal('SIGCONT');
    for (const { text, broken } of await Promise.all(callers.map(({ done }) => done))) {
      const { content, last } = foldNative(text.replaceAll(/^: ping\n/gm, ''));
      assert.deepEqual([broken, content, last.event], [false, thoughts.text.join(''), 'done'], text);
    }
  } finally {
    redis.signal('SIGCONT');
    await own.stop();
    await redis.kill();
  }
});

test('nobody is left waiting when the gateway stops', async () => {
  const { args } = configured('cache: {memory: 8MiB}\nserver: {drain: 1s}\n');
  const own = await startGateway({ environment: providersAt(provider.url), args });
  provider.answer = async () => {};
  const seen = provider.requests.length;
  const callers = Array.from({ length: 6 }, () => new Caller(named('until the end'), { url: `${own.url}/v1/chat` }));
  await until(() => provider.requests.length > seen && callers.every((caller) => caller.request.writableFinished));
  await own.stop();
  for (const caller of callers) {
    const answer = await caller.done.catch(() => ({ status: 0 }));
    assert.ok([0, 503].includes(answer.status), String(answer.status));
  }
});

// Keeps `post` honest as the plain way to ask: a hit needs no flight.
test('a hit is not a flight', async () => {
  provider.answer = (_, out) => out.whole(reply());
  await post(`${gateway.url}/v1/chat`, named('plain'));
  const hit = await post(`${gateway.url}/v1/chat`, named('plain'));
  assert.deepEqual([hit.headers['x-cache'], hit.headers['x-ai-proxy-collapsed']], ['HIT', undefined]);
});
