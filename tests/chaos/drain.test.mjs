// Rows P1-P5 of the process's life, cases G1 and G3: start, drain, the second signal, restarts that lose nobody, kill -9.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { Program, binary, gatewayEnvironment, slow, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { foldNative } from '../support/sse.mjs';
import { wire } from '../support/turns.mjs';
import {
  Caller, allowance, ask, closedLoop, counted, cpuMilliseconds, full, keeps, keepsAll, openLoop, openStream, unreadPipe, until,
} from './support/life.mjs';

const question = { provider: 'anthropic', model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'Tell me a story' }] };
const turn = { text: ['Once', ' upon'], reason: 'stop', usage: { input: 25 } };

// A provider whose streams begin and then wait until the test lets them go on; plain questions are answered at once.
let provider, held;
before(async () => {
  held = [];
  provider = await ScriptedProvider.start(async (request, out) => {
    if (!JSON.parse(request.body).stream) return out.whole(wire.anthropic.whole(turn));
    const [first, second, ...rest] = [wire.anthropic.begin(turn), ...wire.anthropic.blocks(turn), wire.anthropic.finish(turn), wire.anthropic.stop()];
    await out.beginStream();
    await out.piece(first + second + rest.shift());
    await new Promise((resolve) => held.push(resolve));
    for (const piece of rest) await out.piece(piece);
    return out.endStream();
  });
});
after(() => provider?.stop());

const start = (environment = {}, more = {}) => startGateway({ environment: { ANTHROPIC_BASE_URL: provider.url, ...environment }, ...more });
const release = (count = held.length) => { for (const go of held.splice(0, count)) go(); };

async function streams(gateway, count) {
  held.length = 0;
  const all = Array.from({ length: count }, () => openStream(`${gateway.url}/v1/chat`, question));
  await Promise.all(all.map(({ begun }) => begun));
  await until(() => held.length === count, 'every stream waits');
  return all.map(({ ended }) => ended);
}

const refusedAt = (url) => new Promise((resolve) => {
  const { hostname, port } = new URL(url);
  const socket = net.connect({ host: hostname, port: Number(port) });
  socket.once('connect', () => { socket.destroy(); resolve(false); });
  socket.once('error', (fault) => resolve(fault.code === 'ECONNREFUSED'));
});

test('P1 ready within 500 ms of the start, with ten thousand aliases', async (context) => {
  const folder = mkdtempSync(`${tmpdir()}/ai-proxy-start-`);
  const aliases = Array.from({ length: 10_000 }, (_, index) => `  alias-${index}: anthropic/claude-sonnet-4-5\n`);
  writeFileSync(`${folder}/config.yaml`, `aliases:\n${aliases.join('')}`);
  const worked = [];
  const started = async () => {
    const begin = performance.now();
    const gateway = await start({}, { folder, args: ['--config', 'config.yaml'] });
    assert.equal((await ask(`${gateway.url}/livez`)).status, 200);
    assert.equal((await ask(`${gateway.url}/readyz`)).status, 200);
    const took = performance.now() - begin;
    worked.push(cpuMilliseconds(gateway.child.pid));
    assert.equal((await ask(`${gateway.url}/v1/chat`, { model: 'alias-9999', messages: question.messages })).status, 200);
    await gateway.stop();
    return took;
  };
  // A start is cheap, and half a second is little for a program that gets a part of a processor.
  const took = await keeps(500, started, { what: 'ready', tries: 12, never: 500 + 2 * allowance });
  context.diagnostic(`ready after ${took.toFixed(0)} ms; of its own work ${worked.join(', ')} ms`);
});

test('P2 G1 SIGTERM with live streams, idle connections and load: nobody is left without an answer', (context) => keepsAll({
  'the port is closed': 100, 'the idle connections are closed': 1000, 'who is not done is told, behind the time to drain': 1000,
}, () => drained(context)));

async function drained(context) {
  const [live, idle] = full ? [200, 50] : [40, 10];
  const drainSeconds = slow ? 25 : 8;
  const gateway = await start({ AI_PROXY_DRAIN_SECONDS: String(drainSeconds), AI_PROXY_LAME_DUCK: '0s' });
  const ended = await streams(gateway, live);
  const callers = await Promise.all(Array.from({ length: idle }, () => Caller.to(gateway.url)));
  for (const caller of callers) {
    caller.send('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal((await caller.answer()).status, 200);
  }
  // On a live connection, half a request: what comes of it when the rest arrives while we drain?
  const body = JSON.stringify(question);
  const halves = await Promise.all(['/v1/chat', '/readyz', '/livez'].map(async (path) => {
    const caller = await Caller.to(gateway.url);
    const [line, rest] = path === '/v1/chat' ? [`POST ${path} HTTP/1.1\r\n`, `Host: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`] : [`GET ${path} HTTP/1.1\r\n`, 'Host: a\r\n\r\n'];
    caller.send(line);
    return { caller, rest };
  }));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const load = closedLoop(() => ask(`${gateway.url}/v1/chat`, question, { agent }), 8);
  await until(() => load.outcomes.length > 50, 'the load runs');

  const signalled = performance.now();
  gateway.child.kill('SIGTERM');
  await until(() => refusedAt(gateway.url), 'the port is closed');
  const closedAfter = performance.now() - signalled;
  const idleAfter = await Promise.all(callers.map(async ({ closed }) => await closed - signalled));
  const answers = [];
  for (const { caller, rest } of halves) {
    caller.send(rest);
    answers.push(await caller.answer());
    await caller.closed;
  }
  const outcomes = await load.stop();
  agent.destroy();

  assert.deepEqual(answers.map(({ status }) => status), [503, 503, 200], JSON.stringify(answers));
  assert.equal(JSON.parse(answers[0].body).details.code, 'overloaded');
  for (const { head } of answers) assert.match(head, /\r\nConnection: close/i);
  const counts = counted(outcomes);
  assert.deepEqual(Object.keys(counts).filter((kind) => !['200', '503', 'ECONNREFUSED'].includes(kind)), [], JSON.stringify(counts));

  release(live / 2);
  const endings = {};
  let toldFirst = Infinity, toldLast = 0;
  const timed = ended.map(async (one) => ({ ...await one, at: performance.now() - signalled }));
  for (const { text, complete, at } of await Promise.all(timed)) {
    const { endings: count, last } = foldNative(text);
    const ending = `${complete ? 'whole' : 'cut'}, ${count}, ${last?.event} ${last?.value.details?.code ?? ''}`;
    endings[ending] = (endings[ending] ?? 0) + 1;
    if (last?.event === 'error') [toldFirst, toldLast] = [Math.min(toldFirst, at), Math.max(toldLast, at)];
  }
  assert.deepEqual(endings, { 'whole, 1, done ': live / 2, 'whole, 1, error overloaded': live / 2 });
  assert.ok(toldFirst > drainSeconds * 1000 - 50, `told after ${toldFirst} ms of ${drainSeconds} s`);
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  release();
  const lines = gateway.accessLines().filter(({ stream }) => stream);
  assert.equal(lines.length, live, 'every stream has its line');
  for (const line of lines.filter(({ error_code: code }) => code)) assert.deepEqual([line.error_code, line.input_tokens], ['overloaded', 25], 'what was used so far is in the line');
  const closings = {
    'the port is closed': closedAfter,
    'the idle connections are closed': Math.max(...idleAfter),
    'who is not done is told, behind the time to drain': toldLast - drainSeconds * 1000,
  };
  context.diagnostic(`${JSON.stringify(closings)} ms, load ${JSON.stringify(counts)}`);
  return closings;
}

test('G1 lame duck: /readyz says no at once, everything is served until the port closes', async () => {
  const gateway = await start({ AI_PROXY_LAME_DUCK: slow ? '6s' : '2s' });
  const [ended] = await streams(gateway, 1);
  gateway.child.kill('SIGTERM');
  await gateway.saw(/still serving/);
  const [ready, alive, served] = await Promise.all([ask(`${gateway.url}/readyz`), ask(`${gateway.url}/livez`), ask(`${gateway.url}/v1/chat`, question)]);
  assert.deepEqual([ready.status, ready.text, alive.status, served.status], [503, '{"status":"draining"}', 200, 200]);
  assert.equal(served.headers.connection, 'close');
  await gateway.saw(/"message":"draining"/);
  await until(() => refusedAt(gateway.url), 'the port is closed');
  release();
  assert.equal(foldNative((await ended).text).last.event, 'done');
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
});

test('G1 without a lame duck the port stays open for words: 503 and Connection: close', async () => {
  const gateway = await start();
  const [ended] = await streams(gateway, 1);
  gateway.child.kill('SIGTERM');
  await gateway.saw(/"message":"draining"/);
  const answers = await Promise.all([ask(`${gateway.url}/readyz`), ask(`${gateway.url}/livez`), ask(`${gateway.url}/v1/chat`, question)]);
  assert.deepEqual(answers.map(({ status, headers }) => [status, headers.connection]), [[503, 'close'], [200, 'close'], [503, 'close']]);
  release();
  assert.equal(foldNative((await ended).text).last.event, 'done');
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
});

for (const [name, environment, sign] of [['draining', {}, /"message":"draining"/], ['in the lame duck', { AI_PROXY_LAME_DUCK: '60s' }, /still serving/]]) {
  for (const second of ['SIGTERM', 'SIGINT']) {
    test(`P3 a second signal (${second}) ${name} ends at once, and the log is whole`, async (context) => {
      const took = await keeps(1000, async () => {
        const gateway = await start(environment);
        const ended = await streams(gateway, 5);
        gateway.child.kill('SIGTERM');
        await gateway.saw(sign);
        const begin = performance.now();
        gateway.child.kill(second);
        assert.deepEqual(await gateway.exited, { code: 0, signal: null });
        const took = performance.now() - begin;
        for (const { text, complete } of await Promise.all(ended)) {
          assert.equal(complete, false, 'what was cut does not look complete');
          assert.equal(foldNative(text.slice(0, text.lastIndexOf('\n\n') + 2)).endings, 0);
        }
        release();
        await until(() => gateway.accessLines().filter(({ stream }) => stream).length === 5, 'a line for every stream');
        return took;
      }, { what: 'the end' });
      context.diagnostic(`ended after ${took.toFixed(0)} ms`);
    });
  }
}

test('G1 a log that nobody reads does not hold up the end', async () => {
  // Standard output is a pipe that is full and stays so.
  const pipe = unreadPipe();
  const gateway = new Program('sh', ['-c', 'exec "$0" > "$1"', binary, pipe.path], { env: gatewayEnvironment({ ANTHROPIC_BASE_URL: provider.url, AI_PROXY_LOG_FORMAT: 'json' }) });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  const outcomes = await Promise.all(Array.from({ length: 400 }, () => ask(`${url}/v1/models`, undefined, { headers: { 'x-request-id': 'x'.repeat(100) } })));
  assert.deepEqual(counted(outcomes), { 200: 400 });
  const begin = performance.now();
  gateway.child.kill('SIGTERM');
  assert.equal((await gateway.exited).code, 0);
  assert.ok(performance.now() - begin < 4000 + allowance);
  pipe.end();
});

test('P5 kill -9 cuts the stream, fakes no end; a restart on the same port serves at once', async (context) => {
  let gateway = await start();
  const port = new URL(gateway.url).port;
  const took = await keeps(2000, async () => {
    const ended = await streams(gateway, 10);
    gateway.child.kill('SIGKILL');
    for (const { text, complete, fault } of await Promise.all(ended)) {
      assert.ok(!complete && fault, 'the connection is cut');
      assert.equal(foldNative(text).endings, 0);
    }
    release();
    const begin = performance.now();
    gateway = await start({ PORT: port });
    assert.equal((await ask(`${gateway.url}/v1/chat`, question)).status, 200);
    return performance.now() - begin;
  }, { what: 'served again' });
  context.diagnostic(`served ${took.toFixed(0)} ms after the restart`);
  await gateway.stop();
});

// --- P4: a supervisor keeps the socket, and processes come and go -------------------------------------------------------

// Bound, and not listened on here: the programs it is handed to do that.
function keptSocket() {
  const handle = net._createServerHandle('127.0.0.1', 0, 4);
  const name = {};
  handle.getsockname(name);
  return { handle, url: `http://127.0.0.1:${name.port}` };
}

async function startOn({ handle }, environment = {}) {
  const gateway = new Program('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"', binary], {
    env: gatewayEnvironment({ ANTHROPIC_BASE_URL: provider.url, AI_PROXY_LOG_FORMAT: 'json', ...environment }),
    stdio: ['ignore', 'pipe', 'pipe', handle.fd],
  });
  await gateway.saw(/"listening"/);
  return gateway;
}

test('P4 restarts on a socket that is handed over: none refused, none failed', async (context) => {
  // What `rate` asks for in the 200 ms that a restart takes is sent in each, however long this machine takes for it.
  const [restarts, rate] = full ? [100, 500] : [5, slow ? 20 : 100];
  const each = rate / 5;
  const socket = keptSocket();
  let gateway = await startOn(socket);
  // Half of the requests come on connections of their own, half on ones that are kept.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16, scheduling: 'fifo' });
  const load = openLoop((number) => ask(`${socket.url}/v1/chat`, question, { agent: number % 2 === 0 ? agent : false }), rate);
  const begin = performance.now();
  held.length = 0;
  const stream = openStream(`${socket.url}/v1/chat`, question);
  await stream.begun;
  await until(() => held.length === 1, 'the stream waits');
  for (let round = 0; round < restarts; ++round) {
    const before = load.sent;
    const next = await startOn(socket);
    gateway.child.kill('SIGTERM');
    const old = gateway;
    if (round > 0) assert.deepEqual(await old.exited, { code: 0, signal: null });
    else {
      // The first of them still has a stream: it ends whole, in the old process.
      await old.saw(/"message":"draining"/);
      release();
      assert.equal(foldNative((await stream.ended).text).last.event, 'done');
      assert.deepEqual(await old.exited, { code: 0, signal: null });
    }
    gateway = next;
    await until(() => load.sent - before >= each, 'requests are sent');
  }
  const due = (performance.now() - begin) / 1000 * rate;
  const outcomes = await load.stop();
  agent.destroy();
  await gateway.stop();
  socket.handle.close();
  const counts = counted(outcomes);
  context.diagnostic(`${restarts} restarts, ${load.sent} requests sent of ${due.toFixed(0)} at ${rate}/s: ${JSON.stringify(counts)}`);
  assert.deepEqual(counts, { 200: load.sent });
  assert.ok(load.sent >= restarts * each, `${load.sent}`);
});

test('P4 what is handed over and is no socket, or open to others, stops the start', () => {
  const startWith = (stdio, environment = {}) => spawnSync('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"', binary], { env: gatewayEnvironment(environment), stdio: ['ignore', 'pipe', 'pipe', stdio], encoding: 'utf8', timeout: 20_000 });
  const wrong = startWith(openSync('/dev/null', 'r'));
  assert.equal(wrong.status, 2, wrong.stderr);
  assert.match(wrong.stderr, /LISTEN_FDS: descriptor 3 is no TCP socket/);
  const handle = net._createServerHandle('0.0.0.0', 0, 4);
  const open = startWith(handle.fd);
  handle.close();
  assert.equal(open.status, 2, open.stderr);
  assert.match(open.stderr, /AI_PROXY_ALLOW_ANONYMOUS/);
});

// --- G3: the probes under load, with everything else away ---------------------------------------------------------------

test('G3 /livez and /readyz answer under full load while Redis and every provider are away, and call nobody', async (context) => {
  const gone = await ScriptedProvider.start(() => { throw new Error('nobody should call'); });
  const away = gone.url;
  await gone.stop();
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: away, ANTHROPIC_BASE_URL: away, MISTRAL_BASE_URL: away, REDIS_URL: away.replace('http', 'redis') } });
  const agent = new http.Agent({ keepAlive: true });
  const load = closedLoop(() => ask(`${gateway.url}/v1/chat`, question, { agent }), 16);
  const times = [];
  for (let round = 0; round < 100; ++round) {
    for (const path of ['/livez', '/readyz']) {
      const { status, ms } = await ask(gateway.url + path);
      assert.equal(status, 200);
      times.push(ms);
    }
  }
  const counts = counted(await load.stop());
  agent.destroy();
  await gateway.stop();
  times.sort((a, b) => a - b);
  context.diagnostic(`median ${times[100].toFixed(1)} ms, slowest ${times.at(-1).toFixed(1)} ms; the load: ${JSON.stringify(counts)}`);
  assert.deepEqual(Object.keys(counts), ['502']);
  // This process makes the load too: its own delay is in every time, so the median is what tells.
  assert.ok(times[100] < (slow ? 1000 : 50), `${times[100]} ms`);
});
