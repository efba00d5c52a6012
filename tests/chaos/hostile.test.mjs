// Hostile requests (C9 to C15, C17 of the reliability goals): too large, too deep, too many, not HTTP at all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { reply } from '../support/chat.mjs';
import { picoOf, Scrape } from '../support/exposition.mjs';
import { parseEvents } from '../support/sse.mjs';
import { socketBetween } from './support/backlog.mjs';
import { exchange, head, postHead, Wire } from './support/clients.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { ask as get } from './support/life.mjs';
import { percentile } from './support/load.mjs';
import { keeps, keepsMostly } from './support/promise.mjs';
import { scale } from './support/scale.mjs';
import { doors, question, withScene, withScenes } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

const post = (target, body, fields) => Buffer.concat([Buffer.from(postHead(target, Buffer.byteLength(body), fields)), Buffer.from(body)]);
const mebibyte = 2 ** 20;
// Mistral's word for a bad body is another.
const badRequest = (door) => (door === 'mistral' ? 422 : 400);

// The most that it has held since the last call, in bytes.
function peakOf({ child: { pid } }) {
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return peak;
}

// The row's memory, from now on: what it gives asserts that never more than 16 MiB were held beside what is held now, and tells the most.
function grownLittle(gateway) {
  const { residentBytes } = figuresOf(gateway);
  peakOf(gateway);
  return () => {
    const peak = peakOf(gateway) - residentBytes;
    assert.ok(peak < 16 * mebibyte, `RSS grew by ${peak}`);
    return `RSS at most +${mebibytes(peak)}`;
  };
}

test('C9 a body that is announced too large: 413 from the head alone', async (context) => {
  await withScene({}, async (scene) => {
    const assertNothingHeld = grownLittle(scene.gateway);
    for (const door of Object.keys(doors)) {
      await keeps(100, async () => {
        const answer = await exchange(scene.gateway, postHead(doors[door], 2 ** 30));
        assert.equal(answer.status, 413, door);
        assert.match(answer.head, /connection: close/i);
        assert.match(answer.body, /too large|larger than/, door);
        return answer.ms;
      }, { what: `413 behind the head, ${door} door` });
    }
    context.diagnostic(assertNothingHeld());
  });
});

test('C9 a body that is sent in chunks without end: 413 as soon as the bound is passed, and it arrives', async (context) => {
  await withScene({}, async (scene) => {
    const before = figuresOf(scene.gateway).residentBytes;
    const grown = () => figuresOf(scene.gateway).residentBytes - before;
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536, 'x'), Buffer.from('\r\n')]);
    let wire;
    peakOf(scene.gateway);
    await keeps(100, async () => {
      wire?.close();
      wire = await Wire.open(scene.gateway);
      wire.send(head('POST', '/v1/chat', { 'Transfer-Encoding': 'chunked' }));
      for (let sent = 0; sent < 10 * mebibyte; sent += 65536) await wire.send(chunk);
      // While its room is made larger it is there twice.
      await until(() => { const held = grown(); return held > 10 * mebibyte && held < 16 * mebibyte; }, 'all of it is held, and nothing else');
      assert.equal(wire.text, '', 'as much as may be');
      const passed = performance.now();
      wire.send(chunk);
      await wire.saw(/HTTP\/1\.1 413/);
      assert.ok(grown() < 16 * mebibyte, `RSS grew by ${grown()}`);
      return wire.answeredAt - passed;
    }, { what: '413 behind the chunk that is too much' });
    const peak = peakOf(scene.gateway) - before;
    context.diagnostic(`RSS +${mebibytes(grown())}, at most +${mebibytes(peak)}`);
    // A string that grows is there twice for a moment: its first 8 MiB.
    assert.ok(peak < 18 * mebibyte, `RSS grew by ${peak}`);
    wire.close();
  });
});

test('C9 who sends on behind a 413 is heard for two seconds, so that no reset takes the answer away, and then closed', async (context) => {
  await withScene({}, async (scene) => {
    const assertNothingHeld = grownLittle(scene.gateway);
    await keeps(2100, async () => {
      const wire = await Wire.open(scene.gateway);
      wire.send(postHead('/v1/chat', 2 ** 30));
      for (; !wire.fault; await pause(5)) await wire.send(Buffer.alloc(65536, 'x'));
      assert.equal(wire.status, 413);
      return performance.now() - wire.answeredAt;
    }, { what: 'the connection is closed' });
    context.diagnostic(assertNothingHeld());
  });
});

const deep = {
  'arrays': (depth) => '['.repeat(depth) + ']'.repeat(depth),
  'objects': (depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth),
  'unclosed arrays': (depth) => '['.repeat(depth),
  'unclosed objects': (depth) => '{"a":'.repeat(depth),
};

for (const [kind, text] of Object.entries(deep)) {
  test(`C10 deep JSON: ${kind}, 100,000 and 1,000,000 deep`, async (context) => {
    await withScene({}, async (scene) => {
      const before = figuresOf(scene.gateway).residentBytes, slowest = {};
      for (const depth of [1000, 100_000, 1_000_000]) {
        const body = text(depth);
        for (const door of Object.keys(doors)) {
          // Whole, and as a member that is passed on.
          for (const sent of [body, `{"model":"openai/m","messages":[{"role":"user","content":"x"}],"metadata":${body}}`]) {
            const bytes = post(doors[door], sent);
            // To take a body of several MiB is more than to refuse it: of those C12 tells.
            const limit = bytes.length <= mebibyte ? 20 : 50 * bytes.length / mebibyte;
            slowest[depth] = Math.max(slowest[depth] ?? 0, await keeps(limit, async () => {
              const answer = await exchange(scene.gateway, bytes);
              assert.equal(answer.status, badRequest(door), `${door} ${depth}`);
              return answer.ms;
            }, { what: `refused at the ${door} door, ${depth} deep` }));
          }
        }
      }
      const grown = figuresOf(scene.gateway).residentBytes - before;
      const times = Object.entries(slowest).map(([depth, ms]) => `${depth} deep: ${ms.toFixed(1)} ms`);
      context.diagnostic(`from the last byte to the answer, ${times.join(', ')}; RSS +${mebibytes(grown)}`);
      // Where each level took stack, a million frames would stay.
      assert.ok(grown < 16 * mebibyte, `RSS grew by ${grown}`);
      assert.ok(scene.provider.calls.every((call) => call.model !== 'm'), 'none of it was passed on');
    });
  });
}

test('C10 deep JSON from the provider: 502 within 20 ms, whole and in a stream', async (context) => {
  await withScene({}, async (scene) => {
    const before = figuresOf(scene.gateway).residentBytes;
    for (const [kind, text, depth] of Object.entries(deep).flatMap(([kind, text]) => [100_000, 1_000_000].map((depth) => [kind, text, depth]))) {
      const body = text(depth);
      let begun, sent;
      scene.provider.always = (call) => async (answer) => {
        begun = performance.now();
        await (call.stream ? answer.out.stream(`data: ${body}\n\n`) : answer.out.whole(body));
        sent = performance.now();
      };
      for (const stream of [false, true]) {
        // As for callers: what is beyond a MiB must be taken first.
        await keeps(body.length <= mebibyte ? 20 : 50 * body.length / mebibyte, async () => {
          sent = undefined;
          const { status, text: answer } = await scene.ask('deep', { stream });
          // An event of several MiB is refused before all of it has come.
          const took = performance.now() - (sent ?? begun);
          assert.ok(status === 502 || (stream && /event: error/.test(answer)), `${status} ${answer.slice(0, 200)}`);
          assert.doesNotMatch(answer, /event: done/);
          return took;
        }, { what: `${kind}, ${depth} deep, stream: ${stream}` });
      }
    }
    const grown = figuresOf(scene.gateway).residentBytes - before;
    context.diagnostic(`RSS +${mebibytes(grown)}`);
    assert.ok(grown < 16 * mebibyte, `RSS grew by ${grown}`);
  });
});

const many = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');

// Heads that end nowhere, by default's bounds: what may be, and the next bytes, which are too much.
const lineOf = 'GET / HTTP/1.1\r\nHost: localhost\r\n';
const endless = [
  ['header lines', 431, `${lineOf}${many(99, (index) => `x-${index}: 1\r\n`)}x-99: 1\r`, '\n'],
  ['one header', 431, `${lineOf}x: `.padEnd(32 * 1024, 'a'), 'a'],
  ['a header name', 431, lineOf.padEnd(32 * 1024, 'a'), 'a'],
  ['a target', 414, 'GET /'.padEnd(4 + 8 * 1024, 'a'), 'a'],
  ['a method', 400, 'A'.repeat(32), 'A'],
];

test('C11 heads without end: 431 and 414 at the first byte beyond the bound, and the connection is ended while more is sent', async (context) => {
  await withScene({}, async (scene) => {
    const assertNothingHeld = grownLittle(scene.gateway);
    const door = new URL(scene.gateway.url).port;
    const refused = async ([what, status, allowed, beyond]) => {
      const wire = await Wire.open(scene.gateway);
      for (let at = 0; at < allowed.length; at += 1000) await wire.send(allowed.slice(at, at + 1000));
      // No kernel holds any of it: the gateway has read it all, and waits for more.
      const mine = wire.socket.localPort;
      await until(() => wire.text !== '' || (socketBetween(mine, door).unsent === 0 && socketBetween(door, mine).unread === 0), `all of ${what} is read`);
      await pause(20);
      assert.deepEqual([wire.text, wire.ended], ['', false], `as much as may be of ${what}`);
      wire.send(beyond);
      await wire.saw(/\r\n\r\n/);
      assert.deepEqual(wire.statuses, [status], what);
      assert.match(wire.text, /^connection: close\r$/im, what);
      // Who goes on is heard for a while, so that no reset takes the answer away; none of it is kept.
      let more = 0;
      for (; !wire.fault; more += 65_536, await pause(5)) await wire.send(Buffer.alloc(65_536, 'a'));
      const took = performance.now() - wire.answeredAt;
      assert.ok(more >= 2 * 65_536, `${what}: the verdict did not wait for the end, and ${more} bytes came behind it`);
      assert.deepEqual(wire.statuses, [status], what);
      return took;
    };
    await Promise.all(endless.map((one) => keeps(2100, () => refused(one), { what: `the connection is closed, ${one[0]}` })));
    context.diagnostic(assertNothingHeld());
  });
});

test('C11 heads too large, sent at once: 431 and 414, and the connection is ended', async (context) => {
  await withScene({}, async (scene) => {
    const assertNothingHeld = grownLittle(scene.gateway);
    const cases = [
      ['64k header lines', 431, `${lineOf}${many(65_536, (index) => `x-${index}: 1\r\n`)}\r\n`],
      ['one header of 1 MiB', 431, `${lineOf}x: ${'a'.repeat(mebibyte)}\r\n\r\n`],
      ['a header name of 1 MiB', 431, `${lineOf}${'a'.repeat(mebibyte)}: 1\r\n\r\n`],
      ['a target of 64 KiB', 414, `GET /${'a'.repeat(65_536)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
      ['a method of 1 MiB', 400, 'A'.repeat(mebibyte)],
      ['101 fields', 431, `${lineOf}${many(100, (index) => `x-${index}: 1\r\n`)}\r\n`],
    ];
    for (const [what, status, bytes] of cases) {
      const wire = await Wire.open(scene.gateway);
      wire.send(bytes);
      await wire.sawEnd();
      assert.deepEqual(wire.statuses, [status], what);
      assert.match(wire.text, /^connection: close\r$/im, what);
      wire.close();
    }
    // All that is allowed is served.
    const allowed = await exchange(scene.gateway, `GET /livez HTTP/1.1\r\nHost: localhost\r\n${many(99, (index) => `x-${index}: 1\r\n`)}\r\n`);
    assert.equal(allowed.status, 200, '100 fields');
    context.diagnostic(assertNothingHeld());
  });
});

const request = (more) => `{"provider":"openai","model":"m","messages":[{"role":"user","content":"x"}],${more}}`;
const message = '{"role":"user","content":"abcde"},';
const numberedMember = (index) => `"${index.toString(36).padStart(4, '_')}":1,`;
// What a body of about `size` bytes holds; answered with that status, within so many ms per MiB. The largest has a million of
// what it is about.
const large = {
  'many keys': [400, 50, (size) => request(`"metadata":{${many(Math.floor(size / 9), numberedMember)}"z":1}`)],
  'one key again and again': [400, 50, (size) => request(`"metadata":{${'"k":1,'.repeat(Math.floor(size / 6))}"z":1}`)],
  'a number of a million digits': [400, 50, (size) => request(`"temperature":${'1'.repeat(size)}`)],
  'escapes': [200, 50, (size) => request(`"user":"u"`).replace('"x"', `"${'\\u00e9'.repeat(Math.floor(size / 6))}"`)],
  // Not of the row: each is written anew for the provider.
  'many messages': [200, 100, (size) => request('"user":"u"').replace('[', `[${message.repeat(Math.floor(size / message.length))}`)],
};

for (const [what, [status, limit, body]] of Object.entries(large)) {
  test(`C12 huge JSON: ${what}; the time is linear`, async (context) => {
    await withScene({}, async (scene) => {
      for (const mebibytes of [1, 4, 9]) {
        const bytes = post('/v1/chat', body(mebibytes * mebibyte)), times = Math.ceil(4 / mebibytes);
        const took = await keeps(limit * mebibytes, async () => {
          const before = figuresOf(scene.gateway).cpuMilliseconds;
          let slowest = 0;
          for (let time = 0; time < times; time += 1) {
            const answer = await exchange(scene.gateway, bytes, { limit: 60_000 });
            assert.equal(answer.status, status, `${mebibytes} MiB: ${answer.body.slice(0, 300)}`);
            slowest = Math.max(slowest, answer.ms);
          }
          // The provider's own time is no part of it.
          return Math.max((figuresOf(scene.gateway).cpuMilliseconds - before) / times, status === 200 ? 0 : slowest);
        }, { what: `${mebibytes} MiB of ${what}` });
        context.diagnostic(`${mebibytes} MiB: ${(took / mebibytes).toFixed(1)} ms per MiB`);
      }
    });
  });
}

test('C12 duplicate keys are refused wherever we read: first or second, at every level, however spelt', async () => {
  await withScene({}, async (scene) => {
    const base = '"messages":[{"role":"user","content":"x"}]';
    const bodies = [
      `{"model":"openai/m","model":"openai/n",${base}}`,
      `{"model":"openai/m","m\\u006fdel":"openai/n",${base}}`,
      `{"model":"openai/m","messages":[],${base}}`,
      '{"model":"openai/m","messages":[{"role":"user","role":"system","content":"x"}]}',
      `{"model":"openai/m","stream":false,"stream":true,${base}}`,
    ];
    for (const door of Object.keys(doors)) {
      for (const body of bodies) {
        const answer = await exchange(scene.gateway, post(doors[door], door === 'anthropic' ? body.replace('{', '{"max_tokens":5,') : body));
        assert.equal(answer.status, badRequest(door), `${door} ${body}: ${answer.body}`);
      }
    }
    assert.ok(scene.provider.calls.every((call) => call.model === 'gpt-4o' || call.model === 'well'), 'none was passed on');
  });
});

// Answers off a connection whose each has a Content-Length: [{status, head, body}]
function answersOf(text) {
  const answers = [];
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n\r\n', at) + 4;
    if (end < 4) return answers;
    const head = text.slice(at, end), length = Number(/^content-length: (\d+)\r$/im.exec(head)[1]);
    if (text.length < end + length) return answers;
    answers.push({ status: Number(head.slice(9, 12)), head, body: text.slice(end, end + length) });
    at = end + length;
  }
}

test('C13 a hundred pipelined requests, whose answers differ in kind and in time, are answered in order', async () => {
  await withScene({}, async (scene) => {
    const wire = await Wire.open(scene.gateway);
    // The slowest provider comes first: who answers out of turn would be before it.
    scene.provider.always = (call) => async (answer) => {
      await answer.wait(call.model === 'm-0' ? 300 : 0);
      await answer.out.whole({ ...reply(`to ${call.model}`), model: call.model });
    };
    const asked = Array.from({ length: 100 }, (_, index) => [
      [200, new RegExp(`"to m-${index}"`), post('/v1/chat', JSON.stringify(question('native', 'openai', `m-${index}`)))],
      [200, /ok/i, head('GET', '/livez')],
      [404, /There is nothing at this path/, head('GET', `/nowhere/${index}`)],
      [400, /JSON/i, post('/v1/chat', `{"number":${index}`)],
    ][index % 4]);
    const named = asked.map(([, , bytes], index) => Buffer.from(bytes.toString('latin1').replace('\r\n', `\r\nX-Request-Id: in-order-${index}\r\n`), 'latin1'));
    wire.send(Buffer.concat(named));
    await until(() => answersOf(wire.text).length >= 100, () => `${answersOf(wire.text).length} answers`);
    const answers = answersOf(wire.text);
    for (const [index, [status, body]] of asked.entries()) {
      assert.equal(answers[index].status, status, `${index}: ${answers[index].body}`);
      assert.match(answers[index].head, new RegExp(`^x-request-id: in-order-${index}\\r$`, 'im'));
      assert.match(answers[index].body, body);
    }
    await pause(50);
    assert.equal(wire.statuses.length, 100, 'and nothing else');
    assert.equal(wire.ended, false);
    wire.close();
  });
});

// The default in full, which is not named then.
const most = scale(1000, 10_000);
test(`C13 a connection serves ${most} requests, each once; the last answer says so, and behind it the connection is closed`, async () => {
  await withScene({ configuration: scale({ limits: { requests_per_connection: most } }, {}) }, async (scene) => {
    const wire = await Wire.open(scene.gateway);
    for (let served = 0; served < most; served += 50) {
      wire.text = '';
      wire.send(many(50, (index) => head('GET', '/livez', { 'x-request-id': `number-${served + index}` })));
      await until(() => answersOf(wire.text).length >= 50, () => `${answersOf(wire.text).length} of 50 behind ${served}`);
      const last = served + 50 === most;
      for (const [index, answer] of answersOf(wire.text).entries()) {
        assert.equal(answer.status, 200);
        assert.match(answer.head, new RegExp(`^x-request-id: number-${served + index}\\r$`, 'im'));
        assert.equal(/^connection: close\r$/im.test(answer.head), last && index === 49, `number ${served + index}`);
      }
      if (!last) assert.equal(wire.ended, false, `behind ${served + 50}`);
    }
    await wire.sawEnd();
    assert.equal(wire.statuses.length, 50, 'and nothing else');
    wire.close();
  });
});

// `rate` connections a second, if the machine can: {opened, failed, seconds}.
async function flood(gateway, rate, seconds) {
  const script = fileURLToPath(new URL('support/flood.py', import.meta.url));
  const run = spawn('python3', [script, new URL(gateway.url).port, rate, seconds], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  run.stdout.on('data', (bytes) => { text += bytes; });
  const [code] = await once(run, 'close');
  assert.equal(code, 0);
  return JSON.parse(text);
}

// Of streams that are over: [{at, gap}], the times between two reads, in ms. Each has all its texts, in order.
function gapsOf(callers, texts) {
  return callers.flatMap(({ text, reads }) => {
    const seen = [...text.matchAll(/"content":"t(\d+) "/g)].map(([, index]) => Number(index));
    assert.deepEqual(seen, Array.from({ length: texts }, (_, index) => index));
    return reads.slice(1).map(({ at }, index) => ({ at, gap: at - reads[index].at }));
  });
}

test('C14 connection flood: running streams keep their pace and order, others are served, no descriptor is lost', async (context) => {
  const rate = 5000, seconds = scale(4, 30), texts = seconds * 20, parts = 5;
  await withScenes({}, async (scene, calm) => {
    const begun = (one) => Promise.all(Array.from({ length: 10 }, () => one.call(`stream:${texts}:50`, { stream: true })));
    const callers = [await begun(scene), await begun(calm)];
    const before = figuresOf(scene.gateway).descriptors;
    const begin = performance.now();
    let over = false;
    const flooding = flood(scene.gateway, rate, seconds).finally(() => { over = true; });
    for (; !over; await pause(50)) assert.equal((await scene.ask('answer')).status, 200);
    const { opened, failed, seconds: took } = await flooding;
    for (const caller of callers.flat()) {
      await caller.saw(/event: done/);
      caller.leave('FIN');
    }
    context.diagnostic(`${(opened / took).toFixed(0)} connections a second for ${took.toFixed(0)} s, ${failed} failed`);
    assert.equal(failed, 0);
    assert.ok(opened / took > rate / scale(10, 2), `the machine is too slow for a flood: ${(opened / took).toFixed(0)} connections a second`);
    await until(() => figuresOf(scene.gateway).descriptors <= before, 'descriptors as before');
    // Each part of the flood's time is a try, and in each the other gateway tells what the machine is late with.
    const gaps = callers.map((some) => gapsOf(some, texts));
    await keepsMostly(20, (part) => {
      const [from, to] = [part, part + 1].map((end) => begin + end * seconds * 1000 / parts);
      const [p99, calmP99] = gaps.map((all) => {
        const some = all.filter(({ at }) => at >= from && at < to).map(({ gap }) => gap);
        return percentile(some.sort((a, b) => a - b), 0.99);
      });
      context.diagnostic(`gap between events p99 ${p99.toFixed(1)} ms at a beat of 50 ms, at a gateway in peace ${calmP99.toFixed(1)} ms`);
      return p99 - calmP99;
    }, { what: 'gaps between events are longer by (p99)', tries: parts });
  });
});

// Each is refused by what it says, by default with 400.
const protocols = {
  'TLS': Buffer.from('16030100c8010000c40303' + '00'.repeat(64), 'hex'),
  'SSH': 'SSH-2.0-OpenSSH_9.2\r\n',
  'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0',
  'Redis': '*1\r\n$4\r\nPING\r\n',
  'SMTP': 'EHLO example.org\r\n',
  'SMB': Buffer.from('00000054ff534d4272000000001801280000000000000000000000000000', 'hex'),
  'RDP': Buffer.from('030000130ee000000000000100080003000000', 'hex'),
  'SOCKS5': Buffer.from('050100', 'hex'),
  'PROXY protocol': 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'a JSON body alone': '{"model":"gpt-4o"}\r\n\r\n',
  'zeros': Buffer.alloc(1000),
};
// By name, as a version that is none of ours (RFC 9110, 15.6.6).
const verdicts = { 'HTTP/2': 505 };

test('C15 foreign protocols: 400 and closed, each at once; HTTP/2 is told its version', async () => {
  await withScene({ configuration: { limits: { head_time: '1h' } } }, async (scene) => {
    for (const [name, bytes] of Object.entries(protocols)) {
      const wire = await Wire.open(scene.gateway);
      wire.send(bytes);
      // By the gateway alone: this side ends nothing.
      await wire.sawEnd(2000).catch((fault) => assert.fail(`${name}: ${fault.message}`));
      assert.deepEqual(wire.statuses, [verdicts[name] ?? 400], name);
      assert.match(wire.text, /^connection: close\r$/im, name);
      wire.close();
    }
  });
});

test('C15 a protocol that may still become HTTP: 408 and closed at the time for a head, 10 s by default', async () => {
  const seconds = scale(1, 10);
  await withScene({ configuration: scale({ limits: { head_time: `${seconds}s` } }, {}) }, async (scene) => {
    await keeps(seconds * 1000 + 500, async () => {
      const wire = await Wire.open(scene.gateway);
      const sent = performance.now();
      wire.send('EHLO');
      await wire.sawEnd(2 * seconds * 1000 + 5000);
      assert.deepEqual(wire.statuses, [408]);
      const took = wire.endedAt - sent;
      assert.ok(took >= seconds * 1000 - 100, `closed after ${took} ms`);
      wire.close();
      return took;
    }, { what: 'closed' });
  });
});

test('C15 no log flood: ten lines a second for what is no request, the others are counted', async () => {
  const count = scale(300, 5000);
  await withScene({}, async (scene) => {
    const begin = performance.now();
    for (let sent = 0; sent < count; sent += 50) {
      const wires = await Promise.all(Array.from({ length: 50 }, () => Wire.open(scene.gateway)));
      for (const wire of wires) wire.send('SSH-2.0-scanner\r\n');
      await until(() => wires.every((wire) => wire.status === 400), 'every refusal');
      wires.forEach((wire) => wire.close());
    }
    const seconds = (performance.now() - begin) / 1000;
    const lines = () => scene.gateway.accessLines().filter((line) => line.status === 400).length;
    const counted = () => [...scene.gateway.errors.matchAll(/they are no requests".*?"count":"(\d+)"/g)].reduce((sum, [, number]) => sum + Number(number), 0);
    await until(() => lines() + counted() === count, () => `${lines()} lines, ${counted()} counted of ${count}`);
    assert.ok(lines() <= 10 * (Math.ceil(seconds) + 1), `${lines()} lines in ${seconds} s`);
    // A refused request that is one keeps its line.
    await exchange(scene.gateway, head('BREW', '/v1/chat'));
  });
});

test('C17 no idempotency store: the same request twice at once is two calls and two charges, as documented', async () => {
  await withScene({ environment: { AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' } }, async (scene) => {
    const [, admin] = await scene.gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
    const labels = { provider: 'openai', model: 'gpt-4o' };
    const charged = async () => new Scrape((await get(`${admin}/metrics`)).text).pico('ai_proxy_cost_usd_total', labels);
    scene.provider.always = 'stream:2:100';
    const ask = () => scene.ask('gpt-4o', { stream: true, headers: { 'idempotency-key': 'the-same', 'x-request-id': 'the-same' } });
    const before = scene.provider.calls.length, chargedBefore = await charged();
    const answers = await Promise.all([ask(), ask()]);
    assert.deepEqual(answers.map((answer) => answer.status), [200, 200]);
    assert.equal(scene.provider.calls.length - before, 2);
    const lines = await until(() => {
      const found = scene.gateway.accessLines().filter((line) => line.request_id === 'the-same');
      return found.length === 2 && found;
    }, 'two lines');
    // Both are told the cost, both lines have it, and it is counted twice.
    const [cost] = answers.map(({ text }) => JSON.parse(parseEvents(text).at(-1).data).cost.estimated_cost_usd);
    assert.ok(picoOf(cost) > 0n, cost);
    for (const { text } of answers) assert.equal(JSON.parse(parseEvents(text).at(-1).data).cost.estimated_cost_usd, cost);
    for (const line of lines) assert.equal(picoOf(line.cost_usd), picoOf(cost), JSON.stringify(line));
    await until(async () => await charged() - chargedBefore === 2n * picoOf(cost), 'it is charged twice');
    scene.provider.always = undefined;
  });
});
