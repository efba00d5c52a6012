// Rows D1-D4: Redis killed, frozen, talking nonsense, full of what others wrote. A real redis-server; the provider's answer
// repeats the question, so that an answer which belongs to another question cannot pass.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { slow, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { wire } from '../support/turns.mjs';
import { ask, chance, closedLoop, counted, full, keepsAll, messages, pause, quantile, seed, stopLoads, until } from './support/life.mjs';
import { DamagingWay, FalseRedis, RealRedis } from './support/redis.mjs';

let provider, redis;
before(async () => {
  provider = await ScriptedProvider.start((request, out) => {
    const { messages: asked } = JSON.parse(request.body);
    return out.whole(wire.openai.whole({ text: [`echo ${asked.at(-1).content}`], reason: 'stop' }));
  });
  redis = await RealRedis.start();
});
after(async () => {
  await provider.stop();
  await redis.kill();
});

const question = (content, model = 'gpt-4o') => ({ provider: 'openai', model, messages: [{ role: 'user', content }] });

// What is not about Redis' 50 ms gives it `patience`: on a busy machine they may be over for a Redis that is well.
const patient = { patience: '5s' };
async function withGateway(url, body, { patience = '50ms' } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-dependencies-'));
  writeFileSync(path.join(folder, 'config.yaml'), `cache:\n  redis_timeout: ${patience}\n`);
  const gateway = await startGateway({ folder, args: ['--config', 'config.yaml'], environment: { OPENAI_BASE_URL: provider.url, REDIS_URL: url } });
  const agent = new http.Agent({ keepAlive: true });
  // The answer to a question, checked: whatever Redis does, it is a 200 and the answer to this question.
  const chat = async (content, headers, own = agent) => {
    const outcome = await ask(`${gateway.url}/v1/chat`, question(content), { agent: own, headers });
    assert.equal(outcome.status, 200, `${outcome.fault} ${outcome.text}`);
    assert.equal(JSON.parse(outcome.text).message.content, `echo ${content}`);
    return { ...outcome, cache: outcome.headers['x-cache'], inside: Number(outcome.headers['x-ai-proxy-overhead-us']) / 1000 };
  };
  // What was stored a moment ago is a hit, though perhaps not at once.
  chat.hits = (content) => until(async () => (await chat(content)).cache === 'HIT', `a hit for ${content}`);
  try { await body(gateway, chat); } finally { await stopLoads().catch(() => {}); agent.destroy(); await gateway.stop(); }
}

const [away, back] = ['redis is away: going on without it', 'redis is back'];
const changes = (gateway) => messages(gateway).map(({ message }) => message).filter((message) => /redis is/.test(message));

for (const [row, what, begin, end] of [
  ['D1', 'killed', () => redis.kill(), () => redis.again()],
  ['D2', 'frozen', () => redis.signal('SIGSTOP'), () => redis.signal('SIGCONT')],
]) {
  // What is slow on this machine without a fault is not Redis' doing: so one of some tries must keep the row's numbers.
  const limits = { 'slower than 50 ms': 5, 'median while away (ms)': 1, 'back (ms)': 4000, 'lines': 2 };
  // There a Redis that is well may be away for a moment, too.
  const options = { 'slower than 50 ms': { never: Infinity }, 'median while away (ms)': { never: slow ? 100 : 10 }, 'lines': { never: 20 } };
  const name = `${row} Redis ${what} under load: no failure, five slow answers at most, then none waits; back within 4 s`;
  test(name, (context) => keepsAll(limits, async (attempt) => {
    const seen = {};
    await withGateway(redis.url, async (gateway, chat) => {
      const lanes = 4;
      const time = full && attempt === 0 ? 10_000 : 2000;
      const load = closedLoop((lane, number) => chat(`lane ${lane} number ${number % 7}`), lanes);
      await pause(time);
      const calm = load.outcomes.length;
      const slowBefore = load.outcomes.slice(calm / 2).filter(({ inside }) => inside >= 50).length;
      assert.ok(load.outcomes.some(({ cache }) => cache === 'HIT'), 'the cache works before the fault');
      await until(() => changes(gateway).at(-1) !== away, 'Redis is there');
      const earlier = changes(gateway).length;
      const since = () => changes(gateway).slice(earlier);
      await begin();
      await pause(time);
      const during = load.outcomes.slice(calm);
      const slowOnes = during.filter(({ inside }) => inside >= 50).length;
      await until(() => since().includes(away), 'Redis is away');
      const open = load.outcomes.length;
      await pause(time / 2);
      const waited = load.outcomes.slice(open).map(({ inside }) => inside);
      const ended = performance.now();
      await end();
      // A thread that nobody asks does not find out: every thread is asked, on connections of its own.
      await until(async () => { await chat('after the fault', {}, false); return since().includes(back); }, 'Redis is back');
      const backAfter = performance.now() - ended;
      await until(async () => (await chat('after the fault')).cache === 'HIT', 'the cache works again');
      const outcomes = await load.stop();
      Object.assign(seen, { 'slower than 50 ms': slowOnes, 'median while away (ms)': quantile(waited, 0.5), 'back (ms)': backAfter, lines: since().length });
      context.diagnostic(`${outcomes.length} requests, ${slowBefore} slower than 50 ms before the fault; ${JSON.stringify(seen)}`);
      assert.deepEqual(counted(outcomes), { 200: outcomes.length });
      // Who waited for Redis each time would be slow each time.
      assert.ok(slowOnes <= 5 + 3 * slowBefore + during.length / 20, `${slowOnes} slow ones of ${during.length}`);
      assert.deepEqual(changes(gateway), changes(gateway).map((_, index) => (index % 2 ? back : away)), 'one line for each change');
    });
    return seen;
  }, options));
}

test('D2 Redis frozen: probes and readiness do not notice', async () => {
  await withGateway(redis.url, async (gateway, chat) => {
    await chat('warm');
    redis.signal('SIGSTOP');
    try {
      for (let round = 0; round < 20; ++round) {
        for (const path of ['/livez', '/readyz']) assert.equal((await ask(gateway.url + path)).status, 200);
        await chat(`round ${round}`);
      }
    } finally {
      redis.signal('SIGCONT');
    }
  });
});

const random = chance();
const bulk = (text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const nonsense = {
  'garbage': () => Buffer.from(Array.from({ length: 1 + random(200) }, () => random(256))),
  'an HTTP answer': () => 'HTTP/1.1 400 Bad Request\r\n\r\n',
  '-LOADING': () => '-LOADING Redis is loading the dataset in memory\r\n',
  '-MOVED': () => '-MOVED 3999 127.0.0.1:6381\r\n',
  '-NOAUTH': () => '-NOAUTH Authentication required.\r\n',
  'half a reply, then silence': () => '$100\r\nabc',
  'half a reply, then the end': (_, socket) => { socket.end('$100\r\nabc'); return null; },
  'a reset': (_, socket) => { socket.resetAndDestroy(); return null; },
  'silence': () => null,
  'a number': () => ':7\r\n',
  'an array': () => '*2\r\n$1\r\na\r\n$1\r\nb\r\n',
  'a length that cannot be': () => '$-7\r\n',
  'a huge length': () => '$536870912\r\nabc',
  'two replies for one': () => `${bulk('APC4')}${bulk('APC4')}`,
  'a value of nobody': () => bulk('hello'),
  'a value that begins like ours': () => bulk(`APC4${'\u0000'.repeat(200)}`),
  'an entry of an earlier version': () => bulk(`APC2${'x'.repeat(100)}`),
};
for (const [what, answer] of Object.entries(nonsense)) {
  test(`D3 Redis answers ${what}: a miss each time, the answer is right`, async () => {
    const stub = await FalseRedis.start(answer);
    try {
      await withGateway(stub.url, async (gateway, chat) => {
        const begin = performance.now();
        const load = closedLoop((lane, number) => chat(`${what} ${lane} ${number % 3}`), 4);
        await until(() => load.outcomes.length >= 60, 'some requests');
        for (const { cache } of await load.stop()) assert.equal(cache, 'MISS');
        const lines = messages(gateway).filter(({ message }) => /redis/.test(message));
        // It greets well, so that each probe, one in two seconds, makes two.
        const seconds = (performance.now() - begin) / 1000;
        assert.ok(lines.length <= 4 + 2 * seconds, `a line per change, not per request: ${JSON.stringify(lines)}`);
      });
    } finally { await stub.stop(); }
  });
}

for (const word of ['OOM command not allowed when used memory > \'maxmemory\'.', 'READONLY You can\'t write against a read only replica.', 'MISCONF Redis is configured to save RDB snapshots']) {
  test(`D3 Redis refuses to store (${word.split(' ')[0]}): reading goes on, said once`, async () => {
    // What the gateway itself has written stands here, as if it had come by way of the primary.
    const kept = new Map();
    let refusing = false;
    const stub = await FalseRedis.start(([name, key, ...rest]) => {
      if (name === 'SET') {
        if (refusing) return `-${word}\r\n`;
        kept.set(key.toString(), rest[0]);
        return '+OK\r\n';
      }
      const value = kept.get(key.toString()) ?? Buffer.alloc(0);
      return Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]);
    });
    try {
      await withGateway(stub.url, async (gateway, chat) => {
        await until(async () => { await chat('kept'); return kept.size === 1; }, 'it is kept');
        refusing = true;
        for (let round = 0; round < 30; ++round) {
          assert.equal((await chat(`new ${round}`)).cache, 'MISS');
          await chat.hits('kept');
        }
        const said = await until(() => { const lines = messages(gateway).filter(({ message }) => /redis refuses to store/.test(message)); return lines.length > 0 && lines; }, 'it is said');
        assert.ok(said.length <= 2, `once for each thread at most, not ${said.length} times`);
        assert.equal(said[0].reason, word.split(' ')[0]);
        const away = messages(gateway).filter(({ message, reason }) => /redis is away/.test(message) && reason !== 'timeout');
        assert.deepEqual(away, [], 'for that it is not away');
      }, patient);
    } finally { await stub.stop(); }
  });
}

test('D3 FLUSHALL under load: misses, nothing else', async () => {
  await withGateway(redis.url, async (gateway, chat) => {
    const load = closedLoop((lane, number) => chat(`flush ${lane} ${number % 3}`), 4);
    const seen = (what, from) => load.outcomes.slice(from).some(({ cache }) => cache === what);
    for (let round = 0; round < 20; ++round) {
      const flushed = load.outcomes.length;
      assert.equal(redis.cli('flushall'), 'OK');
      await until(() => seen('MISS', flushed) && seen('HIT', flushed), 'misses, and hits again');
    }
    await load.stop();
  }, patient);
});

test('D3 a bit of every other reply is flipped: no answer but the right one', async (context) => {
  context.diagnostic(`seed ${seed}`);
  let flipped = 0;
  const way = await DamagingWay.start(redis.port, (bytes) => {
    if (bytes.length < 20 || random(2) === 0) return bytes;
    const damaged = Buffer.from(bytes);
    damaged[random(damaged.length)] ^= 1 << random(8);
    flipped += 1;
    return damaged;
  });
  try {
    await withGateway(way.url, async (gateway, chat) => {
      const load = closedLoop((lane, number) => chat(`flip ${lane} ${number % 5}`), 4);
      await until(() => flipped >= (full ? 2000 : 100), 'bits are flipped', 120_000);
      const outcomes = await load.stop();
      const hits = outcomes.filter(({ cache }) => cache === 'HIT').length;
      context.diagnostic(`${flipped} bits flipped, ${outcomes.length} requests, ${hits} hits, all right`);
      assert.ok(hits > 0, 'what was not damaged is a hit');
    });  // not patient: a length that was damaged is waited for
  } finally { await way.stop(); }
});

test('D4 an entry under another request\'s key is no answer to that request', async () => {
  redis.cli('flushall');
  await withGateway(redis.url, async (gateway, chat) => {
    const count = 12;
    const keys = new Map();
    for (let index = 0; index < count; ++index) {
      const key = await until(async () => await chat(`request ${index}`) && redis.cli('keys', 'ai-proxy:*').split('\n').find((one) => one && ![...keys.values()].includes(one)), 'it is kept');
      assert.match(key, /^ai-proxy:v\d+:[0-9a-f]{64}$/, 'no prompt, no name');
      keys.set(index, key);
    }
    for (let index = 0; index < count; ++index) await chat.hits(`request ${index}`);
    // A neighbour, or a mistake, copies each one's answer under the next one's key.
    const first = redis.cli('copy', keys.get(0), 'kept-aside');
    assert.equal(first, '1');
    for (let index = 0; index < count; ++index) assert.equal(redis.cli('copy', index + 1 < count ? keys.get(index + 1) : 'kept-aside', keys.get(index), 'replace'), '1');
    for (let index = 0; index < count; ++index) assert.equal((await chat(`request ${index}`)).cache, 'MISS');
  }, patient);
});

// Each answer tells what its provider was asked with.
test('D4 another beta field, or another version, has another key', async () => {
  redis.cli('flushall');
  const fields = ['anthropic-beta', 'anthropic-version'];
  const told = await ScriptedProvider.start((request, out) => {
    const text = JSON.stringify(fields.map((name) => request.fields.get(name) ?? ''));
    return out.whole(wire.anthropic.whole({ text: [text], reason: 'stop' }));
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-dependencies-'));
  writeFileSync(path.join(folder, 'config.yaml'), `cache:\n  redis_timeout: ${patient.patience}\n`);
  const environment = { ANTHROPIC_BASE_URL: told.url, REDIS_URL: redis.url };
  const gateway = await startGateway({ folder, args: ['--config', 'config.yaml'], environment });
  try {
    const body = { model: 'anthropic/claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'the same words' }] };
    const asked = async ([beta, version]) => {
      const headers = { 'anthropic-version': version, ...(beta ? { 'anthropic-beta': beta } : {}) };
      const { status, text, headers: got } = await ask(`${gateway.url}/v1/messages`, body, { headers });
      assert.equal(status, 200, text);
      assert.equal(JSON.parse(text).content[0].text, JSON.stringify([beta, version]), 'the answer to this request');
      return got['x-cache'];
    };
    const [files, long] = ['files-api-2025-04-14', 'context-1m-2025-08-07'];
    const variants = [...['', files, long, `${files},${long}`].map((beta) => [beta, '2023-06-01']), ['', '2023-01-01']];
    for (const variant of variants) {
      assert.equal(await asked(variant), 'MISS', `${variant} is not what is kept of the others`);
      await until(async () => await asked(variant) === 'HIT', `a hit for ${variant}`);
    }
    for (const variant of variants) assert.equal(await asked(variant), 'HIT', 'each of its own');
  } finally {
    await gateway.stop();
    await told.stop();
  }
});

test('D4 another model or provider address has another key', async () => {
  redis.cli('flushall');
  await withGateway(redis.url, async (gateway, chat) => {
    await until(async () => await chat('the same words') && redis.cli('dbsize').endsWith('1'), 'it is kept');
    const other = await ask(`${gateway.url}/v1/chat`, question('the same words', 'gpt-4o-mini'));
    assert.equal(other.headers['x-cache'], 'MISS');
  }, patient);
  const elsewhere = await ScriptedProvider.start((_, out) => out.whole(wire.openai.whole({ text: ['from elsewhere'], reason: 'stop' })));
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: elsewhere.url, REDIS_URL: redis.url } });
  try {
    const answer = await ask(`${gateway.url}/v1/chat`, question('the same words'));
    assert.deepEqual([answer.headers['x-cache'], JSON.parse(answer.text).message.content], ['MISS', 'from elsewhere']);
  } finally {
    await gateway.stop();
    await elsewhere.stop();
  }
});
