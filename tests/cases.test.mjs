// What users of gateways suffer from, as named tests at the doors (cases A and B): bytes, lines and failures of streams.
// Each provider here is a socket that does exactly what the case says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { keeps } from './chaos/support/promise.mjs';
import { failureOf } from './support/failures.mjs';
import { slow } from './support/processes.mjs';
import { done, openAiChunk, sse, wire } from './support/turns.mjs';
import { validError } from './support/validators.mjs';
import { accessLine, all, answering, doors, exchange, greeting, heard, ids, pairs, question, tools, weather, world } from './support/world.mjs';

const { openai, anthropic, mistral } = wire;

// --- A1, A2: bytes and lines ----------------------------------------------------------------------------------------

const spellings = {
  'LF': (text) => text,
  'CRLF': (text) => text.replaceAll('\n', '\r\n'),
  'CR': (text) => text.replaceAll('\n', '\r'),
  'no blank behind data:': (text) => text.replaceAll('data: ', 'data:'),
  'data over several lines': (text) => text.replaceAll(/^data: (\{.*?),(?=")/gm, 'data: $1,\ndata: '),
};
const steady = (text) => text.replace(/"created(_at)?":\d+/g, '"created":0').replace(/"sequence_number":\d+/g, '');
const same = { 'x-request-id': 'the-same-request' };

test('A1 reads that split a character or an event change nothing', async (context) => {
  let cuts = 0;
  for (const { door, provider } of pairs) {
    for (const [spelling, spell] of Object.entries(spellings)) {
      const raw = Buffer.from(spell(wire[provider].stream({ text: ['北京🙂é'], reason: 'stop' }).join('')));
      const body = question(door, provider, { stream: true });
      const run = async (at) => (await exchange(door, body, (_, out) => out.stream(raw, { cuts: at }), same)).text;
      const whole = await run([]);
      assert.match(whole, /北京🙂é/, `${door} ${provider} ${spelling}: ${whole}`);
      if (spelling === 'LF' || spelling === 'CRLF' && door !== provider) assert.equal(doors[door].stream(whole).text, '北京🙂é');
      const every = spelling === 'LF' ? (slow ? 83 : 11) : (slow ? 397 : 61);
      const offsets = Array.from({ length: raw.length - 1 }, (_, index) => index + 1);
      for (const at of [...offsets.filter((offset) => offset % every === 0).map((offset) => [offset]), offsets]) {
        const cut = await run(at);
        assert.equal(steady(cut), steady(whole), `${door} ${provider} ${spelling} cut at ${at.length > 1 ? 'every byte' : at}`);
        assert.ok(!cut.includes('\ufffd'));
        cuts += 1;
      }
    }
  }
  context.diagnostic(`${cuts} cut streams`);
});

test('A1 every single offset, where the multi-byte text is', async () => {
  await all(pairs, async ({ door, provider }) => {
    const raw = Buffer.from(wire[provider].stream({ text: ['北京🙂é'], reason: 'stop' }).join(''));
    const begin = raw.indexOf('北京') - 20;
    const body = question(door, provider, { stream: true });
    const whole = await exchange(door, body, (_, out) => out.stream(raw), same);
    for (let at = begin; at < begin + 60; at += slow ? 7 : 1) {
      const cut = await exchange(door, body, (_, out) => out.stream(raw, { cuts: [at] }), same);
      assert.equal(steady(cut.text), steady(whole.text), `cut at ${at}`);
    }
  });
});

test('A2 keep-alives of the provider are no data for the caller', async () => {
  const noise = [':\n\n', ': ping\n\n', ': OPENROUTER PROCESSING\n\n', 'retry: 3000\n\n', 'id: 7\n\n', sse({ type: 'ping' }, 'ping')];
  await all(pairs, async ({ door, provider }) => {
    const events = wire[provider].stream(greeting);
    const noisy = events.flatMap((one, index) => [noise[index % noise.length], one, ...noise]);
    // A ping is Anthropic's own event; others have none.
    const kept = door === 'anthropic' ? /$^/ : /"ping"/;
    const { text, status } = await exchange(door, question(door, provider, { stream: true }), (_, out) => out.stream(noisy.slice(0, -noise.length).join('')));
    assert.equal(status, 200, text);
    assert.equal(doors[door].stream(text).text, greeting.text.join(''));
    assert.doesNotMatch(text, kept);
    assert.doesNotMatch(text, /^(:|retry|id)/m);
    assert.doesNotMatch(text, /PROCESSING/);
  });
});

// --- A3, A4: failures inside a stream --------------------------------------------------------------------------------

const failures = {
  openai: [['error object', openai.error('server_error', 'The server had an error'), 502, 'provider_error'],
    ['empty choices and error', openAiChunk([], { error: { message: 'Overloaded, go away', type: 'service_unavailable_error', param: null, code: 'server_is_overloaded' } }), 503, 'overloaded']],
  anthropic: [['overloaded', anthropic.error('overloaded_error', 'Overloaded, go away'), 503, 'overloaded'], ['api_error', anthropic.error('api_error', 'The server had an error'), 502, 'provider_error']],
  mistral: [['error object', mistral.error('service_unavailable', 'The server had an error', '3505'), 503, 'overloaded']],
};
test('A3 an error inside a 200 stream is an error for the caller', async () => {
  const entries = pairs.flatMap((pair) => failures[pair.provider].map(([what, event, status, code]) => ({ ...pair, what, event, status, code, name: `${pair.name}: ${what}` })));
  await all(entries, async ({ door, provider, event, code }) => {
    const id = ids('a3');
    const events = [...wire[provider].stream(greeting)].slice(0, provider === 'anthropic' ? 4 : 3);
    const { status, text } = await exchange(door, question(door, provider, { stream: true }), (_, out) => out.stream([...events, event].join('')), { 'x-request-id': id });
    assert.equal(status, 200, text);
    assert.match(text, /北京/);
    assert.match(failureOf(door, text), /had an error|go away/);
    const line = await accessLine(id);
    assert.deepEqual([line.error_code, line.finish_reason], [code, undefined], 'logged as failed');
  });
});

test('A3 the error ends the stream, though the provider goes on or keeps its connection open', async () => {
  const entries = pairs.flatMap((pair) => failures[pair.provider].map(([what, event, status, code]) => ({ ...pair, event, code, name: `${pair.name}: ${what}` })));
  await all(entries, async ({ door, provider, event, code }) => {
    const id = ids('a3');
    const events = wire[provider].stream(greeting);
    const begin = events.slice(0, provider === 'anthropic' ? 4 : 3).join('');
    let closed;
    const { status, text } = await exchange(door, question(door, provider, { stream: true }), async (_, out) => {
      closed = out.closed();
      await out.beginStream();
      await out.piece(begin);
      await out.piece(event + events.slice(-2).join(''));
      await closed;
    }, { 'x-request-id': id });
    assert.equal(status, 200, text);
    assert.match(failureOf(door, text), /had an error|go away/);
    assert.doesNotMatch(text, /\[DONE\]|message_stop|response\.completed|"finish_reason": ?"|"stop_reason": ?"/);
    await closed;
    assert.equal((await accessLine(id)).error_code, code);
  });
});

test('A3 an error before the first delta is a real HTTP status', async () => {
  const entries = pairs.flatMap((pair) => failures[pair.provider].map(([what, event, status, code]) => ({ ...pair, event, status, code, name: `${pair.name}: ${what}` })));
  await all(entries, async ({ door, provider, event, status: wanted, code }) => {
    const id = ids('a3');
    for (const before of [[], [wire[provider].begin(greeting)]]) {
      const { status, text } = await exchange(door, question(door, provider, { stream: true }), (_, out) => out.stream([...before, event].join('')), { 'x-request-id': id + before.length });
      // Anthropic's words for these have statuses of their own.
      const expected = door === 'anthropic' ? { 502: 500, 503: 529 }[wanted] : wanted;
      assert.equal(status, expected, text);
      assert.match(validError[door](JSON.parse(text)).message, /had an error|go away/);
      assert.equal((await accessLine(id + before.length)).error_code, code);
    }
  });
});

const deaths = {
  FIN: (out) => out.fin(),
  RST: (out) => out.reset(),
  'cut in a chunk': async (out) => { await out.write('ff\r\ndata: {"id"'); out.fin(); },
};

function beforeDeath(provider, when) {
  const turn = when === 'mid tool call' ? { text: ['Now'], calls: [weather], reason: 'tool_calls' } : greeting;
  const events = wire[provider].stream(turn);
  const finish = events.findIndex((one) => /"(finish|stop)_reason": ?"/.test(one));
  if (when === 'nothing sent') return [];
  if (when === 'mid tool call') {
    if (provider === 'mistral') return events.slice(0, finish);
    return events.slice(0, events.findLastIndex((one) => one.includes('\\"Łó')) + 1 || events.findLastIndex((one) => one.includes('Łó')) + 1);
  }
  return events.slice(0, finish);
}

test('A4 a provider that dies in the middle never looks like an ending', async () => {
  const entries = pairs.flatMap((pair) => ['nothing sent', 'after three deltas', 'mid tool call'].flatMap((when) => Object.keys(deaths).map((how) => ({ ...pair, when, how, name: `${pair.name}: ${how}, ${when}` }))));
  await all(entries, async ({ door, provider, when, how }) => {
    const id = ids('a4');
    const body = question(door, provider, { stream: true, tools: tools(door) });
    const { status, text } = await exchange(door, body, async (_, out) => {
      await out.beginStream();
      for (const event of beforeDeath(provider, when)) await out.piece(event);
      // What was written is read before a reset comes.
      await new Promise((resolve) => setTimeout(resolve, slow ? 50 : 20));
      await deaths[how](out);
    }, { 'x-request-id': id });
    if (when === 'nothing sent') {
      assert.ok([500, 502].includes(status), `${status} ${text}`);
      validError[door](JSON.parse(text));
      assert.match((await accessLine(id)).error_code, /provider_(unreachable|error)/);
      return;
    }
    assert.equal(status, 200, text);
    failureOf(door, text);
    assert.equal((await accessLine(id)).error_code, 'stream_interrupted');
  });
});

test('A4 a terminator without a finish reason is no ending either', async () => {
  await all(pairs.filter(({ provider }) => provider !== 'anthropic'), async ({ door, provider }) => {
    const events = wire[provider].stream(greeting);
    const { status, text } = await exchange(door, question(door, provider, { stream: true }), (_, out) => out.stream([...events.slice(0, 4), done].join('')));
    assert.equal(status, 200, text);
    assert.ok(!text.includes('[DONE]'), `the terminator does not pass: ${text.slice(-400)}`);
    failureOf(door, text);
  });
});

test('A4 a finish reason and then the end, without [DONE]: complete, and [DONE] is added', async () => {
  await all(pairs.filter(({ provider }) => provider !== 'anthropic'), async ({ door, provider }) => {
    const events = wire[provider].stream(greeting).slice(0, -1);
    const { status, text } = await exchange(door, question(door, provider, { stream: true }), (_, out) => out.stream(events.join('')));
    assert.equal(status, 200, text);
    assert.equal(doors[door].stream(text).text, greeting.text.join(''));
  });
});

// --- A10: large events ----------------------------------------------------------------------------------------------

async function residentBytes() {
  const status = await readFile(`/proc/${world.gateway.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024;
}

function usedMilliseconds() {
  const fields = readFileSync(`/proc/${world.gateway.child.pid}/stat`, 'utf8').split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;   // ticks of 10 ms
}

test('A10 one line of 100 KB, 1 MB or 15 MB passes; 64 MB is an error, and the memory comes back', { timeout: 120_000 }, async () => {
  const sizes = slow ? [100_000, 1_000_000] : [100_000, 1_000_000, 15_000_000];
  const list = [['openai', 'openai'], ['anthropic', 'openai'], ['openai', 'anthropic'], ['anthropic', 'anthropic'], ['responses', 'mistral'], ['mistral', 'mistral']];
  for (const size of sizes) {
    for (const [door, provider] of list) {
      const turn = { text: ['x'.repeat(size)], reason: 'stop' };
      const before = usedMilliseconds();
      const { text } = await heard(door, provider, turn, true);
      const used = usedMilliseconds() - before;
      assert.equal(text.length, size, `${door} ${provider} ${size}`);
      // Each byte is looked at a few times, however many reads it takes.
      if (!slow) assert.ok(used < 1000, `${door} ${provider} ${size}: ${used} ms of CPU`);
    }
  }
  const before = await residentBytes();
  for (const [door, provider] of list.slice(0, slow ? 1 : 4)) {
    const events = wire[provider].stream({ text: ['Hello', 'x'.repeat(64_000_000)], reason: 'stop' });
    const { status, text } = await exchange(door, question(door, provider, { stream: true }), async (_, out) => {
      await out.beginStream();
      for (const event of events) await out.piece(event);
    });
    assert.equal(status, 200, text.slice(0, 300));
    assert.match(failureOf(door, text), /16 MiB/);
  }
  const grown = (await residentBytes()) - before;
  // A sanitizer keeps what was freed.
  if (!slow) assert.ok(grown < 48_000_000, `${grown} bytes more than before`);
});

// --- A15, A16 -------------------------------------------------------------------------------------------------------

test('A15 after the first byte nobody else is asked, and the provider\'s words are kept', async () => {
  await all(pairs, async ({ door, provider }) => {
    const events = wire[provider].stream(greeting).slice(0, 4);
    const { text, calls } = await exchange(door, question(door, provider, { stream: true }), (_, out) => out.stream([...events, failures[provider][0][1]].join('')));
    assert.equal(calls.length, 1);
    assert.match(failureOf(door, text), /had an error|go away/);
    if (door === 'anthropic') assert.equal((text.match(/^event: message_start$/gm) ?? []).length, 1);
  });
});

test('A16 a provider that keeps the socket open after its terminator does not keep the caller', async () => {
  await all(pairs, async ({ door, provider }) => {
    await keeps(100, async () => {
      let terminated;
      const { text } = await exchange(door, question(door, provider, { stream: true }), async (_, out) => {
        await out.beginStream();
        await out.piece(wire[provider].stream(greeting).join(''));
        terminated = performance.now();
      });
      assert.equal(doors[door].stream(text).text, greeting.text.join(''));
      return performance.now() - terminated;
    }, { what: `A16 ${door} door, ${provider}: the end of the answer` });
  });
});

test('no prompt and no key is in the log', async () => {
  const { status } = await exchange('openai', question('openai', 'openai', { messages: [{ role: 'user', content: 'a secret question' }] }), answering('openai', greeting, false));
  assert.equal(status, 200);
  for (const word of ['sk-test-', 'a secret question']) assert.ok(!world.gateway.output.includes(word) && !world.gateway.errors.includes(word), word);
});
