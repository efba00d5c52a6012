// Streams under fault (users' cases A8, A9, D5, F1): who leaves cancels, nothing lumps, nobody who does not read fills our
// memory, every deadline fires in its own phase, and no secret is told whatever breaks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { blackHole } from '../support/black_hole.mjs';
import { wire } from '../support/turns.mjs';
import { slow } from '../support/processes.mjs';
import { assertStopped, backlogOf, distanceOf, tell } from './support/backlog.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { load, percentile } from './support/load.mjs';
import { allowance, keeps, keepsMostly } from './support/promise.mjs';
import { Chances, full, patience, scale } from './support/scale.mjs';
import { doors, providers, withScene } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

const pairs = Object.keys(doors).flatMap((door) => providers.map((provider) => ({ door, provider })));

// --- A8: the caller goes away ---------------------------------------------------------------------------------------------

// What the provider does, whether a stream was asked for, and what the caller has seen when it leaves.
const phases = {
  'before the head': { model: 'hang', stream: true },
  'before the first event': { model: 'head-hang', stream: true },
  'between events': { model: 'head-hang:5', stream: true, seen: /t4 / },
  'while events flow': { model: 'stream:2000:2', stream: true, seen: /t3 / },
  'before a whole answer': { model: 'hang', stream: false },
  'inside a whole answer': { model: 'head-hang', stream: false },
};

// Leaves in that phase; how long after it the provider's connection was closed, in ms.
async function leave(scene, chances, { model, stream, seen }, how, where = {}) {
  const known = scene.provider.calls.length;
  const caller = await scene.call(model, { stream, ...where });
  const call = await until(() => scene.provider.calls[known], 'the call at the provider');
  if (seen) await caller.saw(seen);
  else await new Promise((resolve) => setTimeout(resolve, chances.integer(0, 10)));   // any moment of the phase
  const left = performance.now();
  caller.leave(how);
  await until(() => call.goneAt, `the provider's connection is closed after ${how}`, 5000);
  return call.goneAt - left;
}

test('A8 a caller that leaves, in any phase, by FIN or RST: the provider\'s connection is closed', async (context) => {
  const chances = new Chances(context);
  await withScene({}, async (scene) => {
    const ways = Object.entries(phases).flatMap(([phase, what]) => ['FIN', 'RST'].map((how) => ({ phase, what, how })));
    const everyWay = ways.flatMap((way) => pairs.map((where) => ({ ...way, where })));
    await keepsMostly(100, async (turn) => {
      const times = [];
      for (const { phase, what, how, where } of everyWay) {
        for (let round = 0; round < scale(1, 5); round += 1) {
          const id = `a8-${phase}-${how}-${where.door}-${where.provider}-${turn}-${round}`.replaceAll(' ', '-');
          const before = scene.provider.calls.length;
          times.push(await leave(scene, chances, what, how, { ...where, headers: { 'x-request-id': id } }));
          const line = await scene.accessLine(id);
          assert.equal(line.status, 499, `${id}: ${JSON.stringify(line)}`);
          assert.equal(scene.provider.calls.length, before + 1, `${id}: nobody else is asked`);
        }
      }
      times.sort((a, b) => a - b);
      const [median, p99, worst] = [0.5, 0.99, 1].map((share) => percentile(times, share));
      const figures = `${median.toFixed(1)} ms (median), ${p99.toFixed(1)} ms (99 %), ${worst.toFixed(1)} ms (worst)`;
      context.diagnostic(`${times.length} callers left; the provider saw it after ${figures}`);
      return p99;
    }, { what: 'closed behind the caller (p99)', tries: 3 });
  });
});

test('A8 many callers leave at once: one line each, nothing leaks, nobody is asked twice', async (context) => {
  const chances = new Chances(context);
  await withScene({ environment: { AI_PROXY_THREADS: '2' } }, async (scene) => {
    const before = figuresOf(scene.gateway), known = scene.provider.calls.length;
    const total = scale(200, 1000);
    const { byStatus } = await load(total, 20, async (index) => {
      const { model, stream } = phases[chances.pick(Object.keys(phases))];
      const caller = await scene.call(model, { stream, ...chances.pick(pairs), headers: { 'x-request-id': `left-${index}` } });
      await new Promise((resolve) => setTimeout(resolve, chances.integer(0, 30)));
      caller.leave(chances.pick(['FIN', 'RST']));
      return { status: 'left' };
    });
    assert.deepEqual(byStatus, { left: total });
    const lines = await until(() => {
      const found = scene.gateway.accessLines().filter(({ request_id: id }) => id.startsWith('left-'));
      return found.length >= total && found;
    }, 'a line for every caller', 30_000);
    assert.equal(new Set(lines.map(({ request_id: id }) => id)).size, total);
    assert.deepEqual(lines.filter(({ status }) => status !== 499), []);
    const asked = scene.provider.calls.length - known;
    assert.ok(asked <= total, `${asked} calls for ${total} requests`);
    await until(() => scene.provider.calls.slice(known).every(({ goneAt }) => goneAt), 'every call is cancelled');
    await scene.settled();
    const after = figuresOf(scene.gateway);
    assert.ok(after.threads <= before.threads, `${before.threads} -> ${after.threads} threads`);   // one only reads certificates at the start
    context.diagnostic(`${total} callers left; ${before.descriptors} -> ${after.descriptors} descriptors, ${mebibytes(before.residentBytes)} -> ${mebibytes(after.residentBytes)}`);
  });
});

// Callers that leave where no provider can see it: the ms until the gateway holds no more sockets than before they came.
async function timeToForget(gateway, before, leave) {
  const left = performance.now();
  leave();
  for (let seen; (seen = figuresOf(gateway).sockets) > before;) {
    assert.ok(performance.now() - left < patience(10_000), `${seen} sockets, ${before} before`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return performance.now() - left;
}

test('A8 callers that leave while their requests wait for a connection are forgotten within 100 ms', async () => {
  await withScene({ configuration: { limits: { provider: { connections: 1, wait: '60s' } } } }, async (scene) => {
    const first = await scene.call('hang', { stream: true });
    await until(() => scene.provider.calls.find(({ model }) => model === 'hang'), 'the first call');
    const known = scene.provider.calls.length;
    const { sockets } = figuresOf(scene.gateway);
    for (const how of ['FIN', 'RST']) {
      for (const stream of [true, false]) {
        await keeps(100, async (turn) => {
          const ids = Array.from({ length: 10 }, (_, index) => `queued-${how}-${stream}-${turn}-${index}`);
          const waiting = await Promise.all(ids.map((id) => scene.call('hang', { stream, headers: { 'x-request-id': id } })));
          await until(() => figuresOf(scene.gateway).sockets === sockets + ids.length, 'all of them wait');
          const time = await timeToForget(scene.gateway, sockets, () => waiting.forEach((caller) => caller.leave(how)));
          for (const id of ids) assert.equal((await scene.accessLine(id)).status, 499);
          return time;
        }, { what: `forgotten (${how}, stream: ${stream})` });
      }
    }
    assert.equal(scene.provider.calls.length, known, 'the provider never hears of them');
    // Nor are they still in the queue.
    first.leave('FIN');
    assert.equal((await scene.ask('answer')).status, 200);
    assert.equal(scene.provider.calls.length, known + 1);
  });
});

test('A8 callers that leave while the provider is being connected to are forgotten within 100 ms, and no more is tried', async () => {
  const hole = await blackHole();
  try {
    const configuration = { limits: { provider: { connect: '60s' } } };
    await withScene({ configuration, environment: { MISTRAL_BASE_URL: hole.url } }, async (scene) => {
      const { sockets } = figuresOf(scene.gateway);
      for (const how of ['FIN', 'RST']) {
        for (const { door, stream } of Object.keys(doors).flatMap((one) => [true, false].map((stream) => ({ door: one, stream })))) {
          await keeps(100, async (turn) => {
            const ids = Array.from({ length: 5 }, (_, index) => `connecting-${how}-${door}-${stream}-${turn}-${index}`);
            const call = (id) => scene.call('m', { door, provider: 'mistral', stream, headers: { 'x-request-id': id } });
            const waiting = await Promise.all(ids.map(call));
            // Each has a socket on its way to the provider beside its own.
            await until(() => figuresOf(scene.gateway).sockets === sockets + 2 * ids.length, 'all of them connect');
            const time = await timeToForget(scene.gateway, sockets, () => waiting.forEach((caller) => caller.leave(how)));
            for (const id of ids) {
              const line = await scene.accessLine(id);
              assert.equal(line.status, 499);
              assert.equal(line.attempts, 1, JSON.stringify(line));
            }
            return time;
          }, { what: `forgotten (${how}, ${door} door, stream: ${stream})` });
        }
      }
    });
  } finally { hole.stop(); }
});

// --- A9: nothing lumps, nothing piles up ------------------------------------------------------------------------------------

// A gate that the test opens for each event, so that the next is sent only when this one has come.
const steps = () => { let open; const gate = { next: () => new Promise((resolve) => { open = resolve; }), open: () => open() }; return gate; };

test('A9 every event passes on alone: the next is sent only when this one has reached the caller', async (context) => {
  await withScene({}, async (scene) => {
    const times = [];
    for (const { door, provider } of pairs) {
      const count = scale(15, 100), gate = steps();
      let sentAt;
      scene.provider.always = () => async ({ out }) => {
        const events = wire[provider].stream({ text: Array.from({ length: count }, (_, index) => `t${index} `.padEnd(200, 'x')), reason: 'stop' });
        await out.beginStream();
        for (const event of events) {
          const isText = /"t\d+ x/.test(event);
          const reached = isText ? gate.next() : undefined;
          sentAt = performance.now();
          await out.piece(event);
          await reached;
        }
        await out.endStream();
      };
      const caller = await scene.call('steps', { door, provider, stream: true, headers: { connection: 'close' } });
      for (let index = 0; index < count; index += 1) {
        await caller.saw(new RegExp(`t${index} x+`), patience(5000));
        times.push(caller.reads.at(-1).at - sentAt);
        gate.open();
      }
      await caller.closed;
      const [head] = caller.text.split('\r\n\r\n');
      for (const line of [/^content-type: text\/event-stream; charset=utf-8$/im, /^cache-control: no-cache$/im, /^x-accel-buffering: no$/im]) assert.match(head, line);
      assert.doesNotMatch(head, /^content-(length|encoding):/im);
      assert.match(caller.text, door === 'native' ? /event: done/ : door === 'anthropic' ? /message_stop/ : /\[DONE\]/);
    }
    scene.provider.always = undefined;
    times.sort((a, b) => a - b);
    context.diagnostic(`${times.length} events; from the provider's write to the caller's read ${percentile(times, 0.5).toFixed(2)} ms (median), ${percentile(times, 0.99).toFixed(2)} ms (99 %)`);
    assert.ok(percentile(times, 0.5) < patience(20), `median ${percentile(times, 0.5)} ms`);
  });
});

// Sends text for ever, as fast as it is taken; `pushed` counts what was.
const filler = 'x'.repeat(16_000);
const flood = (flavour, most) => {
  const state = { pushed: 0 };
  const [event] = wire[flavour].stream({ text: [filler], reason: 'stop' }).filter((one) => one.includes(filler));
  const block = Buffer.from(event), framedBlock = Buffer.concat([Buffer.from(`${block.length.toString(16)}\r\n`), block, Buffer.from('\r\n')]);
  state.eventBytes = framedBlock.length;
  state.run = async ({ out }) => {
    state.socket = out.socket;
    await out.beginStream();
    await out.piece(wire[flavour].stream({ text: [filler], reason: 'stop' }).slice(0, flavour === 'anthropic' ? 2 : 1).join(''));
    while (!out.socket.destroyed && state.pushed < most) {
      if (!out.socket.write(framedBlock)) await Promise.race([new Promise((resolve) => out.socket.once('drain', resolve)), out.closed()]);
      state.pushed = out.socket.bytesWritten;
    }
    await out.closed();
    state.closedAt = performance.now();
  };
  return state;
};

test('A9 a caller that reads nothing: reading of the provider pauses, memory stays, and it is cut in the end', { timeout: 120_000 }, async (context) => {
  const most = 200_000_000;
  const stall = slow ? 6000 : scale(3000, 5000);
  await withScene({ configuration: { limits: { write_stall: `${stall}ms` } } }, async (scene) => {
    const where = [{ door: 'native', provider: 'openai' }, { door: 'openai', provider: 'openai' }, { door: 'anthropic', provider: 'anthropic' }, { door: 'anthropic', provider: 'mistral' }];
    const before = figuresOf(scene.gateway);
    const floods = [], callers = [];
    scene.provider.always = (call) => {
      const state = flood(call.flavour, most);
      floods.push(state);
      return (answer) => state.run(answer);
    };
    const begun = performance.now();
    let grown = 0;
    const backlogs = [];
    // Each is looked at when it stands still itself: a machine that is held up would have the first cut before the last stands.
    const look = () => {
      grown = Math.max(grown, figuresOf(scene.gateway).residentBytes - before.residentBytes);
      for (const [index, caller] of callers.entries()) {
        const state = floods[index], now = performance.now();
        if (backlogs[index] || state.closedAt) continue;
        if (state.pushed !== state.last) Object.assign(state, { last: state.pushed, since: now });
        if (now - state.since <= 500) continue;
        backlogs[index] = backlogOf(scene.gateway, caller.socket, state.socket, { in: state.eventBytes, out: distanceOf(filler, caller.text) });
      }
    };
    for (const [index, at] of where.entries()) {
      const caller = await scene.call('flood', { ...at, stream: true, headers: { 'x-request-id': `deaf-${index}` } });
      await until(() => { look(); return distanceOf(filler, caller.text); }, 'some events');
      caller.stopReading();
      callers.push(caller);
      await until(() => { look(); return backlogs[index] ?? floods[index].closedAt; }, 'it stands still');
    }
    await until(() => { look(); return floods.every(({ closedAt }) => closedAt); }, 'every flood is cut', 30_000);
    assert.equal(backlogs.filter(Boolean).length, where.length, 'all of them stood still');
    for (const backlog of backlogs) {
      context.diagnostic(tell(backlog));
      assertStopped(backlog);
    }
    context.diagnostic(`the gateway grew by ${mebibytes(grown)} at most`);
    if (!slow) assert.ok(grown < where.length * 2 * 2 ** 20, `${grown} bytes for ${where.length} streams`);
    for (const { closedAt } of floods) assert.ok(closedAt - begun >= stall * 0.9, `cut after ${closedAt - begun} ms`);
    scene.provider.always = undefined;
    for (const [index, caller] of callers.entries()) {
      assert.equal((await scene.accessLine(`deaf-${index}`)).status, 499);
      caller.read();
      await caller.closed;
      assert.doesNotMatch(caller.text.slice(-2000), /event: done|\[DONE\]|message_stop/);
    }
  });
});

// --- A2: a stream that is silent ----------------------------------------------------------------------------------------------

// In short, with keep-alives ten times a second, it is in tests/sdk/keep_alive.test.mjs.
const onlyInFull = { skip: !full && 'only in full' };
test('A2 a stream of 40 s that is mostly silent: its caller hears keep-alives, and every SDK passes over them', onlyInFull, async (context) => {
  const { sdks } = await import('../sdk/streaming.mjs');
  const turn = { text: ['Good ', 'morning'], reason: 'stop' };
  // The SDKs would keep their connections longer than we wait for leaks.
  await withScene({ configuration: { limits: { requests_per_connection: 1 } } }, async (scene) => {
    scene.provider.always = ({ flavour }) => async ({ out }) => {
      await out.beginStream();
      for (const event of wire[flavour].stream(turn)) {
        if (turn.text.some((piece) => event.includes(JSON.stringify(piece)))) await pause(20_000);
        await out.piece(event);
      }
      await out.endStream();
    };
    const begin = performance.now();
    const heard = pairs.map(async ({ door, provider }) => {
      const caller = await scene.call(wire[provider].model, { door, provider, stream: true, headers: { connection: 'close' } });
      await caller.closed;
      const pings = caller.text.split(door === 'anthropic' ? 'event: ping\ndata: {"type": "ping"}\n\n' : ': ping\n').length - 1;
      assert.ok(pings >= 2, `${door} door, ${provider}: ${pings} keep-alives in ${caller.text}`);
    });
    // Where the Responses API passes through, the stream is the provider's own.
    const passesThrough = ({ api, provider }) => api === 'responses' && provider === 'openai';
    const asked = sdks.flatMap((sdk) => providers.map((provider) => ({ ...sdk, provider }))).filter((one) => !passesThrough(one));
    const read = asked.map(async ({ name, api, text, provider }) => {
      const answer = await text(scene.gateway.url, `${provider}/${wire[provider].model}`);
      assert.equal(answer, 'Good morning', `${name}, ${api} -> ${provider}`);
    });
    await Promise.all([...heard, ...read]);
    const seconds = (performance.now() - begin) / 1000;
    context.diagnostic(`${asked.length} streams of SDKs and ${pairs.length} others, ${seconds.toFixed(1)} s`);
    assert.ok(seconds >= 40);
    scene.provider.always = undefined;
  });
});

// --- D5: each deadline in its own phase ----------------------------------------------------------------------------------------

const limits = { first_byte: 700, silence: 1100, first_event: 3000, total: 4500 };
const deadlines = {
  'no answer': { model: 'hang', limit: 'first_byte', words: /sent no answer within/ },
  'silence behind the head': { model: 'head-hang', limit: 'silence', words: /fell silent/ },
  'silence in the middle': { model: 'head-hang:3', limit: 'silence', words: /fell silent/, begun: true, stream: true },
  'signs of life, but no event': { model: 'pings:100', limit: 'first_event', words: /sent no event of its answer within/, stream: true },
  'a trickle': { model: 'trickle:20', limit: 'total', words: /did not complete its answer within/, stream: false },
  'a trickle of events': { model: 'trickle:200', limit: 'total', mayBegin: true, stream: true, words: /did not complete its answer within/ },
};

test('D5 each deadline fires in its own phase, at its time, and is named; the connection is closed', async (context) => {
  const configuration = { limits: { provider: Object.fromEntries(Object.entries(limits).map(([name, milliseconds]) => [name, `${milliseconds}ms`])) } };
  await withScene({ configuration }, async (scene) => {
    const cases = Object.entries(deadlines).flatMap(([what, one]) => [true, false].filter((stream) => stream === (one.stream ?? stream)).map((stream) => ({ what, ...one, stream })));
    await Promise.all(cases.map(async ({ what, model, limit, words, stream, begun, mayBegin }) => {
      const id = `d5-${what}-${stream}`.replaceAll(' ', '-');
      const caller = await scene.call(model, { stream, headers: { 'x-request-id': id, connection: 'close' } });
      const asked = performance.now();
      await caller.closed;
      const took = performance.now() - asked;
      const all = `${id}: ${took.toFixed(0)} ms, ${caller.text.slice(-600)}`;
      assert.match(caller.text, words, all);
      assert.match(caller.text, /provider_timeout/, all);
      // What the caller had been told something of before cannot have a status of its own any more.
      assert.ok(caller.status === (begun ? 200 : 504) || (mayBegin && caller.status === 200), all);
      assert.doesNotMatch(caller.text, /event: done/, all);
      assert.ok(took > limits[limit] - 50, all);
      assert.ok(took < limits[limit] + allowance, all);
      context.diagnostic(`${id}: ${took.toFixed(0)} ms of ${limits[limit]}`);
    }));
    await until(() => scene.provider.calls.filter(({ model }) => Object.values(deadlines).some((one) => one.model === model)).every(({ goneAt }) => goneAt), 'every connection is closed');
  });
});

test('D5 a stream that is slow but alive survives a short silence limit', async () => {
  await withScene({ configuration: { limits: { provider: { silence: '1500ms', first_byte: '1500ms' } } } }, async (scene) => {
    const count = scale(8, 60);
    const { status, text } = await scene.ask(`stream:${count}:${slow ? 300 : 400}`, { stream: true });
    assert.equal(status, 200);
    assert.match(text, /event: done/);
    assert.equal((text.match(/t\d+ /g) ?? []).length, count);
  });
});

// --- F1: canaries -----------------------------------------------------------------------------------------------------------

test('F1 no secret is told, whatever breaks, at the most talkative log level', async (context) => {
  const chances = new Chances(context);
  const secrets = { OPENAI_API_KEY: 'sk-canary-openai-0123456789', ANTHROPIC_API_KEY: 'sk-ant-canary-0123456789', MISTRAL_API_KEY: 'canary-mistral-0123456789', REDIS_URL: 'redis://user:canary-redis-password@127.0.0.1:1/0' };
  const canaries = [...Object.values(secrets).slice(0, 3), 'canary-redis-password', 'canary-caller', 'canary-cookie', 'canary-prompt', 'canary-answer-cookie'];
  const callers = { authorization: 'Bearer canary-caller-1', 'x-api-key': 'canary-caller-2', 'api-key': 'canary-caller-3', cookie: 'session=canary-cookie', 'proxy-authorization': 'Basic canary-caller-4', 'openai-organization': 'canary-caller-5', 'openai-project': 'canary-caller-6', 'x-goog-api-key': 'canary-caller-7', 'x-forwarded-authorization': 'canary-caller-8' };
  // A provider that repeats all it was sent, where it can.
  const echo = (call) => async ({ out }) => {
    const told = `wrong key ${call.key} ${[...call.request.fields].map(([name, value]) => `${name}: ${value}`).join(' ')}`;
    const fields = { 'set-cookie': 'a=canary-answer-cookie', location: 'http://canary-answer-cookie/', 'x-echo': call.key, 'openai-organization': 'canary-answer-cookie', 'x-request-id': 'req_1' };
    await out.whole({ error: { message: told, type: 'invalid_request_error', param: null, code: null } }, { status: chances.pick([400, 401, 403, 404, 422, 429, 500, 503]), fields });
  };
  const behaviours = ['ok', 'rst:3', 'fin:2', 'head-hang', 'hang', 'status:500', 'status:401', 'echo', 'echo'];
  const options = { environment: { ...secrets, AI_PROXY_LOG_LEVEL: 'debug' }, configuration: { limits: { provider: { first_byte: '300ms', silence: '300ms' } } } };
  await withScene(options, async (scene) => {
    const answers = [];
    for (let round = 0; round < scale(6, 40); round += 1) {
      await Promise.all(pairs.flatMap(({ door, provider }) => [true, false].map(async (stream) => {
        const model = chances.pick(behaviours);
        const { status, headers, text } = await scene.ask(model, { door, provider, stream, headers: callers });
        answers.push({ what: `${door} ${provider} ${model} ${stream}`, all: `${status} ${JSON.stringify(headers)} ${text}` });
      })));
      scene.provider.always = round % 2 === 0 ? (call) => (call.model === 'echo' ? echo(call) : undefined) : undefined;
      // What is no request of ours is no secret's way out either.
      const broken = await scene.poster.post(`${scene.gateway.url}/v1/chat?key=canary-caller-9`, '{"provider":"openai","messages":[{"content":"canary-prompt"', callers);
      answers.push({ what: 'a broken request', all: `${JSON.stringify(broken.headers)} ${broken.text}` });
    }
    for (const { what, all } of answers) for (const canary of canaries) assert.ok(!all.includes(canary), `${what}: ${canary} in ${all.slice(0, 500)}`);
    const files = ['cmdline', 'comm', 'status'].map((name) => readFileSync(`/proc/${scene.gateway.child.pid}/${name}`, 'latin1')).join(' ');
    for (const canary of canaries) {
      for (const [place, log] of Object.entries({ stdout: scene.gateway.output, stderr: scene.gateway.errors, process: files })) {
        const at = log.indexOf(canary);
        assert.ok(at < 0, `${canary} in ${place}: ${log.slice(Math.max(0, at - 200), at + 100)}`);
      }
    }
    // The callers' own keys and cookies stay here; each provider sees its own key and no other.
    for (const { key, flavour, request } of scene.provider.calls) {
      const sent = [...request.fields].map(([name, value]) => `${name}: ${value}`).join('\n');
      assert.doesNotMatch(sent, /canary-(caller|cookie|redis)/);
      const own = { openai: 'sk-canary-openai', anthropic: 'sk-ant-canary', mistral: 'canary-mistral' };
      for (const [name, canary] of Object.entries(own)) assert.equal(sent.includes(canary), name === flavour, `${name}'s key at ${flavour}: ${key?.slice(0, 10)}`);
    }
    context.diagnostic(`${answers.length} answers, ${mebibytes(scene.gateway.output.length + scene.gateway.errors.length)} of log, ${canaries.length} canaries${full ? ', full' : ''}`);
  });
});
