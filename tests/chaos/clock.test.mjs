// Rows D11 and D12: a wall clock that jumps, and a process that is stopped for a while.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { unable } from '../support/skips.mjs';
import { foldNative } from '../support/sse.mjs';
import { wire } from '../support/turns.mjs';
import { Caller, allowance, ask, counted, full, keeps, messages, openStream, pause, until } from './support/life.mjs';
import { RealRedis } from './support/redis.mjs';
import { scale } from './support/scale.mjs';

// A provider that answers when the test lets it. "now" in the question: at once; "never": not at all; "fail": with a 500; "limit":
// with a 429 and two seconds to wait.
const turn = { text: ['Once', ' upon'], reason: 'stop' };
let provider, redis, held;
before(async () => {
  held = [];
  const wait = () => new Promise((resolve) => held.push(resolve));
  provider = await ScriptedProvider.start(async (request, out) => {
    const { stream, messages: asked } = JSON.parse(request.body);
    const text = asked.at(-1).content;
    if (text.startsWith('never')) return;
    if (text.startsWith('fail')) return out.whole({ error: { message: 'no' } }, { status: 500 });
    if (text.startsWith('limit')) return out.whole({ error: { message: 'slow down' } }, { status: 429, fields: { 'retry-after': '2' } });
    if (!stream) {
      if (!text.startsWith('now')) await wait();
      return out.whole(wire.openai.whole(turn));
    }
    const [first, ...rest] = wire.openai.stream(turn);
    await out.beginStream();
    await out.piece(first + rest.shift());
    await wait();
    for (const piece of rest) await out.piece(piece);
    return out.endStream();
  });
  redis = await RealRedis.start();
});
after(async () => {
  await provider?.stop();
  await redis?.kill();
});
const release = () => { for (const go of held.splice(0)) go(); };
const question = (content) => ({ provider: 'openai', model: 'gpt-4o', messages: [{ role: 'user', content }] });

const refusedFor = ({ status, text }) => [status, JSON.parse(text).details?.code];

const libraries = '/usr/lib';
const faketime = readdirSync(libraries).map((folder) => path.join(libraries, folder, 'faketime/libfaketimeMT.so.1')).find((file) => existsSync(file));
const realTimers = path.join(mkdtempSync(path.join(tmpdir(), 'ai-proxy-timers-')), 'real_timers.so');
// A sanitizer's own runtime must be the first library of a process.
const sanitized = process.env.AI_PROXY_SLOW === '1';
const skip = sanitized ? 'libfaketime and a sanitizer do not go together' : unable(!faketime && 'libfaketime is not installed');
before(() => {
  if (skip) return;
  const source = path.join(import.meta.dirname, 'support/real_timers.c');
  const built = ['clang-19', 'gcc', 'cc'].some((compiler) => spawnSync(compiler, ['-shared', '-fPIC', '-o', realTimers, source]).status === 0);
  assert.ok(built, 'no C compiler could build support/real_timers.c');
});

// Berlin's time, by its rule: without a file of zones too.
const berlin = 'CET-1CEST,M3.5.0,M10.5.0/3';
async function withFakeClock(body, { yaml = '', environment = {} } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-clock-'));
  const file = path.join(folder, 'time');
  // It is read again and again: never half of it. A number is of seconds, ahead or back.
  const set = (time) => {
    writeFileSync(`${file}.new`, `${time > 0 ? '+' : ''}${time}\n`);
    renameSync(`${file}.new`, file);
  };
  set('+0');
  const gateway = await startGateway({
    folder,
    environment: {
      OPENAI_BASE_URL: provider.url, REDIS_URL: redis.url, AI_PROXY_CACHE_MEMORY: '8MB', LD_PRELOAD: `${realTimers}:${faketime}`, FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', AI_PROXY_CONFIG: 'config.yaml', TZ: berlin,
      ...config(folder, `limits:\n  provider:\n    first_byte: 2s\ncache:\n  redis_timeout: 1s\n${yaml}`),  // Redis: as long as a busy machine takes
      ...environment,
    },
  });
  try { await body(gateway, set); } finally { release(); await gateway.stop(); }
}

function config(folder, text) {
  writeFileSync(path.join(folder, 'config.yaml'), text);
  return {};
}

// The wall clock of the gateway, as its answers show it (seconds).
const clockOf = async (gateway) => Date.parse((await ask(`${gateway.url}/livez`)).headers.date) / 1000;

test('D11 the wall clock jumps a day ahead, an hour back, to and fro: no time-out moves, no duration is negative', { skip }, async (context) => {
  await withFakeClock(async (gateway, set) => {
    const agent = new http.Agent({ keepAlive: true });
    const chat = (content) => ask(`${gateway.url}/v1/chat`, question(content), { agent });
    const stream = openStream(`${gateway.url}/v1/chat`, question('a stream'));
    await stream.begun;
    const real = await clockOf(gateway), realAt = performance.now();
    assert.equal((await chat('now, and keep it')).headers['x-cache'], 'MISS');

    const jumps = [['+1d', 86_400], ['-1h', -3600], ...Array.from({ length: scale(2, 6) }, (_, index) => [index % 2 ? '-1s' : '+1s', index % 2 ? -1 : 1])];
    // How long the limit of two seconds took, over a jump.
    const jumped = async (jump, seconds, attempt) => {
      if (attempt > 0) set('+0');
      const begin = performance.now();
      const waiting = chat(`wait over the jump ${jump} ${Math.random()}`);
      const hanging = chat('never');
      await until(() => held.length >= 2, 'the question waits at the provider');
      set(jump);
      const passed = (performance.now() - realAt) / 1000;
      const by = await clockOf(gateway) - real - passed;
      assert.ok(Math.abs(by - seconds) < 60, `the clock has jumped: ${by} s`);
      assert.equal((await chat(`now ${jump} ${Math.random()}`)).status, 200);
      held.pop()();
      const waited = await waiting;
      assert.equal(waited.status, 200, `what waits is not late because the clock jumped: ${waited.text}`);
      const { latency_ms: latency } = JSON.parse(waited.text);
      assert.ok(latency >= 0 && latency < 60_000, `${latency} ms`);
      const late = await hanging;
      const took = performance.now() - begin;
      assert.deepEqual([late.status, JSON.parse(late.text).details.code], [504, 'provider_timeout'], 'and what is late is told so');
      assert.ok(took > 1990, `after ${took} ms of 2000`);
      assert.equal((await chat('now, and keep it')).headers['x-cache'], 'HIT', 'the copy in memory lives by the monotonic clock');
      return took;
    };
    // As exactly as limits are kept where no clock jumps (U3).
    for (const [jump, seconds] of jumps) {
      await keeps(2100, (attempt) => jumped(jump, seconds, attempt), { what: `the limit of 2 s over ${jump}` });
    }
    release();
    assert.equal(foldNative((await stream.ended).text).last.event, 'done');
    agent.destroy();
    await until(() => gateway.accessLines().length > jumps.length * 4, 'the lines are there');
    for (const line of gateway.accessLines()) {
      for (const name of ['latency_us', 'overhead_us', 'first_token_us']) assert.ok(line[name] === undefined || (line[name] >= 0 && line[name] < 120e6), JSON.stringify(line));
    }
    assert.deepEqual(messages(gateway).filter(({ message }) => /redis is away/.test(message)), [], 'the breaker did not take the jump for a fault');
    context.diagnostic(`${jumps.length} jumps`);
  });
});

// A breaker is open for two seconds, and so long is the pause that a provider asked for.
test('D11 the wall clock jumps while a breaker is open and a provider is left alone: neither ends early nor late', { skip }, async (context) => {
  const open = 2000;
  const yaml = `providers:
  second: {base_url: "${provider.url}", api_key: sk-second}
aliases:
  steady: {targets: [openai/gpt-4o, second/gpt-4o]}
routing:
  breaker: {failures: 2, open: ${open}ms, open_max: ${open}ms}
`;
  await withFakeClock(async (gateway, set) => {
    const url = `${gateway.url}/v1/chat`;
    const steady = (content) => ask(url, { model: 'steady', messages: [{ role: 'user', content: `${content} ${Math.random()}` }] });
    const limited = (content) => ask(url, { ...question(`${content} ${Math.random()}`), model: 'gpt-4o-mini' });
    // When it is over, counted from before it began: {ms, held}, held: how often it was found going on behind the jump.
    const over = async (begin, isOver) => {
      for (let held = 0; ; ++held) {
        if (await isOver()) return { ms: performance.now() - begin, held };
        assert.ok(performance.now() - begin < open + allowance, 'it hangs');
        await pause(20);
      }
    };
    const jumped = async (jump) => {
      set('+0');
      const at = await clockOf(gateway);
      const begin = performance.now();
      assert.deepEqual(refusedFor(await limited('limit')), [429, 'rate_limited']);
      for (let round = 0; round < 2; ++round) assert.deepEqual(refusedFor(await steady('fail')), [502, 'provider_error']);
      const began = performance.now();
      for (const time of [jump].flat()) set(time);
      const by = await clockOf(gateway) - at - (performance.now() - begin) / 1000;
      assert.ok(Array.isArray(jump) || Math.abs(by - jump) < 60, `the clock has jumped: ${by} s`);
      const jitter = Array.isArray(jump) ? setInterval(() => set(jump[Math.floor(performance.now() / 100) % jump.length]), 50) : undefined;
      const [breaker, limit] = await Promise.all([
        over(begin, async () => {
          const { status, text } = await steady('now');
          assert.equal(status, 200, text);
          return JSON.parse(text).provider === 'openai';
        }),
        over(begin, async () => {
          const { status, headers, text } = await limited('now');
          if (status === 200) return true;
          assert.equal(status, 429, text);
          assert.match(headers['retry-after'], /^[012]$/, 'what is left of the pause, by the monotonic clock');
          return false;
        }),
      ]).finally(() => clearInterval(jitter));
      for (const { ms } of [breaker, limit]) assert.ok(ms > open - 10, `over after ${ms} ms of ${open}`);
      // Begun with the last failure, or the 429 before it. A machine that held the test up for so long that it saw nothing is too slow.
      const late = Math.max(breaker.ms, limit.ms) - (began - begin) - open;
      return breaker.held > 0 && limit.held > 0 ? late : Infinity;
    };
    for (const jump of [86_400, -3600, [1, -1]]) {
      await keeps(100, () => jumped(jump), { what: `the end of breaker and pause over ${jump} s`, never: Infinity });
    }
    context.diagnostic('3 jumps');
  }, { yaml, environment: { AI_PROXY_PAUSE_WHEN_LIMITED: 'true' } });
});

// Each border as the moment itself, and the clocks of Berlin two seconds before it and two behind it.
const borders = {
  'a year, a month and a day in Berlin': ['2027-01-01T00:00:00+01:00', '23:59:58', '00:00:02'],
  'a year in UTC': ['2027-01-01T00:00:00Z', '00:59:58', '01:00:02'],
  'a month': ['2027-03-01T00:00:00+01:00', '23:59:58', '00:00:02'],
  'a leap day': ['2028-03-01T00:00:00+01:00', '23:59:58', '00:00:02'],
  'summer time': ['2026-10-25T03:00:00+02:00', '02:59:58', '02:00:02'],
  'winter time': ['2027-03-28T02:00:00+01:00', '01:59:58', '03:00:02'],
};
const inBerlin = (milliseconds) => new Date(milliseconds).toLocaleTimeString('en-GB', { timeZone: 'Europe/Berlin' });
test('D11 over the ends of a day, a month, a year, of summer time and of winter time (Berlin)', { skip, concurrency: true }, async (context) => {
  const over = ([border, [moment, before, behind]]) => context.test(`D11 over the end of ${border}`, () => withFakeClock(async (gateway, set) => {
    const at = Date.parse(moment);
    assert.deepEqual([inBerlin(at - 2000), inBerlin(at + 2000)], [before, behind]);
    // Two seconds before it; on a machine that took longer than these to ask, again.
    let tries = 0, hanging;
    const chat = (content) => ask(`${gateway.url}/v1/chat`, question(`${content} ${Math.random()}`), { headers: { 'x-request-id': `try-${tries}` } });
    await until(async () => {
      const ahead = (at - 2000 - Date.now()) / 1000;
      set(ahead.toFixed(3));
      tries += 1;
      hanging = chat('never');
      return await clockOf(gateway) * 1000 < at - 500;
    }, 'it is right before the border');
    await until(async () => {
      const { status, text } = await chat('now');
      assert.equal(status, 200, text);
      assert.ok(JSON.parse(text).latency_ms >= 0);
      return await clockOf(gateway) * 1000 >= at + 1000;
    }, 'the border is passed');
    // The limit of two seconds lies over the border.
    const late = await hanging;
    assert.deepEqual(refusedFor(late), [504, 'provider_timeout']);
    assert.ok(late.ms > 1990 && late.ms < 2000 + allowance, `after ${late.ms} ms of 2000`);
    const lines = await until(() => {
      const found = gateway.accessLines().filter((line) => line.request_id === `try-${tries}`);
      return found.some(({ status }) => status === 504) && found;
    }, 'its line');
    for (const line of lines) {
      assert.match(line.time, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/, 'times are UTC');
      assert.ok(line.latency_us >= 0 && line.latency_us < 120e6, JSON.stringify(line));
    }
    const times = lines.map(({ time }) => Date.parse(time));
    assert.deepEqual(times, times.toSorted((a, b) => a - b), 'they go on, whatever the local clock does');
    assert.ok(times[0] < at && times.at(-1) > at, `${lines[0].time} … ${lines.at(-1).time}`);
  }));
  await Promise.all(Object.entries(borders).map(over));
});

// The gateway sleeps over the end of some waits (`never` is asked first, and is the first to be late), and meanwhile the
// others get their answers in time: when it wakes, it finds both, and the requests that were sent while it slept. Redis gets the
// time that a busy machine takes. Behind the provider stands a second one, which is asked when a breaker has opened: one failure
// less than that takes is true, so a single one that the sleep made up would open it.
const failures = 5;
function pipelined(name, many, question) {
  return Array.from({ length: many }, (_, index) => {
    const body = JSON.stringify(question(`now ${Math.random()}`));
    const fields = ['host: 127.0.0.1', 'content-type: application/json', `x-request-id: ${name}-${index}`, `content-length: ${body.length}`];
    return `POST /v1/chat HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`;
  }).join('');
}
async function asleep(firstByte, length) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-stop-'));
  config(folder, JSON.stringify({
    limits: { provider: { first_byte: `${firstByte}ms`, silence: `${firstByte}ms`, connections: 1000 } },
    cache: { redis: redis.url, redis_timeout: '1s' },
    providers: { second: { base_url: provider.url, api_key: 'sk-second' } },
    aliases: { steady: { targets: ['openai/gpt-4o', 'second/gpt-4o'] } },
    routing: { breaker: { failures } },
    admin: { listen: '127.0.0.1:0' },
  }));
  const gateway = await startGateway({ folder, args: ['--config', 'config.yaml'], environment: { OPENAI_BASE_URL: provider.url, AI_PROXY_THREADS: '1' } });
  const [, admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
  const open = async () => {
    const counts = [...(await ask(`${admin}/metrics`)).text.matchAll(/^ai_proxy_candidates_passed_over\{.*state="open".*\} (\d+)$/gm)];
    assert.ok(counts.length > 0, 'breakers are told of');
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const url = `${gateway.url}/v1/chat`;
  const question = (content) => ({ model: 'steady', messages: [{ role: 'user', content }] });
  try {
    // One behind the other, so that their limits are too.
    const late = [], ids = [];
    while (late.length < failures - 1) {
      const known = provider.requests.length;
      ids.push(`late-${late.length}`);
      late.push(ask(url, question(`never ${Math.random()}`), { headers: { 'x-request-id': ids.at(-1) } }));
      await until(() => provider.requests.length > known, 'it has come');
      await pause(20);
    }
    const waiting = await Promise.all(Array.from({ length: 5 }, () => Caller.to(url)));
    for (const caller of waiting) {
      caller.send(pipelined('before', 1, question));
      assert.equal((await caller.answer()).status, 200);
    }
    await pause(firstByte * 0.4);
    const lateAt = performance.now() + firstByte * 0.6 + 200;
    const begin = performance.now();
    // More than the gateway's thread finds in one look at its sockets.
    const [plain, streaming] = [200, 100];
    const whole = Array.from({ length: plain }, () => ask(url, question(`wait ${Math.random()}`)));
    const streams = Array.from({ length: streaming }, () => openStream(url, question(`stream ${Math.random()}`)));
    await Promise.all(streams.map(({ begun }) => begun));
    await until(() => held.length === plain + streaming, 'all wait');
    gateway.child.kill('SIGSTOP');
    const stoppedInTime = performance.now() < lateAt - 200;
    await pause(Math.max(0, lateAt - performance.now()));
    release();
    const answeredInTime = performance.now() < begin + firstByte * 0.9;
    // Callers that were there, and callers whose connections nobody has accepted yet, send on, without waiting for answers.
    const callers = [...waiting, ...await Promise.all(Array.from({ length: 5 }, () => Caller.to(url)))];
    const each = 10;
    for (const caller of callers) caller.send(pipelined('asleep', each, question));
    await pause(Math.max(length, firstByte));
    gateway.child.kill('SIGCONT');
    const answers = await Promise.all(whole);
    const endings = await Promise.all(streams.map(async ({ ended }) => foldNative((await ended).text).last.event));
    const verdicts = counted(await Promise.all(late));
    const inOrder = [];
    for (const caller of callers) {
      for (let index = 0; index < each; ++index) {
        const { status, head } = await caller.answer();
        inOrder.push(status === 200 && new RegExp(`^x-request-id: asleep-${index}\r?$`, 'im').test(head));
      }
      caller.end();
    }
    if (!stoppedInTime || !answeredInTime) return false;  // this machine was too slow for the test to say anything
    assert.deepEqual(counted(answers), { 200: plain });
    assert.deepEqual(new Set(endings), new Set(['done']));
    assert.deepEqual(verdicts, { 504: failures - 1 });
    const told = await until(() => {
      const found = gateway.accessLines().map(({ request_id: id }) => id).filter((id) => ids.includes(id));
      return found.length === ids.length && found;
    }, 'the lines of those that were late');
    assert.deepEqual(told, ids, 'whose limit was over first is told first');
    assert.deepEqual(inOrder, inOrder.map(() => true), 'each connection is answered in the order of its requests');
    assert.equal(await open(), 0, 'no breaker has opened');
    for (let round = 0; round < 20; ++round) {
      const { status, text } = await ask(url, question(`now ${Math.random()}`));
      assert.deepEqual([status, JSON.parse(text).provider], [200, 'openai'], 'the first is asked as before');
    }
    assert.deepEqual(messages(gateway).filter(({ message }) => /away/.test(message)), []);
    // And that an open one would have been seen.
    for (let round = 0; round < failures; ++round) assert.equal((await ask(url, question(`fail ${Math.random()}`))).status, 502);
    assert.equal(await open(), 1);
    assert.equal(JSON.parse((await ask(url, question(`now ${Math.random()}`))).text).provider, 'second');
    return true;
  } finally {
    release();
    gateway.child.kill('SIGCONT');
    await gateway.stop();
  }
}

test('D12 the process is stopped and goes on: what came in time is not late, what is late is told so, all in order; no breaker opens', async (context) => {
  for (const firstByte of [4000, 10_000, 30_000]) {
    if (await asleep(firstByte, full ? 30_000 : 0)) return context.diagnostic(`300 exchanges over a pause, with waits of ${firstByte} ms`);
  }
  assert.fail('the machine is too slow for this test');
});
