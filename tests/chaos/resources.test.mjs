// Too much work, and too little memory or too few descriptors (item 4, P9 to P11 of the reliability goals): said in words, survived, and over when it is over.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { providersAt, slow } from '../support/processes.mjs';
import { Caller } from './support/caller.mjs';
import { emptyFolder, exchange, head, postHead, startShortGateway, Wire } from './support/clients.mjs';
import { FaultyProvider } from './support/faulty_provider.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { load, poster } from './support/load.mjs';
import { scale } from './support/scale.mjs';
import { doors, question, withScene } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

const sanitized = slow ? 'sanitizers take memory of their own, and their own allocator' : false;

async function withShortGateway(options, body) {
  const provider = await FaultyProvider.start();
  const gateway = await startShortGateway({ ...options, environment: { ...providersAt(provider.url), AI_PROXY_THREADS: '2', ...options.environment } });
  const callers = poster();
  const ask = (model, more = {}, headers) => callers.post(gateway.url + doors.native, question('native', 'openai', model, more), headers);
  try {
    await body({ gateway, provider, ask });
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
    const stream = await Caller.post(gateway, doors.native, question('native', 'openai', `stream:${scale(60, 200)}:100`, { stream: true }));
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
      assert.equal((await exchange(gateway, head('GET', '/livez'))).status, 200);
      await uploading;
      clearInterval(watching);
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

test('P11 allocations fail now and then: those requests fail, the process lives', { skip: sanitized, timeout: 180_000 }, async (context) => {
  const source = fileURLToPath(new URL('support/failing_malloc.c', import.meta.url));
  const folder = emptyFolder();
  const library = path.join(folder, 'failing_malloc.so'), begin = path.join(folder, 'begin');
  const compiled = spawnSync(process.env.CC ?? 'clang-19', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  assert.equal(compiled.status, 0, compiled.stderr ?? String(compiled.error));
  await withShortGateway({ environment: { LD_PRELOAD: library, FAILING_MALLOC_FILE: begin, FAILING_MALLOC_ONE_IN: '20000' } }, async ({ gateway, ask }) => {
    assert.equal((await ask('answer')).status, 200);
    writeFileSync(begin, '');
    const texts = 20;
    const model = (index) => (index % 3 === 0 ? 'status:500' : index % 2 === 0 ? `stream:${texts}:0` : 'answer');
    // Who is refused while memory is short does not ask again at once, or nearly all would be refusals.
    const patiently = async (index) => {
      const answer = await ask(model(index), { stream: index % 2 === 0 });
      if (answer.status === 503) await pause(20);
      return answer;
    };
    const { byStatus, answers } = await load(scale(3000, 30_000), 16, patiently);
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
    await until(async () => (await ask('answer').catch(() => ({}))).status === 200, 'it still answers');
  });
});
