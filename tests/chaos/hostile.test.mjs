// Hostile requests (C9 to C15, C17 of the reliability goals): too large, too deep, too many, not HTTP at all.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { exchange, head, postHead, Wire } from './support/clients.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { patience, scale } from './support/scale.mjs';
import { doors, withScene } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

const post = (target, body, fields) => Buffer.concat([Buffer.from(postHead(target, Buffer.byteLength(body), fields)), Buffer.from(body)]);
const mebibyte = 2 ** 20;
// Mistral's word for a bad body is another.
const badRequest = (door) => (door === 'mistral' ? 422 : 400);

test('C9 a body that is announced too large: 413 from the head alone', async () => {
  await withScene({}, async (scene) => {
    for (const door of Object.keys(doors)) {
      const answer = await exchange(scene.gateway, postHead(doors[door], 2 ** 30));
      assert.equal(answer.status, 413, door);
      assert.match(answer.head, /connection: close/i);
      assert.match(answer.body, /too large|larger than/, door);
    }
  });
});

test('C9 a body that is sent in chunks without end: 413 as soon as the bound is passed, and it arrives', async (context) => {
  await withScene({}, async (scene) => {
    const before = figuresOf(scene.gateway).residentBytes;
    const wire = await Wire.open(scene.gateway);
    wire.send(head('POST', '/v1/chat', { 'Transfer-Encoding': 'chunked' }));
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536, 'x'), Buffer.from('\r\n')]);
    let sent = 0;
    while (!wire.ended && sent < 2 ** 30) { await wire.send(chunk); sent += chunk.length; }
    await wire.saw(/HTTP\/1\.1 413/);
    const grown = figuresOf(scene.gateway).residentBytes - before;
    context.diagnostic(`${mebibytes(sent)} were taken from us, RSS +${mebibytes(grown)}`);
    // Everything that the kernel and the lingering read took, too.
    assert.ok(sent < 2 ** 30, 'the connection was closed');
    // A string that grows is there twice for a moment.
    assert.ok(grown < 40 * mebibyte, `RSS grew by ${grown}`);
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
      const before = figuresOf(scene.gateway);
      for (const depth of [1000, 100_000, 1_000_000]) {
        const body = text(depth);
        for (const door of Object.keys(doors)) {
          // Whole, and as a member that is passed on.
          for (const sent of [body, `{"model":"openai/m","messages":[{"role":"user","content":"x"}],"metadata":${body}}`]) {
            const answer = await exchange(scene.gateway, post(doors[door], sent));
            assert.equal(answer.status, sent.length > 10 * mebibyte ? 413 : badRequest(door), `${door} ${depth}`);
          }
        }
      }
      context.diagnostic(`CPU ${figuresOf(scene.gateway).cpuMilliseconds - before.cpuMilliseconds} ms for ${Object.keys(doors).length * 6} requests`);
      assert.ok(scene.provider.calls.every((call) => call.model !== 'm'), 'none of it was passed on');
    });
  });
}

test('C10 deep JSON from the provider: 502, whole and in a stream', async () => {
  await withScene({}, async (scene) => {
    for (const text of Object.values(deep)) {
      const body = text(100_000);
      scene.provider.always = (call) => (answer) => (call.stream ? answer.out.stream(`data: ${body}\n\n`) : answer.out.whole(body));
      assert.equal((await scene.ask('deep')).status, 502);
      const { status, text: answer } = await scene.ask('deep', { stream: true });
      assert.ok(status === 502 || /event: error/.test(answer), `${status} ${answer.slice(0, 200)}`);
      assert.doesNotMatch(answer, /event: done/);
    }
  });
});

const many = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join('');

test('C11 heads too large: 431 and 414, after no more than the bound was read', async () => {
  await withScene({}, async (scene) => {
    const before = figuresOf(scene.gateway).residentBytes;
    const cases = [
      ['64k header lines', 431, `GET / HTTP/1.1\r\nHost: localhost\r\n${many(65_536, (index) => `x-${index}: 1\r\n`)}\r\n`],
      ['one header of 1 MiB', 431, `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'a'.repeat(mebibyte)}\r\n\r\n`],
      ['a header name of 1 MiB', 431, `GET / HTTP/1.1\r\nHost: localhost\r\n${'a'.repeat(mebibyte)}: 1\r\n\r\n`],
      ['a target of 64 KiB', 414, `GET /${'a'.repeat(65_536)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
      ['a method without end', 501, 'A'.repeat(mebibyte)],
      ['101 fields', 431, `GET / HTTP/1.1\r\nHost: localhost\r\n${many(100, (index) => `x-${index}: 1\r\n`)}\r\n`],
    ];
    for (const [what, status, bytes] of cases) {
      const answer = await exchange(scene.gateway, bytes);
      assert.ok(answer.status === status || (status === 501 && [400, 431].includes(answer.status)), `${what}: ${answer.status}`);
      assert.match(answer.head, /connection: close/i, what);
    }
    assert.ok(figuresOf(scene.gateway).residentBytes - before < 16 * mebibyte);
  });
});

const request = (more) => `{"provider":"openai","model":"m","messages":[{"role":"user","content":"x"}],${more}}`;
// What a body of about `size` bytes holds; answered with one of the statuses.
const large = {
  'many keys': [[400], (size) => request(`"metadata":{${many(Math.floor(size / 12), (index) => `"k${String(index).padStart(7, '0')}":1,`)}"z":1}`)],
  'one key again and again': [[400], (size) => request(`"metadata":{${'"k":1,'.repeat(Math.floor(size / 6))}"z":1}`)],
  'a number of a million digits': [[400], (size) => request(`"temperature":${'1'.repeat(size)}`)],
  'escapes': [[200], (size) => request(`"user":"u"`).replace('"x"', `"${'\\u00e9'.repeat(Math.floor(size / 6))}"`)],
  'many messages': [[200], (size) => `{"provider":"openai","model":"m","messages":[${many(Math.floor(size / 34), () => '{"role":"user","content":"abcde"},')}{"role":"user","content":"x"}]}`],
};

for (const [what, [statuses, body]] of Object.entries(large)) {
  test(`C12 huge JSON: ${what}; the time is linear`, async (context) => {
    await withScene({}, async (scene) => {
      const perMebibyte = [];
      for (const size of [mebibyte, 4 * mebibyte, 8 * mebibyte]) {
        const bytes = post('/v1/chat', body(size));
        const before = figuresOf(scene.gateway).cpuMilliseconds;
        const answer = await exchange(scene.gateway, bytes, { limit: 60_000 });
        assert.ok(statuses.includes(answer.status), `${size}: ${answer.status} ${answer.body.slice(0, 300)}`);
        perMebibyte.push((figuresOf(scene.gateway).cpuMilliseconds - before) / (bytes.length / mebibyte));
      }
      context.diagnostic(`CPU per MiB: ${perMebibyte.map((time) => `${time.toFixed(1)} ms`).join(', ')} for 1, 4 and 8 MiB`);
      assert.ok(perMebibyte.at(-1) < patience(100), `${perMebibyte}`);
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

test('C13 a hundred pipelined requests are answered in order; a connection serves thousands', async () => {
  const requests = scale(1000, 10_000);
  await withScene({}, async (scene) => {
    const wire = await Wire.open(scene.gateway);
    wire.send(many(100, (index) => head('GET', '/livez', { 'x-request-id': `in-order-${index}` })));
    await until(() => wire.statuses.length === 100, () => `${wire.statuses.length} answers`);
    const ids = [...wire.text.matchAll(/x-request-id: in-order-(\d+)/gi)].map(([, index]) => Number(index));
    assert.deepEqual(ids, Array.from({ length: 100 }, (_, index) => index));
    wire.text = '';
    for (let sent = 0; sent < requests; sent += 50) {
      wire.text = '';
      wire.send(head('GET', '/livez').repeat(50));
      await until(() => wire.statuses.length === 50, () => `${wire.statuses.length} of 50 behind ${sent}`);
      assert.ok(wire.statuses.every((status) => status === 200));
      if (100 + sent + 100 >= 10_000) break;   // the ten-thousandth closes the connection
    }
    assert.equal(wire.ended, false);
    wire.close();
  });
});

test('C14 connection flood: a running stream keeps its events and their order, no descriptor is lost', async (context) => {
  const events = scale(40, 300);
  await withScene({}, async (scene) => {
    const caller = await scene.call(`stream:${events}:50`, { stream: true });
    await caller.saw(/t0 /);
    const before = figuresOf(scene.gateway).descriptors;
    const port = Number(new URL(scene.gateway.url).port);
    let opened = 0, failed = 0;
    const lane = async () => {
      while (!/event: done/.test(caller.text)) {
        await new Promise((resolve) => {
          const socket = net.connect(port, '127.0.0.1');
          socket.on('connect', () => { opened += 1; socket.destroy(); });
          socket.on('error', () => { failed += 1; });
          socket.on('close', resolve);
        });
      }
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    const seen = [...caller.text.matchAll(/"content":"t(\d+) "/g)].map(([, index]) => Number(index));
    assert.deepEqual(seen, Array.from({ length: events }, (_, index) => index));
    const gaps = caller.reads.slice(1).map((read, index) => read.at - caller.reads[index].at).sort((a, b) => a - b);
    context.diagnostic(`${opened} connections, ${failed} failed; gap between events p99 ${gaps.at(Math.floor(gaps.length * 0.99)).toFixed(1)} ms at a beat of 50 ms`);
    assert.equal(failed, 0);
    caller.leave('FIN');
    await until(() => figuresOf(scene.gateway).descriptors <= before + 2, 'descriptors as before');
  });
});

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

test('C15 foreign protocols: 400 or closed, each within the time for a head', async () => {
  await withScene({ configuration: { limits: { head_time: '2s' } } }, async (scene) => {
    for (const [name, bytes] of Object.entries(protocols)) {
      const wire = await Wire.open(scene.gateway);
      wire.send(bytes);
      await wire.saw(/^HTTP\/1\.1 (400|408|501|505) /).catch((fault) => assert.fail(`${name}: ${fault.message}`));
      assert.equal(wire.statuses.length, 1, name);
      wire.finish();
      await wire.sawEnd();
    }
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
  await withScene({}, async (scene) => {
    const ask = () => scene.ask('stream:2:100', { stream: true, headers: { 'idempotency-key': 'the-same', 'x-request-id': 'the-same' } });
    const before = scene.provider.calls.length;
    const answers = await Promise.all([ask(), ask()]);
    assert.deepEqual(answers.map((answer) => answer.status), [200, 200]);
    assert.equal(scene.provider.calls.length - before, 2);
    await until(() => scene.gateway.accessLines().filter((line) => line.request_id === 'the-same').length === 2, 'two lines');
  });
});
