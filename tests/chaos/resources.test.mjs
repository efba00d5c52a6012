// Too much work, and too little memory or too few descriptors (item 4, P9 to P11 of the reliability goals): said in words, survived, and over when it is over.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { binary, gatewayEnvironment, Program, providersAt, slow } from '../support/processes.mjs';
import { wire } from '../support/turns.mjs';
import { greeting } from '../support/world.mjs';
import { Caller } from './support/caller.mjs';
import { emptyFolder, exchange, head, postHead, startShortGateway, Wire } from './support/clients.mjs';
import { FaultyProvider } from './support/faulty_provider.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { load, poster } from './support/load.mjs';
import { Chances, patience, scale } from './support/scale.mjs';
import { doors, question, withScene } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

const sanitized = slow ? 'sanitizers take memory of their own, and their own allocator' : false;

async function withShortGateway(options, body) {
  const provider = await FaultyProvider.start();
  const gateway = await startShortGateway({ ...options, environment: { ...providersAt(provider.url), AI_PROXY_THREADS: '2', ...options.environment } });
  let callers = poster();
  const ask = (model, more = {}, headers) => callers.post(gateway.url + doors.native, question('native', 'openai', model, more), headers);
  // Closes the connections on which was asked.
  const leave = () => { callers.end(); callers = poster(); };
  try {
    await body({ gateway, provider, ask, leave });
    assert.equal(gateway.ended, undefined, gateway.errors.slice(-2000));
  } finally {
    callers.end();
    try { await gateway.stop(); } finally { await provider.stop(); }
  }
}

const code = { native: (body) => body.details.code, openai: (body) => body.error.code ?? body.error.type, anthropic: (body) => body.error.type, mistral: (body) => body.type };

test('admission: beyond limits.requests 503 overloaded with Retry-After in every dialect, never for health checks', async () => {
  await withScene({ configuration: { limits: { requests: 2 } } }, async (scene) => {
    const running = await Promise.all([0, 1].map(() => scene.call('hang')));
    await until(() => scene.provider.calls.filter((call) => call.model === 'hang').length === 2, 'both run');
    for (const door of Object.keys(doors)) {
      const body = JSON.stringify(question(door, 'openai', 'm'));
      const whole = await exchange(scene.gateway, postHead(doors[door], body.length) + body);
      // Refused from the head alone: not a byte of the body is sent.
      const announced = await exchange(scene.gateway, postHead(doors[door], 5_000_000));
      for (const answer of [whole, announced]) {
        assert.equal(answer.status, door === 'anthropic' ? 529 : 503, `${door} ${answer.head}`);
        assert.match(answer.head, /^retry-after: 1\r$/im);
        assert.match(code[door](JSON.parse(answer.body)), /overloaded|server_error|capacity_exceeded/, `${door} ${answer.body}`);
      }
      assert.doesNotMatch(whole.head, /connection: close/i);
      assert.match(announced.head, /connection: close/i);
    }
    for (const path of ['/livez', '/readyz']) assert.equal((await exchange(scene.gateway, head('GET', path))).status, 200);
    assert.ok(scene.provider.calls.every((call) => call.model !== 'm'));
    running[0].leave('FIN');
    await until(async () => (await scene.ask('answer')).status === 200, 'room for the next');
    running[1].leave('FIN');
  });
});

test('admission: connections beyond the maximum hear 503, health checks are answered there', async () => {
  await withScene({ configuration: { limits: { connections: 10 } } }, async (scene) => {
    const held = [];
    await until(async () => {
      const wire = await Wire.open(scene.gateway);
      wire.send(head('GET', '/'));
      await wire.saw(/^HTTP\/1\.1 \d+/);
      if (wire.status === 503) return true;
      held.push(wire);
      return false;
    }, 'the first that is too many');
    assert.ok(held.length >= 8 && held.length <= 10, `${held.length}`);
    assert.equal((await exchange(scene.gateway, head('GET', '/readyz'))).status, 200);
    const refused = await exchange(scene.gateway, postHead('/v1/chat', 1000));
    assert.equal(refused.status, 503);
    assert.match(refused.head, /^retry-after: 1\r$/im);
    held.forEach((wire) => wire.close());
    await until(async () => (await scene.ask('answer')).status === 200, 'places again');
  });
});

test('a client with too many connections is reset, and the log says so once', async () => {
  await withScene({ configuration: { limits: { connections_per_client: 20 } } }, async (scene) => {
    const wires = await Promise.all(Array.from({ length: 60 }, () => Wire.open(scene.gateway)));
    await until(() => wires.filter((wire) => wire.ended).length >= 40, () => `${wires.filter((wire) => wire.ended).length} ended`);
    await scene.gateway.saw(/connections reset.*"count":"\d+"/);
    wires.forEach((wire) => wire.close());
    await until(async () => (await scene.ask('answer')).status === 200, 'room again');
  });
});

test('P9 no descriptors left: no busy loop, streams go on, /readyz and reload work, and it recovers', async (context) => {
  await withShortGateway({ limits: '-n 96', configuration: { limits: { connections: 1000 } } }, async ({ gateway, provider, ask }) => {
    const stream = await Caller.post(gateway, doors.native, question('native', 'openai', `stream:${scale(40, 200)}:100`, { stream: true }));
    await stream.saw(/t0 /);
    // Each holds a descriptor here and one to the provider.
    const held = [];
    for (let index = 0; index < 60; index += 1) held.push(await Caller.post(gateway, doors.native, question('native', 'openai', 'hang')));
    await until(() => figuresOf(gateway).descriptors >= 90, () => `${figuresOf(gateway).descriptors} descriptors`);
    const before = figuresOf(gateway), begin = performance.now();
    await pause(2000);
    const share = (figuresOf(gateway).cpuMilliseconds - before.cpuMilliseconds) / (performance.now() - begin);
    context.diagnostic(`${before.descriptors} descriptors, CPU ${(share * 100).toFixed(1)} % meanwhile`);
    assert.ok(share < 0.5, `CPU ${share}`);
    assert.equal((await exchange(gateway, head('GET', '/readyz'))).status, 200);
    writeFileSync(gateway.file, JSON.stringify({ limits: { connections: 1000 }, aliases: { mine: 'openai/answer' } }));
    await gateway.saw(/configuration reloaded/);
    await stream.saw(/event: done/);
    held.forEach((caller) => caller.leave('RST'));
    await until(async () => (await ask('mine', { provider: undefined })).status === 200, 'recovery');
    await until(() => provider.calls.filter((call) => call.model === 'hang').every((call) => call.goneAt !== undefined), 'every provider connection closed');
    assert.equal((await ask('answer')).status, 200);
  });
});

// So many megabytes, piece by piece, until the gateway answers.
async function upload(gateway, bytes, id) {
  const wire = await Wire.open(gateway);
  wire.send(postHead(doors.native, bytes, { 'x-request-id': id }));
  const piece = Buffer.alloc(256 * 1024, 'x');
  for (let sent = 0; sent + piece.length < bytes && !wire.ended && wire.text === ''; sent += piece.length) await wire.send(piece);
  return wire;
}

for (const [what, limits, memory] of [['limits.memory', '', '160MiB'], ['ulimit -v', '-v 600000', undefined]]) {
  test(`P10 memory runs short (${what}): connections close, then 503, then the largest are ended; it recovers`, { skip: sanitized }, async (context) => {
    await withShortGateway({ limits, configuration: { limits: { ...(memory ? { memory } : {}), connections_per_client: 0 } } }, async ({ gateway, ask }) => {
      assert.equal((await ask('answer')).status, 200);
      // Bodies that never become complete: more than there is.
      const uploads = [];
      const uploading = Promise.all(Array.from({ length: 80 }, async (_, index) => { uploads.push(await upload(gateway, 9 * 2 ** 20, `big-${index}`)); }));
      // By what the process holds, or already by what the bodies are known to need.
      await until(() => /new requests are refused|the largest requests are ended/.test(gateway.errors) || uploads.some((wire) => wire.status === 503), 'somebody is refused', 30_000);
      let worst = 0;
      const watching = setInterval(() => { worst = Math.max(worst, figuresOf(gateway).residentBytes); }, 50);
      try {
        // Where the address space is used up, a check may find no memory for itself, and is told so; one of the next is answered.
        const alive = async () => (await exchange(gateway, head('GET', '/livez'))).status === 200;
        if (memory) assert.ok(await alive()); else await until(alive, 'health is told');
        await uploading;
      } finally { clearInterval(watching); }
      const refused = uploads.filter((wire) => wire.status === 503).length;
      context.diagnostic(`${refused} of ${uploads.length} uploads heard 503, RSS at most ${mebibytes(worst)}`);
      assert.ok(refused > 0, 'some hear 503');
      assert.ok(uploads.every((wire) => wire.status === undefined || wire.status === 503 || wire.status === 408), `${uploads.map((wire) => wire.status)}`);
      uploads.forEach((wire) => wire.close());
      await until(async () => { const { status, headers } = await ask('answer'); return status === 200 && headers.connection !== 'close'; }, 'recovery', 30_000);
    });
  });
}

test('P10 running requests that hold the most are ended in words; a small stream goes on', { skip: sanitized }, async (context) => {
  await withShortGateway({ configuration: { limits: { memory: '192MiB' } } }, async ({ gateway, provider, ask }) => {
    const stream = await Caller.post(gateway, doors.native, question('native', 'openai', 'stream:100:50', { stream: true }));
    await stream.saw(/t0 /);
    const large = (stream) => ({ ...question('native', 'openai', 'hang', { stream }), messages: [{ role: 'user', content: 'x'.repeat(8 * 2 ** 20) }] });
    const callers = [];
    while (!callers.some((caller) => caller.status > 0)) {
      assert.ok(callers.length < 60, 'none was ended');
      callers.push(await Caller.post(gateway, doors.native, large(callers.length % 2 === 1)));
      await pause(50);
    }
    const ended = callers.filter((caller) => caller.status > 0);
    context.diagnostic(`${ended.length} of ${callers.length} requests of 8 MiB were ended, RSS ${mebibytes(figuresOf(gateway).residentBytes)}`);
    for (const caller of ended) {
      await caller.saw(/"code":"overloaded"/);
      assert.equal(caller.status, 503);
      assert.match(caller.text, /^retry-after: 1\r$/im);
    }
    await stream.saw(/event: done/);
    callers.forEach((caller) => caller.leave('RST'));
    await until(() => provider.calls.filter((call) => call.model === 'hang').every((call) => call.goneAt !== undefined), 'every provider connection closed');
    await until(async () => (await ask('answer')).status === 200, 'recovery', 30_000);
  });
});

// Small requests, whose streams hold much: events that grow and do not end.
test('P10 streams whose events do not end are ended in words when memory runs short; a small stream goes on', { skip: sanitized }, async (context) => {
  await withShortGateway({ configuration: { limits: { memory: '192MiB' } } }, async ({ gateway, provider, ask }) => {
    let size = 0;
    provider.always = (call) => (call.model === 'endless' ? async (answer) => {
      await answer.out.beginStream();
      await answer.out.piece(`${wire.openai.stream(greeting).slice(0, 2).join('')}data: {"x":"`);
      for (let sent = 0; !answer.gone;) {
        if (sent < size) { await answer.out.piece('x'.repeat(2 ** 20)); sent += 1; } else await answer.wait(20);
      }
    } : undefined);
    const stream = await Caller.post(gateway, doors.native, question('native', 'openai', 'stream:60:50', { stream: true }));
    await stream.saw(/t0 /);
    const callers = [];
    for (let number = 0; number < 16; number += 1) {
      const door = ['native', 'openai'][number % 2];
      callers.push(await Caller.post(gateway, doors[door], question(door, 'openai', 'endless', { stream: true, metadata: { number: String(number) } })));
      await callers.at(-1).saw(/ 200 /);
    }
    const ended = () => callers.filter((caller) => /as much to do as it can/.test(caller.text)).length;
    // 15 MiB each are 240; an event may have 16.
    for (; size < 15 && ended() === 0; size += 1) await pause(200);
    await until(() => ended() > 0, 'one is ended');
    context.diagnostic(`${ended()} of ${callers.length} streams with an event of ${size} MiB were ended, RSS ${mebibytes(figuresOf(gateway).residentBytes)}`);
    await stream.saw(/event: done/);
    callers.forEach((caller) => caller.leave('RST'));
    await until(() => provider.calls.filter((call) => call.model === 'endless').every((call) => call.goneAt !== undefined), 'every provider connection closed');
    provider.always = undefined;
    await until(async () => (await ask('answer')).status === 200, 'recovery', 30_000);
  });
});

// Each step by itself: requests that hang hold memory, and then the limit is set so that what the process has is just so much of it.
test('P10 at 85 % no keep-alive and nothing new is cached, at 90 % 503, at 95 % the largest are ended', { skip: sanitized }, async (context) => {
  const environment = { AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0', AI_PROXY_CACHE_MEMORY: '8MB' };
  await withShortGateway({ environment, configuration: { limits: { memory: '0' } } }, async ({ gateway, provider, ask }) => {
    const [, admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
    const metrics = async () => (await exchange({ url: admin }, head('GET', '/metrics'))).text;
    const pressure = async () => Number(/^ai_proxy_memory_pressure (\d)$/m.exec(await metrics())[1]);
    // Each another one: the same would share a call.
    const large = (index) => question('native', 'openai', 'hang', { messages: [{ role: 'user', content: `${index}${'x'.repeat(8 * 2 ** 20)}` }] });
    const callers = [];
    for (let index = 0; index < 16; index += 1) callers.push(await Caller.post(gateway, doors.native, large(index)));
    await until(() => provider.calls.filter((call) => call.model === 'hang').length === 16, 'the large ones run', 60_000);
    const stream = await Caller.post(gateway, doors.native, question('native', 'openai', 'stream:2000:20', { stream: true }));
    await stream.saw(/t0 /);
    assert.deepEqual([(await ask('kept')).headers['x-cache'], (await ask('kept')).headers['x-cache']], ['MISS', 'HIT']);

    const limitedTo = (share) => {
      const memory = Math.floor(figuresOf(gateway).residentBytes / share);
      writeFileSync(`${gateway.file}.new`, JSON.stringify({ limits: { memory: String(memory) } }));
      renameSync(`${gateway.file}.new`, gateway.file);
      gateway.child.kill('SIGHUP');
    };
    // What the process has changes a little when the allocator gives free blocks back: then the limit follows.
    const at = async (step, share) => {
      await until(async () => {
        limitedTo(share);
        for (let look = 0; look < 4; look += 1) { await pause(300); if (await pressure() !== step) return false; }
        return true;
      }, `step ${step}`, 30_000);
    };
    await at(1, 0.875);
    for (const name of ['new', 'new']) {
      const { status, headers } = await ask(name);
      assert.deepEqual([status, headers.connection, headers['x-cache']], [200, 'close', 'MISS'], 'served, not kept, and the connection ends');
    }
    assert.equal((await ask('kept')).headers['x-cache'], 'HIT', 'what is kept is given');
    assert.equal(await pressure(), 1);

    await at(2, 0.925);
    const refused = await exchange(gateway, postHead(doors.native, 100));
    assert.equal(refused.status, 503);
    assert.match(refused.head, /^retry-after: 1\r$/im);
    assert.equal(JSON.parse(refused.body).details.code, 'overloaded');
    assert.equal((await exchange(gateway, head('GET', '/livez'))).status, 200);
    assert.deepEqual(callers.filter(({ ended }) => ended), [], 'who runs goes on');
    assert.equal(await pressure(), 2);

    limitedTo(0.97);
    await until(() => callers.some(({ status }) => status > 0), 'the largest are ended');
    await until(async () => await pressure() < 3, 'as many as it takes');
    const ended = callers.filter(({ status }) => status > 0);
    for (const caller of ended) {
      await caller.saw(/"code":"overloaded"/);
      assert.equal(caller.status, 503);
    }
    assert.ok(ended.length < callers.length, 'no more than it takes');
    const texts = () => stream.text.match(/t\d+ /g).length;
    const seen = texts();
    await until(() => texts() > seen + 10 && !stream.ended, 'the small stream goes on');
    context.diagnostic(`${ended.length} of ${callers.length} were ended`);

    for (const caller of [...callers, stream]) caller.leave('RST');
    const recovered = async () => { const { status, headers } = await ask('after'); return status === 200 && headers.connection !== 'close'; };
    await until(recovered, 'recovery', 30_000);
    // Of the one that saw the recovery the question came before it, and only its answer after.
    await ask('after');
    assert.equal((await ask('after')).headers['x-cache'], 'HIT', 'and is cached again');
  });
});

test('overload: an event loop that is late with its work refuses more, and takes it again when it is not', async (context) => {
  await withScene({ configuration: { limits: { loop_delay: '5ms', provider: { connect: '60s' } } } }, async (scene) => {
    const messages = Array.from({ length: 100_000 }, () => ({ role: 'user', content: 'abcde' }));
    const body = JSON.stringify({ ...question('native', 'openai', 'answer'), messages });
    const { byStatus } = await load(scale(100, 400), 8, () => scene.poster.post(scene.gateway.url + doors.native, body));
    context.diagnostic(JSON.stringify(byStatus));
    assert.ok(byStatus[503] > 0, 'some are refused');
    assert.deepEqual(Object.keys(byStatus).filter((status) => !['200', '503'].includes(status)), []);
    await until(async () => (await scene.ask('answer')).status === 200, 'it takes requests again');
  });
});

// A library for LD_PRELOAD, of support/NAME.c.
function preloaded(name) {
  const source = fileURLToPath(new URL(`support/${name}.c`, import.meta.url));
  const library = path.join(emptyFolder(), `${name}.so`);
  const compiled = spawnSync(process.env.CC ?? 'clang-19', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr ?? String(compiled.error));
  return library;
}

// How a start ends that cannot succeed: 'started' when it did all the same.
async function startWith(environment, loops = 2) {
  const gateway = new Program(binary, [], { cwd: emptyFolder(), env: gatewayEnvironment({ AI_PROXY_THREADS: String(loops), ...environment }) });
  // Log, main and loops: who has all its threads has started, whether or not it can say so.
  const threads = () => { try { return figuresOf(gateway).threads; } catch { return 0; } };
  await until(() => gateway.ended || threads() >= 2 + loops, 'an end, or all threads', 30_000);
  if (!gateway.ended) await Promise.race([gateway.exited, pause(patience(1000))]);
  if (gateway.ended) return { ...await gateway.exited, errors: gateway.errors };
  gateway.child.kill('SIGKILL');
  await gateway.exited;
  return 'started';
}

test('P11 no memory at the start, from any allocation on: a message and an exit code', { skip: sanitized }, async (context) => {
  const library = preloaded('failing_malloc');
  const chances = new Chances(context), ends = { 'of libraries': 0, 'in words': 0 };
  let from = 1;
  for (; from < 10_000_000; from = Math.ceil(from * (1.2 + chances.unit() * scale(0.8, 0.2)))) {
    const end = await startWith({ LD_PRELOAD: library, FAILING_MALLOC_FROM: String(from) });
    if (end === 'started') break;
    if (end.signal !== null) {
      // The libraries' own beginnings, before main and where simdjson chooses its instructions: what those throw nobody can
      // catch, and the runtime says so.
      assert.ok(end.signal === 'SIGABRT' && /^terminate called/.test(end.errors) && from < 1000, `${from}: ${JSON.stringify(end)}`);
      ends['of libraries'] += 1;
      continue;
    }
    const said = /^ai-proxy: there is not enough memory to start\.$/m.test(end.errors);
    assert.deepEqual([end.code, said], [2, true], `${from}: ${JSON.stringify(end)}`);
    ends['in words'] += 1;
  }
  context.diagnostic(`${JSON.stringify(ends)}; it starts when the first to fail is number ${from}`);
  assert.ok(from > 1000 && ends['in words'] >= 5, `${from}`);
});

test('P11 a thread cannot be started: no start, in words; while it serves, that request fails, the next succeed', { skip: sanitized }, async () => {
  const library = preloaded('failing_threads');
  // The log, the trusted certificates, two loops.
  for (const from of [1, 2, 3, 4]) {
    const end = await startWith({ LD_PRELOAD: library, FAILING_THREADS_FROM: String(from) });
    const said = /^ai-proxy: .*no more threads can be started/m.test(end.errors);
    assert.deepEqual([end.code, said], [2, true], `${from}: ${JSON.stringify(end)}`);
  }
  assert.equal(await startWith({ LD_PRELOAD: library, FAILING_THREADS_FROM: '5' }), 'started');
  // A Redis whose name cannot be looked up is one that is away. With one loop: else the first would look it up while the second starts.
  assert.equal(await startWith({ LD_PRELOAD: library, FAILING_THREADS_FROM: '4', REDIS_URL: 'redis://127.1:9' }, 1), 'started');

  // Names are looked up by threads of their own; this one is no address to the gateway, and 127.0.0.1 to the system.
  const none = path.join(emptyFolder(), 'none');
  const provider = await FaultyProvider.start();
  const url = provider.url.replace('127.0.0.1', '127.1');
  const environment = { ...providersAt(url), OPENAI_INTERNAL: 'true', LD_PRELOAD: library, FAILING_THREADS_FILE: none };
  const gateway = await startShortGateway({ environment });
  const callers = poster();
  const ask = () => callers.post(gateway.url + doors.native, question('native', 'openai', 'answer'));
  try {
    writeFileSync(none, '');
    const { status, text } = await ask();
    assert.deepEqual([status, JSON.parse(text).details?.code], [503, 'overloaded'], text);
    assert.equal((await exchange(gateway, head('GET', '/readyz'))).status, 200);
    rmSync(none);
    await until(async () => (await ask()).status === 200, 'threads again');
  } finally {
    callers.end();
    await gateway.stop();
    await provider.stop();
  }
});

// What the gateway says is under way, or kept for the next request.
const underWay = ['ai_proxy_connections', 'ai_proxy_requests_running', 'ai_proxy_streams_open', 'ai_proxy_provider_connections_idle'];

test('P11 allocations fail now and then: those requests fail, the process lives, and no place is lost', { skip: sanitized, timeout: 180_000 }, async (context) => {
  const library = preloaded('failing_malloc'), failing = path.join(emptyFolder(), 'failing');
  const environment = { LD_PRELOAD: library, FAILING_MALLOC_FILE: failing, FAILING_MALLOC_ONE_IN: '10000', AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' };
  const [threads, perThread, perClient] = [2, 8, 100];
  const limits = { connections_per_client: perClient, provider: { connections: perThread, idle: '1s', wait: '30s' } };
  await withShortGateway({ environment, configuration: { limits } }, async ({ gateway, provider, ask, leave }) => {
    const [, admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
    // Nobody asks any more: what is left then, once idle connections are closed.
    const atRest = async () => {
      leave();
      let left;
      await until(async () => {
        const { status, text } = await exchange({ url: admin }, head('GET', '/metrics'));
        if (status !== 200) return false;
        left = underWay.filter((name) => !new RegExp(`^${name} 0$`, 'm').test(text));
        return left.length === 0 && provider.open === 0;
      }, () => `what is under way comes to nothing: ${left}, and ${provider.open} connections to the provider`, 30_000);
      let figures;
      await until(async () => {
        const before = figures;
        figures = figuresOf(gateway);
        await pause(100);
        return before?.descriptors === figures.descriptors && before.sockets === figures.sockets;
      }, 'the count of descriptors stays');
      return { descriptors: figures.descriptors, sockets: figures.sockets };
    };
    const texts = 20;
    const model = (index) => (index % 3 === 0 ? 'status:500' : index % 2 === 0 ? `stream:${texts}:0` : 'answer');
    // Who is refused while memory is short does not ask again at once, or nearly all would be refusals.
    const patiently = async (index) => {
      const answer = await ask(model(index), { stream: index % 2 === 0 });
      if (answer.status === 503) await pause(20);
      return answer;
    };
    // Everything that is opened once has been.
    assert.equal((await load(200, 16, patiently)).byStatus[503], undefined);
    const before = await atRest();

    writeFileSync(failing, '');
    const { byStatus, answers } = await load(scale(2000, 20_000), 16, patiently);
    rmSync(failing);
    context.diagnostic(JSON.stringify(byStatus));
    assert.equal(gateway.ended, undefined, gateway.errors.slice(-3000));
    const all = Array.from({ length: texts }, (_, index) => `t${index}`).join(' ');
    let cut = 0;
    for (const [index, { status, text, broken }] of answers.entries()) {
      if (status !== 200) continue;
      // An answer that lost something says so: it ends in an error, or in its connection's end.
      if (broken || /^event: error/m.test(text)) cut += 1;
      else if (index % 2 === 0) assert.equal(text.match(/t\d+/g)?.join(' '), all, text);
      else assert.doesNotThrow(() => JSON.parse(text), text);
    }
    context.diagnostic(`${cut} answers were cut, and say so`);
    assert.ok(byStatus[200] > 0);
    assert.ok(Object.keys(byStatus).some((status) => status !== '200' && status !== '502'), 'some have failed');
    await until(async () => (await ask('answer').catch(() => ({}))).status === 200, 'it still answers');

    assert.deepEqual(await atRest(), before, 'what is open is what was open before');
    context.diagnostic(`at rest before and after: ${JSON.stringify(before)}`);
    // Every place can be taken: a client's connections, and those to the provider, on each thread.
    const wires = await Promise.all(Array.from({ length: perClient }, () => Wire.open(gateway)));
    wires.forEach((wire) => wire.send(head('GET', '/livez')));
    for (const wire of wires) await wire.saw(/^HTTP\/1\.1 200 /);
    wires.forEach((wire) => wire.close());
    await atRest();
    const asked = [];
    const running = () => provider.calls.filter((call) => call.model === 'hang' && call.goneAt === undefined).length;
    await until(async () => {
      // Which thread takes a connection is the kernel's choice: so many more than there are places.
      if (asked.length < perClient) asked.push(await Caller.post(gateway, doors.native, question('native', 'openai', 'hang')));
      return running() === threads * perThread;
    }, () => `${running()} of ${threads * perThread} places at the provider are taken`);
    asked.forEach((caller) => caller.leave('RST'));
    assert.deepEqual(await atRest(), before);
  });
});

test('P11 allocations fail while a configuration is read and taken over: in the end it is the one that runs', { skip: sanitized, timeout: 300_000 }, async (context) => {
  const library = preloaded('failing_malloc'), failing = path.join(emptyFolder(), 'failing');
  const environment = { LD_PRELOAD: library, FAILING_MALLOC_FILE: failing, FAILING_MALLOC_ONE_IN: '400' };
  await withShortGateway({ environment }, async ({ gateway, ask }) => {
    const rounds = scale(3, 20);
    for (let round = 0; round < rounds; round += 1) {
      writeFileSync(failing, '');
      writeFileSync(gateway.file, JSON.stringify({ aliases: { [`name-${round}`]: 'openai/answer' } }));
      await pause(1000); // the watch looks every 250 ms
      rmSync(failing);
      await until(async () => (await ask(`name-${round}`, { provider: undefined }).catch(() => ({}))).status === 200, `round ${round}: the new one runs`, 60_000);
      assert.equal(gateway.ended, undefined, gateway.errors.slice(-3000));
      await until(async () => (await exchange(gateway, head('GET', '/readyz'))).text.includes('{"status":"ok"}'), 'and that is told');
    }
    context.diagnostic(`${gateway.errors.split('it is told once more').length - 1} had to be told once more`);
  });
});

test('P11 allocations fail while it leaves: it ends all the same', { skip: sanitized }, async (context) => {
  const library = preloaded('failing_malloc'), ends = {};
  for (let round = 0; round < scale(5, 40); round += 1) {
    const failing = path.join(emptyFolder(), 'failing');
    const gateway = await startShortGateway({ environment: { LD_PRELOAD: library, FAILING_MALLOC_FILE: failing, FAILING_MALLOC_ONE_IN: String(100 * (round + 1)), AI_PROXY_DRAIN_SECONDS: '1' } });
    const kept = await Wire.open(gateway);
    kept.send(head('GET', '/livez'));
    await kept.saw(/^HTTP/);
    writeFileSync(failing, '');
    gateway.child.kill('SIGTERM');
    await until(() => gateway.ended, `round ${round}: an end`, 30_000);
    const { code, signal } = await gateway.exited;
    // Two that fail in a row may end it inside Asio.
    assert.ok(code === 0 || signal === 'SIGABRT', `round ${round}: ${signal ?? code} ${gateway.errors.slice(-2000)}`);
    ends[signal ?? code] = (ends[signal ?? code] ?? 0) + 1;
    kept.close();
  }
  context.diagnostic(JSON.stringify(ends));
  assert.ok(ends[0] > 0);
});
