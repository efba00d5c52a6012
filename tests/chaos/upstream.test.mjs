// What providers do to us (rows U of the promise, docs/reliability.md): broken connections, broken HTTP, broken answers.
// U1-U5, U7, U17-U19 and U22 stand in egress.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf } from '../support/failures.mjs';
import { parseEvents } from '../support/sse.mjs';
import { wire } from '../support/turns.mjs';
import { eventsOf } from './support/faulty_provider.mjs';
import { percentile } from './support/load.mjs';
import { judge } from './support/replies.mjs';
import { llhttpCorpus, ours, ownCorpus, skipWithoutCorpora } from './support/reply_vectors.mjs';
import { Chances, patience, scale } from './support/scale.mjs';
import { doors, providers, withScene } from './support/scene.mjs';

const pairs = Object.keys(doors).flatMap((door) => providers.map((provider) => ({ door, provider })));
const deltasOf = (text) => text.match(/t\d+ /g) ?? [];
const texts = (count) => Array.from({ length: count }, (_, index) => `t${index} `);

// The error of a whole answer, in the words of its door.
function codeOf(door, text) {
  const body = JSON.parse(text);
  return door === 'native' ? body.details.code : body.error?.code ?? body.error?.type ?? body.type;
}

test('U6 a connection that is reset before the answer: one call, 502', async () => {
  await withScene({ proxied: true }, async (scene) => {
    for (const { door, provider } of pairs) {
      for (const stream of [false, true]) {
        // What was kept open is gone, so that the next call has a fresh connection.
        scene.proxy.resetOpen();
        scene.proxy.set('down', { resetAfter: 0 });
        const before = scene.provider.calls.length;
        const answer = await scene.ask('ok', { door, provider, stream });
        scene.proxy.clear();
        const what = `${door} ${provider} ${stream}: ${answer.status} ${answer.text}`;
        assert.equal(answer.status, 502, what);
        assert.equal(scene.provider.calls.length - before, 1, `sent once: ${what}`);
        if (door === 'native') assert.equal(codeOf(door, answer.text), 'provider_unreachable', what);
      }
    }
  });
});

// Behind the break the caller has every whole event, is told one error in its door's words, and sees no ending. Resolves with
// how long after it the last of this came.
async function checkBreak(scene, caller, { door, count, brokenAt, id }) {
  await caller.closed;
  const body = bodyOf(caller.text);
  assert.equal(caller.status, 200, caller.text);
  assert.deepEqual(deltasOf(body), texts(count), `${id}: every whole event`);
  if (door === 'native') {
    assert.equal(parseEvents(body).filter(({ event }) => event === 'error').length, 1);
    assert.equal(parseEvents(body).at(-1).event, 'error');
    assert.doesNotMatch(body, /event: done/);
  } else failureOf(door, body);
  assert.equal((await scene.accessLine(id)).error_code, 'stream_interrupted');
  return caller.reads.at(-1).at - brokenAt();
}

// Each of many was told in time: some of them late by what a busy machine takes, which is not the gateway's.
function assertPrompt(late) {
  late.sort((a, b) => a - b);
  const [most, worst] = [percentile(late, 0.9), late.at(-1)];
  assert.ok(most <= patience(100) && worst < patience(1000), `told ${most} ms after the break in 90 %, ${worst} ms at worst`);
}

test('U8 a stream that is reset: every event that had come arrives, then one error and no ending', async (context) => {
  const chances = new Chances(context), late = [];
  await withScene({}, async (scene) => {
    for (const { door, provider } of pairs) {
      for (let round = 0; round < scale(2, 20); round += 1) {
        const count = chances.integer(1, 40), unread = chances.integer(0, Math.min(5, count - 1)), id = `u8-${door}-${provider}-${round}`;
        let caller, brokenAt;
        // The last events wait in the gateway's socket, unread, when the reset comes.
        scene.provider.always = () => async ({ out, call }) => {
          const { events, end } = eventsOf(call.flavour, count);
          await out.beginStream();
          for (const event of events.slice(0, end - unread)) await out.piece(event);
          await caller.saw(new RegExp(`t${count - unread - 1} `));
          scene.gateway.child.kill('SIGSTOP');
          for (const event of events.slice(end - unread, end)) await out.piece(event);
          out.reset();
          brokenAt = performance.now();
          scene.gateway.child.kill('SIGCONT');
        };
        caller = await scene.call('reset', { door, provider, stream: true, headers: { 'x-request-id': id, connection: 'close' } });
        late.push(await checkBreak(scene, caller, { door, count, brokenAt: () => brokenAt, id }));
      }
    }
    assertPrompt(late);
    scene.provider.always = undefined;
  });
});

test('U9 a stream that is closed without its last chunk: the same', async (context) => {
  const chances = new Chances(context), late = [];
  await withScene({}, async (scene) => {
    for (const { door, provider } of pairs) {
      for (let round = 0; round < scale(2, 20); round += 1) {
        const count = chances.integer(1, 40), id = `u9-${door}-${provider}-${round}`;
        const caller = await scene.call(`fin:${count}`, { door, provider, stream: true, headers: { 'x-request-id': id, connection: 'close' } });
        late.push(await checkBreak(scene, caller, { door, count, brokenAt: () => scene.provider.calls.at(-1).brokenAt, id }));
      }
    }
    // Inside an event's JSON, and inside a chunk: what is not whole is not told.
    for (const { door, provider } of pairs) {
      for (const inside of ['event', 'chunk']) {
        const id = `u9-${inside}-${door}-${provider}`;
        let brokenAt;
        scene.provider.always = () => async ({ out, call }) => {
          const { events, begin } = eventsOf(call.flavour, 2);
          await out.beginStream();
          await out.piece(events.slice(0, begin + 1).join(''));
          const cut = events[begin + 1].slice(0, events[begin + 1].indexOf('t1 ') + 2);
          await (inside === 'event' ? out.piece(cut) : out.write(`fff\r\n${cut}`));
          brokenAt = performance.now();
          out.fin();
        };
        const caller = await scene.call('cut', { door, provider, stream: true, headers: { 'x-request-id': id, connection: 'close' } });
        late.push(await checkBreak(scene, caller, { door, count: 1, brokenAt: () => brokenAt, id }));
      }
    }
    assertPrompt(late);
    scene.provider.always = undefined;
  });
});

// The content of a chunked answer that came over a raw socket.
function bodyOf(text) {
  let at = text.indexOf('\r\n\r\n') + 4, body = '';
  for (;;) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (!(size > 0)) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
  }
}

test('U10 a whole answer that is cut anywhere: 502, and nothing of it reaches the caller', async (context) => {
  const chances = new Chances(context);
  await withScene({ proxied: true }, async (scene) => {
    for (const { door, provider } of pairs) {
      for (let round = 0; round < scale(2, 20); round += 1) {
        scene.proxy.resetOpen();
        // The head alone has more than 20 bytes, the whole more than 300.
        const at = chances.integer(20, 300), how = chances.pick(['resetAfter', 'cutAfter']);
        scene.proxy.set('down', { [how]: at });
        const before = scene.provider.calls.length;
        const answer = await scene.ask('ok', { door, provider });
        scene.proxy.clear();
        const what = `${door} ${provider} ${how} ${at}: ${answer.status} ${answer.text}`;
        assert.ok(answer.status === 502 || (door === 'anthropic' && answer.status === 500), what);
        assert.ok(!answer.text.includes('t0 '), what);
        assert.ok(scene.provider.calls.length - before <= 3, what);
        if (door === 'native') assert.match(codeOf(door, answer.text), /provider_(unreachable|error)|stream_interrupted/, what);
      }
    }
  });
});

const openAiAnswer = (content, more = {}) => JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'gpt-4o', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 }, ...more });
const framed = (body, status = 200, more = '') => `HTTP/1.1 ${status} Scripted\r\ncontent-type: application/json\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const raw = (...pieces) => () => async ({ out }) => { for (const piece of pieces) { await out.write(piece); await out.turn(); } };

for (const [row, { vectors, count, skip }] of Object.entries({
  'U11 bad HTTP of a provider (ours)': { vectors: () => ours, count: 59 },
  // Of the 79 that its README counts the corpus has 46; what the others are named for is among ours, and in U7, U12, U16, U19, U22.
  'U11 bad HTTP of a provider (the own corpus)': { vectors: ownCorpus, count: 46, skip: skipWithoutCorpora },
  'U11 bad HTTP of a provider (llhttp\'s responses)': { vectors: llhttpCorpus, count: 85, skip: skipWithoutCorpora },
})) {
  test(row, { skip }, async (context) => {
    await withScene({ configuration: { limits: { provider: { first_byte: '20s', silence: '20s' } } } }, async (scene) => {
      const list = vectors();
      assert.ok(list.length >= count, `${list.length} vectors, ${count} are known`);
      assert.equal(new Set(list.map(({ id }) => id)).size, list.length, 'each is another one');
      const { faults, lines } = await judge(scene, list);
      for (const line of lines) context.diagnostic(line);
      assert.equal(faults.length, 0, `${faults.length} of ${list.length}:\n${faults.join('\n')}`);
    });
  });
}

test('U12 bytes that nobody asked for reach nobody', async (context) => {
  const chances = new Chances(context);
  const evil = framed(openAiAnswer('EVIL'));
  const rightChunks = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${chunkOf(wire.openai.stream({ text: ['right'], reason: 'stop' }).join(''))}0\r\n\r\n`;
  const places = {
    'in the same write': (right) => raw(right + evil),
    'in the next write': (right) => raw(right, evil),
    'half of it': (right) => raw(right + evil.slice(0, 40)),
    'a line break': (right) => raw(`${right}\r\n`),
  };
  await withScene({}, async (scene) => {
    for (let round = 0; round < scale(10, 200); round += 1) {
      const stream = round % 2 === 1;
      const place = chances.pick(Object.keys(places));
      scene.provider.always = places[place](stream ? rightChunks : framed(openAiAnswer('right')));
      const first = await scene.ask('ok', { stream });
      assert.equal(first.status, 200, first.text);
      assert.match(first.text, /"right"/, place);
      const used = scene.provider.calls.at(-1).connection;
      scene.provider.always = raw(framed(openAiAnswer('next')));
      const next = await scene.ask('ok');
      assert.match(next.text, /"next"/, `${place}: ${next.text}`);
      if (place !== 'in the next write') assert.notEqual(scene.provider.calls.at(-1).connection, used, `${place}: the connection is dropped`);
      assert.doesNotMatch(first.text + next.text, /EVIL/);
    }
    // An idle connection that speaks: noticed before it is used again.
    for (let round = 0; round < scale(5, 100); round += 1) {
      scene.provider.always = raw(framed(openAiAnswer('right')));
      await scene.ask('ok');
      const used = scene.provider.calls.at(-1).connection;
      await new Promise((resolve) => used.write(chances.pick([evil, 'x', '\r\n']), resolve));
      const next = await scene.ask('ok');
      assert.match(next.text, /"right"/, next.text);
      assert.notEqual(scene.provider.calls.at(-1).connection, used, 'the connection is dropped');
    }
    scene.provider.always = undefined;
  });
});

const chunkOf = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

test('U16 a Retry-After that is no sane wait is ignored, or none', async () => {
  const values = ['-5', '1000000000', 'soon', 'Sun, 06 Nov 2037 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 GMT', '3.5', '99999999999999999999', '1e9', '0x10', '3, 4', '+3', '3 s', 'NaN', ''];
  await withScene({}, async (scene) => {
    let asked = 0;
    for (const value of values) {
      for (const name of ['retry-after', 'retry-after-ms']) {
        for (const { door, provider } of pairs) {
          scene.provider.always = raw(framed(JSON.stringify(provider === 'anthropic' ? { type: 'error', error: { type: 'rate_limit_error', message: 'Slow down' } } : { error: { message: 'Slow down', type: 'requests', code: null } }), 429, `${name}: ${value}\r\n`));
          const { status, headers, text } = await scene.ask(`limited-${(asked += 1)}`, { door, provider });   // a limit holds for its model
          const what = `${name}: ${value}, ${door} ${provider}: ${status} ${JSON.stringify(headers)} ${text}`;
          assert.equal(status, 429, what);
          // Only a number has sense: rounded up to the unit in which it is told.
          const milliseconds = value !== '3.5' ? undefined : name === 'retry-after' ? 3500 : 4;
          assert.equal(headers['retry-after'], milliseconds && String(Math.ceil(milliseconds / 1000)), what);
          if (milliseconds === undefined) assert.equal(headers['retry-after-ms'], undefined, what);
          if (door === 'native') assert.equal(JSON.parse(text).details.retry_after_ms, milliseconds ?? null, what);
        }
      }
    }
    scene.provider.always = undefined;
  });
});

test('U20 a 200 that is no answer: 502, in the door\'s own words', async () => {
  const bodies = {
    HTML: ['<html>Welcome</html>', 'text/html'], empty: [''], 'broken JSON': ['{"id":"x","choices":[{'], null: ['null'], 'a list': ['[]'], 'a number': ['17'], 'an error object': ['{"error":{"message":"boom","type":"x","code":null}}'],
    'an event stream': [wire.openai.stream({ text: ['hi'], reason: 'stop' }).join(''), 'text/event-stream'], 'deep JSON': [`${'['.repeat(100_000)}`], 'invalid UTF-8': [Buffer.from('7b226964223a22ff227d', 'hex')],
  };
  await withScene({}, async (scene) => {
    for (const [what, [body, type = 'application/json']] of Object.entries(bodies)) {
      for (const { door, provider } of pairs) {
        scene.provider.always = () => ({ out }) => out.whole(body, { type });
        const { status, text } = await scene.ask('ok', { door, provider });
        const all = `${what}, ${door} ${provider}: ${status} ${text.slice(0, 300)}`;
        assert.equal(status, door === 'anthropic' ? 500 : 502, all);
        if (door === 'native') assert.equal(codeOf(door, text), 'provider_error', all);
        else assert.ok(JSON.parse(text), all);
        assert.doesNotMatch(text, /<html>|Welcome/, all);
      }
    }
    scene.provider.always = undefined;
  });
});

test('U21 absurd usage: the answer is relayed, nothing is negative, nothing overflows', async () => {
  const usages = { missing: undefined, null: null, zero: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, negative: { prompt_tokens: -3, completion_tokens: -1, total_tokens: -4 }, huge: { prompt_tokens: 1e18, completion_tokens: 1e18, total_tokens: 2e18 }, 'beyond 64 bits': 'RAW{"prompt_tokens":99999999999999999999,"completion_tokens":99999999999999999999,"total_tokens":1}', fractions: { prompt_tokens: 1.5, completion_tokens: 2.5, total_tokens: 4 }, words: { prompt_tokens: 'three', completion_tokens: [], total_tokens: {} }, 'a list': [], 'cached beyond all': { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4, prompt_tokens_details: { cached_tokens: 1000 } } };
  await withScene({}, async (scene) => {
    for (const [what, usage] of Object.entries(usages)) {
      for (const door of ['native', 'openai']) {
        for (const stream of [false, true]) {
          scene.provider.always = () => ({ out }) => {
            const written = typeof usage === 'string' ? usage.slice(3) : JSON.stringify(usage);
            const member = written === undefined ? '' : `,"usage":${written}`;
            if (!stream) return out.whole(openAiAnswer('hi', { usage: undefined }).replace(/\}$/, `${member}}`));
            const [first, ...rest] = wire.openai.stream({ text: ['hi'], reason: 'stop' });
            return out.stream([first, ...rest.map((event) => event.replace(/,"usage":\{.*\}(?=\})/, member))].join(''));
          };
          const id = `u21-${what}-${door}-${stream}`.replaceAll(' ', '-');
          const { status, text } = await scene.ask('gpt-4o', { door, stream, headers: { 'x-request-id': id } });
          assert.equal(status, 200, `${id}: ${text}`);
          assert.match(text, /"hi"/, id);
          const line = await scene.accessLine(id);
          for (const [name, value] of Object.entries(line)) {
            if (!/token|cost/.test(name) || value === null) continue;
            assert.ok(Number(value) >= 0 && Number.isFinite(Number(value)), `${id}: ${name} is ${value}`);
          }
          if (door !== 'native') continue;
          const told = stream ? JSON.parse(parseEvents(text).at(-1).data) : JSON.parse(text);
          for (const [name, value] of [...Object.entries(told.usage), ...Object.entries(told.cost)]) {
            assert.ok(value === null || (Number(value) >= 0 && Number.isFinite(Number(value)) && !/e/i.test(String(value))), `${id}: ${name} is ${value}`);
          }
        }
      }
    }
    scene.provider.always = undefined;
  });
});
