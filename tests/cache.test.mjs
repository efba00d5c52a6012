// The cache with a real redis-server: hit, miss, bypass, TTL, secrecy of keys, and Redis killed or frozen under load.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { configured } from './support/chat.mjs';
import { Program, freePort, postJson, startGateway, startSimulator } from './support/processes.mjs';
import { accessLine } from './support/world.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-redis-'));
let port, redis, simulator;

async function startRedis() {
  redis = new Program('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { env: process.env });
  await redis.saw(/Ready to accept connections/);
}

const cli = (...args) => spawnSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' }).stdout.trim();
const providers = () => ({ OPENAI_BASE_URL: `${simulator.url}/openai`, ANTHROPIC_BASE_URL: `${simulator.url}/anthropic`, MISTRAL_BASE_URL: `${simulator.url}/mistral` });
const question = (content) => ({ provider: 'openai', model: 'gpt-4o', messages: [{ role: 'user', content }] });

before(async () => {
  port = await freePort();
  await startRedis();
  simulator = await startSimulator();
});
after(async () => {
  await simulator.stop();
  redis.child.kill('SIGKILL');
  await redis.exited;
});

// Where Redis has all the time that a busy machine may make it take.
const patient = configured('cache: {redis_timeout: 5s}\n');

async function withGateway(environment, body, { args } = {}) {
  const gateway = await startGateway({ environment: { ...providers(), ...environment }, args });
  try { await body(gateway, (content, headers) => postJson(`${gateway.url}/v1/chat`, question(content), headers)); } finally { await gateway.stop(); }
}

async function until(condition, limit = 10_000) {
  const end = Date.now() + limit;
  while (!(await condition())) {
    assert.ok(Date.now() < end, 'the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a caller that leaves while Redis is asked is not called for', async () => {
  const { args } = configured('cache: {redis_timeout: 2s, single_flight: false}\n');
  const gateway = await startGateway({ environment: { ...providers(), REDIS_URL: `redis://127.0.0.1:${port}` }, args });
  try {
    assert.equal((await postJson(`${gateway.url}/v1/chat`, question('before it freezes'))).status, 200);
    redis.child.kill('SIGSTOP');
    const leaving = new AbortController();
    const asked = fetch(`${gateway.url}/v1/chat`, { method: 'POST', body: JSON.stringify(question('for nobody')), headers: { 'content-type': 'application/json', 'x-request-id': 'for-nobody' }, signal: leaving.signal });
    setTimeout(() => leaving.abort(), 200);
    await assert.rejects(asked, { name: 'AbortError' });
    const line = await accessLine('for-nobody', gateway);
    assert.deepEqual([line.status, line.attempts ?? 0, line.error_code], [499, 0, 'cancelled'], JSON.stringify(line));
  } finally {
    redis.child.kill('SIGCONT');
    await gateway.stop();
  }
});

test('gateways that share a Redis but send other header fields to a provider share no answers', async () => {
  const [one, two] = ['one', 'two'].map((team) => configured(`cache: {redis_timeout: 5s}\nproviders: {openai: {headers: {x-team: ${team}}}}\n`).args);
  const outcomes = [];
  try {
    for (const args of [one, one, two, two]) {
      const gateway = await startGateway({ environment: { ...providers(), REDIS_URL: `redis://127.0.0.1:${port}` }, args });
      try {
        const before = Number(cli('dbsize'));
        const cache = (await postJson(`${gateway.url}/v1/chat`, question('for one team'))).headers.get('x-cache');
        if (cache === 'MISS') await until(() => Number(cli('dbsize')) > before);
        outcomes.push(cache);
      } finally { await gateway.stop(); }
    }
  } finally { cli('flushall'); }
  assert.deepEqual(outcomes, ['MISS', 'HIT', 'MISS', 'HIT']);
});

test('miss, hit, bypass, no-store; a hit costs nothing and keeps what was saved', async () => {
  await withGateway({ REDIS_URL: `redis://127.0.0.1:${port}` }, async (gateway, ask) => {
    const first = await ask('cache me');
    assert.equal(first.headers.get('x-cache'), 'MISS');
    await until(() => cli('dbsize').endsWith('1'));
    const hit = await ask('cache me', { 'x-request-id': 'the-hit' });
    assert.equal(hit.headers.get('x-cache'), 'HIT');
    const [before, after] = [JSON.parse(first.text), JSON.parse(hit.text)];
    assert.equal(after.message.content, before.message.content);
    assert.deepEqual(after.usage, before.usage);
    assert.equal(after.cost.estimated_cost_usd, '0.000000');
    assert.equal(after.cached, true);
    assert.deepEqual(Object.keys(after).slice(-2), ['latency_ms', 'cached']);
    await gateway.saw(/the-hit.*\n/);
    const line = gateway.accessLines().find((entry) => entry.request_id === 'the-hit');
    assert.deepEqual([line.cost_usd, line.saved_usd, line.cache], ['0.000000', before.cost.estimated_cost_usd, 'HIT']);

    assert.equal((await ask('cache me', { 'cache-control': 'no-cache' })).headers.get('x-cache'), 'BYPASS');
    assert.equal((await ask('never keep me', { 'cache-control': 'no-store' })).headers.get('x-cache'), 'BYPASS');
    assert.equal((await ask('never keep me', { 'cache-control': 'no-store' })).headers.get('x-cache'), 'BYPASS');
    assert.equal((await ask('never keep me')).headers.get('x-cache'), 'MISS');
    const streamed = await postJson(`${gateway.url}/v1/chat`, { ...question('cache me'), stream: true });
    assert.equal(streamed.headers.get('x-cache'), 'BYPASS');
    assert.equal((await ask('another question')).headers.get('x-cache'), 'MISS');
  }, patient);
});

test('TTL is 600 s, or what the request says; keys hold no prompt text', async () => {
  cli('flushall');
  await withGateway({ REDIS_URL: `redis://127.0.0.1:${port}/0` }, async (gateway, ask) => {
    await ask('secret-prompt-word');
    await until(() => cli('dbsize').endsWith('1'));
    const [key] = cli('keys', '*').split('\n');
    assert.match(key, /^ai-proxy:v\d+:[0-9a-f]{64}$/);
    const ttl = Number(cli('ttl', key));
    assert.ok(ttl > 590 && ttl <= 600, `ttl ${ttl}`);
    cli('flushall');
    await ask('secret-prompt-word', { 'x-ai-proxy-cache-ttl': '30', 'cache-control': 'no-cache' });
    await until(() => cli('dbsize').endsWith('1'));
    assert.ok(Number(cli('ttl', cli('keys', '*'))) <= 30);
  }, patient);
});

test('a damaged or foreign entry is a miss', async () => {
  cli('flushall');
  await withGateway({ REDIS_URL: `redis://127.0.0.1:${port}` }, async (gateway, ask) => {
    await ask('damage');
    await until(() => cli('dbsize').endsWith('1'));
    cli('set', cli('keys', '*'), 'garbage');
    const { status, headers } = await ask('damage');
    assert.deepEqual([status, headers.get('x-cache')], [200, 'MISS']);
  }, patient);
});

test('the memory cache alone, and errors are never kept', async () => {
  await withGateway({ AI_PROXY_CACHE_MEMORY: '8MB' }, async (gateway, ask) => {
    assert.equal((await ask('in memory')).headers.get('x-cache'), 'MISS');
    assert.equal((await ask('in memory')).headers.get('x-cache'), 'HIT');
  });
  const failing = await startSimulator(['--error-rate', '100']);
  await withGateway({ AI_PROXY_CACHE_MEMORY: '8MB', OPENAI_BASE_URL: failing.url }, async (gateway, ask) => {
    for (let i = 0; i < 2; ++i) {
      const { status, headers } = await ask('fails');
      assert.ok(status >= 400);
      assert.notEqual(headers.get('x-cache'), 'HIT');
    }
  });
  await failing.stop();
});

// Runs requests one after another in several lanes for a time; every one must succeed.
async function load(ask, milliseconds, lanes = 8) {
  const end = Date.now() + milliseconds;
  const times = [];
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (let i = 0; Date.now() < end; ++i) {
      const begin = performance.now();
      const { status, text } = await ask(`lane ${lane} question ${i % 5}`);
      times.push(performance.now() - begin);
      assert.equal(status, 200, text);
    }
  }));
  return times;
}

test('Redis killed under load: no request fails; it comes back by itself', async () => {
  await withGateway({ REDIS_URL: `redis://127.0.0.1:${port}` }, async (gateway, ask) => {
    const running = load(ask, 2500);
    await new Promise((resolve) => setTimeout(resolve, 500));
    redis.child.kill('SIGKILL');
    await redis.exited;
    const times = await running;
    assert.ok(times.length > 16, `${times.length} answers`);   // in eight lanes: none of them stood still
    await startRedis();
    await until(async () => { await ask('after the restart'); return (await ask('after the restart')).headers.get('x-cache') === 'HIT'; });
  });
});

test('Redis frozen under load: no request fails, and soon none waits for it', async () => {
  await withGateway({ REDIS_URL: `redis://127.0.0.1:${port}` }, async (gateway, ask) => {
    const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
    await load(ask, 300);
    const usual = median(await load(ask, 500));
    redis.child.kill('SIGSTOP');
    try {
      await load(ask, 1500);
      // Waiting for Redis would take its 50 ms each time; what else it takes here is known from before. Something else may
      // keep the machine busy for a while.
      const most = Math.max(45, 4 * usual);
      let later = Infinity;
      for (let round = 0; round < 4 && later >= most; ++round) later = median(await load(ask, 1000));
      assert.ok(later < most, `median ${later} ms while Redis is frozen and the breaker open, ${usual} ms before`);
    } finally {
      redis.child.kill('SIGCONT');
    }
    await until(async () => { await ask('after the thaw'); return (await ask('after the thaw')).headers.get('x-cache') === 'HIT'; });
    // It is said once every thread has it back, and a thread finds that out by being asked.
    await until(async () => { await load(ask, 100); return /redis is back/.test(gateway.output + gateway.errors); });
    const changes = (gateway.output + gateway.errors).split('\n').filter((line) => /redis/i.test(line));
    assert.ok(changes.length <= 8, `one line per change of state, not per request:\n${changes.join('\n')}`);
  });
});
