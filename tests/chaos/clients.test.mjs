// Callers that go away, are slow, or stop half-way (C1 to C8 of the reliability goals): what they hold is given up, and others do not notice.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Scrape } from '../support/exposition.mjs';
import { slow } from '../support/processes.mjs';
import { denied } from '../support/skips.mjs';
import { assertStopped, backlogOf, distanceOf, tell } from './support/backlog.mjs';
import { exchange, head, postHead, Wire } from './support/clients.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { ask as get } from './support/life.mjs';
import { percentile } from './support/load.mjs';
import { allowance, keeps, keepsMostly } from './support/promise.mjs';
import { patience, scale } from './support/scale.mjs';
import { doors, withScene, withScenes } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

// `leaving()`: callers leave; the milliseconds until the provider saw each of them go.
function goneSoon(context, leaving) {
  return keepsMostly(100, async () => {
    const times = (await leaving()).sort((a, b) => a - b);
    const [median, p99] = [0.5, 0.99].map((share) => percentile(times, share));
    context.diagnostic(`provider connection closed after ${median.toFixed(1)} ms (median), ${p99.toFixed(1)} ms (p99) of ${times.length}`);
    return p99;
  }, { what: 'closed behind the caller (p99)', tries: 3 });
}

// Callers that wait for `model`, until the provider has their calls.
async function waiting(scene, count, model, more) {
  const begin = scene.provider.calls.length;
  const callers = await Promise.all(Array.from({ length: count }, (_, index) => scene.call(`${model}`, { headers: { 'x-request-id': `${model}-${begin + index}` }, ...more })));
  await until(() => scene.provider.calls.length === begin + count, 'every call');
  return { callers, ids: callers.map((_, index) => `${model}-${begin + index}`), calls: scene.provider.calls.slice(begin) };
}

// All leave at once; the milliseconds until the provider saw each go.
async function timesToNotice(calls, leave) {
  const left = performance.now();
  leave();
  await until(() => calls.every((call) => call.goneAt !== undefined), 'every provider connection closed');
  return calls.map((call) => call.goneAt - left);
}

for (const how of ['FIN', 'RST']) {
  // So many at once, so often: what they do, whether they want a stream, at which door, and what they have seen when they leave.
  const leaving = async (scene, cases) => {
    const times = [];
    for (const { model, stream, door, seen } of cases) {
      const { callers, ids, calls } = await waiting(scene, scale(10, 50), model, { door, stream });
      if (seen) await Promise.all(callers.map((caller) => caller.saw(seen)));
      times.push(...await timesToNotice(calls, () => callers.forEach((caller) => caller.leave(how))));
      for (const id of ids) assert.equal((await scene.accessLine(id)).status, 499);
    }
    return times;
  };

  test(`C1 caller closes mid-stream (${how}): the provider's connection is closed, status 499`, async (context) => {
    const cases = Object.keys(doors).map((door) => ({ door, model: 'head-hang:3', stream: true, seen: /t2 / }));
    await withScene({}, (scene) => goneSoon(context, () => leaving(scene, cases)));
  });

  test(`C2 caller closes before the first byte (${how}), stream or not`, async (context) => {
    const cases = ['hang', 'head-hang'].flatMap((model) => [true, false].map((stream) => ({ model, stream })));
    await withScene({}, (scene) => goneSoon(context, () => leaving(scene, cases)));
  });
}

test('C1 callers who leave are no failures of the provider: its breaker stays closed, and the next request goes there', async () => {
  const configuration = { aliases: { any: { targets: ['openai/first', 'mistral/second'] } } };
  await withScene({ separate: true, configuration, environment: { AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' } }, async (scene) => {
    const [, admin] = await scene.gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
    const scrape = async () => new Scrape((await get(`${admin}/metrics`)).text);
    const any = { provider: null };   // the alias says who is asked
    // Far more than the 5 in a row, or the half of 20, that open it by default.
    for (const behaviour of ['head-hang:3', 'head-hang', 'hang']) {
      scene.provider.always = behaviour;
      for (const how of ['FIN', 'RST']) {
        const { callers, calls } = await waiting(scene, 25, 'any', { ...any, stream: true });
        if (behaviour === 'head-hang:3') await Promise.all(callers.map((caller) => caller.saw(/t2 /)));
        await timesToNotice(calls, () => callers.forEach((caller) => caller.leave(how)));
      }
      await until(async () => (await scrape()).sum('ai_proxy_requests_running') === 0, 'every place is free');
      scene.provider.always = undefined;
      const seen = await scrape();
      assert.equal(seen.sum('ai_proxy_candidates_passed_over'), 0, behaviour);
      const next = await scene.ask('any', any);
      assert.deepEqual([next.status, next.headers['x-ai-proxy-provider'], next.headers['x-ai-proxy-attempts']], [200, 'openai', '1'], behaviour);
    }
    // As many that the provider itself breaks do open it.
    scene.provider.always = 'status:500';
    await until(async () => (await scene.ask('any', any)).headers['x-ai-proxy-attempts'] === '1', 'it is passed over');
    assert.equal((await scrape()).sum('ai_proxy_candidates_passed_over', { state: 'open' }), 1);
    scene.provider.always = undefined;
  });
});

test('C3 half-close is a close by default: while waiting and while streaming', async (context) => {
  await withScene({}, (scene) => goneSoon(context, async () => {
    const times = [];
    for (const [model, stream] of [['hang', true], ['hang', false], ['head-hang:2', true]]) {
      const { callers, ids, calls } = await waiting(scene, scale(5, 40), model, { stream });
      times.push(...await timesToNotice(calls, () => callers.forEach((caller) => caller.socket.end())));
      for (const id of ids) assert.equal((await scene.accessLine(id)).status, 499);
    }
    return times;
  }));
});

test('C3 with allow_half_close the answer flows to its end, and a reset still cancels', async (context) => {
  await withScene({ configuration: { limits: { allow_half_close: true } } }, async (scene) => {
    for (const stream of [true, false]) {
      const caller = await scene.call(stream ? 'stream:5:20' : 'trickle:400', { stream });
      caller.socket.end();
      await caller.saw(stream ? /t0 [\s\S]*t4 [\s\S]*event: done/ : /"finish_reason"/);
      assert.equal(caller.status, 200);
      await until(() => caller.ended, 'the connection closes behind the answer');
    }
    // Waiting, in a silence, and while texts are written, of which one then fails.
    await goneSoon(context, async () => {
      const times = [];
      for (const [model, seen] of [['hang'], ['head-hang:3', /t2 /], ['stream:10000:10', /t2 /]]) {
        const { callers, ids, calls } = await waiting(scene, scale(5, 40), model, { stream: true });
        callers.forEach((caller) => caller.socket.end());
        const other = await scene.ask('answer');
        assert.equal(other.status, 200);
        if (seen) await Promise.all(callers.map((caller) => caller.saw(seen)));
        if (model.startsWith('stream')) {
          const lengths = callers.map((caller) => caller.text.length);
          await until(() => callers.every((caller, index) => caller.text.length > lengths[index]), 'it still flows');
        }
        assert.ok(calls.every((call) => call.goneAt === undefined), 'the end alone cancels nothing');
        times.push(...await timesToNotice(calls, () => callers.forEach((caller) => caller.leave('RST'))));
        for (const id of ids) assert.equal((await scene.accessLine(id)).status, 499, model);
      }
      return times;
    });
  });
});

const namespaces = spawnSync('unshare', ['-rn', 'ip', 'link']).status !== 0 && 'no network namespaces here (unshare -rn ip link)';
test('C4 a caller that vanishes: cancelled once it owes an acknowledgement for write_stall', { skip: denied(namespaces) }, async (context) => {
  const script = fileURLToPath(new URL('support/vanishing.mjs', import.meta.url));
  const run = spawn('unshare', ['-rn', process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  run.stdout.on('data', (bytes) => { text += bytes; });
  const [code] = await once(run, 'close');
  assert.equal(code, 0, text);
  const { stream, idle, status } = JSON.parse(text.trim().split('\n').at(-1));
  context.diagnostic(`write_stall 2 s: the provider was let go after ${stream.toFixed(0)} ms${idle === null ? '' : `, the idle connection after ${(idle / 1000).toFixed(0)} s`}`);
  // The acknowledgement of what was sent just before may have been on its way.
  assert.ok(stream >= 1900, `${stream} ms`);
  assert.ok(stream <= 2000 + allowance, `${stream} ms`);
  assert.equal(status, 499);
  // Keep-alive probes give up within two minutes, and not before the idle time of a living caller would let them.
  assert.ok(idle === null || (idle > 20_000 && idle < 120_000), `${idle} ms`);
});

// A provider that writes texts as fast as they are taken; `pushed` counts their bytes.
function pushing(limit) {
  const text = 'x'.repeat(16_000);
  const choice = { index: 0, delta: { role: 'assistant', content: text }, finish_reason: null };
  const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'gpt-4o', choices: [choice] };
  const event = `data: ${JSON.stringify(chunk)}\n\n`;
  const state = { pushed: 0, text, eventBytes: event.length + `${event.length.toString(16)}\r\n\r\n`.length };
  state.behaviour = async (answer) => {
    await answer.out.beginStream();
    while (!answer.out.socket.destroyed && state.pushed < limit) {
      await answer.out.piece(event);
      state.pushed += event.length;
      await answer.out.turn();   // a broken connection gets to say so
    }
    await answer.forEver();
  };
  return state;
}

// Resolves with the amount at which it stood still.
async function standstill(state) {
  for (let last = -1; ;) {
    await pause(500);
    if (state.pushed > 0 && state.pushed === last) return last;
    last = state.pushed;
  }
}

test('C5 a slow reader stops the reading from the provider, and is cut when it takes nothing', async (context) => {
  const all = 200 * 2 ** 20;
  await withScene({ configuration: { limits: { write_stall: '3s' } } }, async (scene) => {
    const state = pushing(all);
    scene.provider.always = () => state.behaviour;
    const before = figuresOf(scene.gateway).residentBytes;
    const caller = await scene.call('push', { stream: true, headers: { 'x-request-id': 'slow' } });
    await until(() => distanceOf(state.text, caller.text), 'some events');
    caller.stopReading();
    const stopped = performance.now();
    await standstill(state);
    const stood = performance.now();
    const size = { in: state.eventBytes, out: distanceOf(state.text, caller.text) };
    const backlog = backlogOf(scene.gateway, caller.socket, scene.provider.calls.at(-1).connection, size);
    const grown = figuresOf(scene.gateway).residentBytes - before;
    context.diagnostic(`${tell(backlog)}; RSS +${mebibytes(grown)}`);
    assertStopped(backlog);
    // A sanitizer keeps what was freed.
    if (!slow) assert.ok(grown < 2 * 2 ** 20, `RSS grew by ${grown}`);
    const { goneAt } = await until(() => scene.provider.calls.find((call) => call.model === 'push' && call.goneAt !== undefined), 'the provider is let go', 20_000);
    context.diagnostic(`cut ${(goneAt - stopped).toFixed(0)} ms after the last read`);
    // The kernels may have been full for a moment when this process came to its last read.
    assert.ok(goneAt - stopped >= 3000 - 500, `cut after ${goneAt - stopped} ms`);
    assert.ok(goneAt - stood <= 3000 + allowance, `cut ${goneAt - stood} ms behind the standstill`);
    assert.equal((await scene.accessLine('slow')).status, 499);
    caller.leave('RST');
  });
});

test('C5 a reader that is slow but moves is not cut', async () => {
  await withScene({ configuration: { limits: { write_stall: '3s' } } }, async (scene) => {
    const state = pushing(400 * 2 ** 20);
    scene.provider.always = () => state.behaviour;
    const caller = await scene.call('push', { stream: true });
    const call = await until(() => scene.provider.calls.find((one) => one.model === 'push'), 'the call');
    // For longer than write_stall: a little now, nothing for a while.
    for (let turn = 0; turn < 8; turn += 1) {
      caller.stopReading();
      await pause(600);
      caller.read();
      const seen = caller.reads.length;
      await until(() => caller.reads.length > seen, 'more');
    }
    assert.equal(call.goneAt, undefined);
    caller.leave('RST');
    await until(() => call.goneAt !== undefined, 'the end');
  });
});

test('C8 slow read of a whole answer: cut after the write stall time', async (context) => {
  await withScene({ configuration: { limits: { write_stall: '1s' } } }, async (scene) => {
    const content = 'x'.repeat(24 * 2 ** 20);
    const bytes = Buffer.from(JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'gpt-4o', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }));
    let whole;
    scene.provider.always = () => async (answer) => {
      await answer.out.begin(200, { 'content-length': bytes.length });
      await answer.out.write(bytes.subarray(0, -1));
      whole = performance.now();   // nothing of it is told before its last byte has come
      await answer.out.write(bytes.subarray(-1));
    };
    const caller = await scene.call('large', { door: 'openai', headers: { 'x-request-id': 'slow-read' } });
    await caller.saw(/^HTTP\/1\.1 200/);
    caller.stopReading();
    assert.equal((await scene.accessLine('slow-read')).status, 499);
    const took = performance.now() - whole;
    context.diagnostic(`cut ${took.toFixed(0)} ms behind the answer`);
    assert.ok(took >= 1000, `cut after ${took} ms`);
    assert.ok(took <= 1000 + allowance, `cut after ${took} ms`);
    // Of what the kernels still hold the caller sees the end, which is not that of the answer.
    caller.read();
    await until(() => caller.ended, 'the connection is cut');
    assert.ok(caller.text.length < bytes.length, `${caller.text.length} bytes came`);
  });
});

// Good calls, one after the other, until `over()`: their times.
async function goodCalls(scene, over) {
  const times = [];
  while (!over()) {
    const begin = performance.now();
    const { status } = await scene.ask('answer');
    assert.equal(status, 200);
    times.push(performance.now() - begin);
    await pause(10);
  }
  return times;
}

// `count` connections, 500 more each second, that begin so and then send `drop` once a second, until the gateway closes them.
async function dripping(scene, count, begin, drop) {
  const wires = [], group = 5;
  let turn = 0;
  const timer = setInterval(() => {
    // A hundredth of them each time: in one go they would be a burst that nobody means.
    for (let index = turn % 100; index < wires.length; index += 100) if (!wires[index].ended) wires[index].send(drop);
    turn += 1;
  }, 10);
  try {
    for (let opened = 0; opened < count; opened += group) {
      const more = await Promise.all(Array.from({ length: group }, () => Wire.open(scene.gateway)));
      for (const wire of more) wire.send(begin);
      wires.push(...more);
      await pause(10);
    }
    await until(() => wires.every((wire) => wire.ended), () => `${wires.filter((wire) => !wire.ended).length} are not closed`, 100_000);
  } finally {
    clearInterval(timer);
    for (const wire of wires) wire.close();
  }
  return wires;
}

// By how much two gateways in peace may differ on a machine that lets neither run for tens of milliseconds, beyond the 5 ms of the row.
const noiseOf = (calmP99) => Math.max(0, calmP99 / 4 - 5);

async function slowlyMeanwhile(context, scene, calm, count, begin, drop) {
  const before = figuresOf(scene.gateway);
  let over = false, most = before;
  const watch = setInterval(() => {
    const { residentBytes, threads } = figuresOf(scene.gateway);
    most = { residentBytes: Math.max(most.residentBytes, residentBytes), threads: Math.max(most.threads, threads) };
  }, 250);
  const good = [scene, scene, calm, calm].map((one) => goodCalls(one, () => over));
  let wires;
  try {
    wires = await dripping(scene, count, begin, drop);
  } finally {
    over = true;
    clearInterval(watch);
  }
  const times = await Promise.all(good);
  const [p99, calmP99] = [times.slice(0, 2), times.slice(2)].map((two) => percentile(two.flat().sort((a, b) => a - b), 0.99));
  const closed = wires.map((wire) => wire.endedAt - wire.opened);
  const outcome = {
    statuses: new Set(wires.map((wire) => wire.status)),
    first: Math.min(...closed), last: Math.max(...closed),
    slower: p99 - calmP99 - noiseOf(calmP99),
    grown: most.residentBytes - before.residentBytes,
    threads: most.threads - before.threads,
  };
  const [first, last] = [outcome.first, outcome.last].map((time) => (time / 1000).toFixed(2));
  context.diagnostic(`${wires.length} connections closed after ${first} to ${last} s, RSS +${mebibytes(outcome.grown)}`);
  const calls = times[0].length + times[1].length;
  context.diagnostic(`${calls} good calls meanwhile, p99 ${p99.toFixed(1)} ms, at a gateway in peace ${calmP99.toFixed(1)} ms`);
  return outcome;
}

// Each try is one attack; all that is promised of it is looked at.
function attacks(context, scene, calm, count, begin, drop) {
  const outcomes = [];
  return async (index) => {
    outcomes[index] ??= await slowlyMeanwhile(context, scene, calm, count, begin, drop);
    assert.deepEqual(outcomes[index].statuses, new Set([408]));
    assert.ok(outcomes[index].grown < 32 * 2 ** 20, `RSS grew by ${outcomes[index].grown}`);
    assert.ok(outcomes[index].threads <= 0, `${outcomes[index].threads} more threads`);
    return outcomes[index];
  };
}

const manyFromHere = (limits) => ({ configuration: { limits: { connections_per_client: 0, ...limits } } });

const headSeconds = scale(2, 10);
test(`C6 slowloris: each is closed with 408 after ${headSeconds} s, others are served`, async (context) => {
  await withScenes(manyFromHere({ head_time: `${headSeconds}s` }), async (scene, calm) => {
    const attack = attacks(context, scene, calm, scale(100, 1000), 'GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: ', 'a');
    await keeps(headSeconds * 1000 + 1000, async (index) => {
      const { first, last } = await attack(index);
      assert.ok(first >= headSeconds * 1000 - 100, `closed after ${first} ms`);
      return last;
    }, { what: 'the last is closed' });
    // In short the 99th percentile is the fourth worst.
    await keepsMostly(scale(20, 5), async (index) => (await attack(index)).slower, { what: 'good calls are slower by (p99)', tries: 3 });
  });
});

// The rate is looked at after five seconds; each of the two bounds is shown where the other one is far away. (By default body_time is 60 s.)
const rateSeconds = 5, bodySeconds = 8;
test('C7 slow body: closed with 408 at the minimum rate, and at body_time where it is kept; no provider is called', async (context) => {
  const beginning = postHead('/v1/chat', 100_000);
  const tooSlow = withScenes(manyFromHere({ body_time: '60s' }), async (scene, calm) => {
    const { first, last } = await attacks(context, scene, calm, scale(100, 1000), beginning, '{')(0);
    assert.ok(first >= rateSeconds * 1000 - 100, `closed after ${first} ms`);
    assert.ok(last <= rateSeconds * 1000 + 1000 + allowance, `closed after ${last} ms`);
    assert.ok(scene.provider.calls.every(({ model }) => ['answer', 'well'].includes(model)));
  });
  // Without end, but no slower than it may be.
  const steadily = withScene({ configuration: { limits: { body_time: `${bodySeconds}s` } } }, async (scene) => {
    const steady = await Promise.all(Array.from({ length: 10 }, () => Wire.open(scene.gateway)));
    const more = setInterval(() => { for (const wire of steady) wire.send(' '.repeat(256)); }, 100);
    try {
      for (const wire of steady) wire.send(beginning);
      await until(() => steady.every((wire) => wire.ended), 'those that keep the rate are closed', 20_000);
    } finally { clearInterval(more); }
    for (const wire of steady) {
      const time = wire.endedAt - wire.opened;
      assert.equal(wire.status, 408);
      assert.ok(time >= bodySeconds * 1000 - 100 && time <= bodySeconds * 1000 + allowance, `closed after ${time} ms`);
      wire.close();
    }
    assert.ok(scene.provider.calls.every(({ model }) => model === 'well'));
  });
  await Promise.all([tooSlow, steadily]);
});

test('a caller that sends nothing, and one that stops in its head, are closed; both bounds are their own', async () => {
  await withScene({ configuration: { limits: { idle: '1s', head_time: '2s' } } }, async (scene) => {
    const silent = await Wire.open(scene.gateway), begun = await Wire.open(scene.gateway);
    begun.send('GET / HT');
    await silent.sawEnd();
    assert.equal(silent.text, '');
    await begun.sawEnd();
    assert.equal(begun.status, 408);
    assert.equal((await exchange(scene.gateway, head('GET', '/livez'))).status, 200);
  });
});
