// What users of gateways suffer from, as named tests at the doors: streams, tool calls, usage (cases A and B). Each
// provider here is a socket that does exactly what the case says.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { providersAt, slow, startGateway } from './support/processes.mjs';
import { failureOf } from './support/failures.mjs';
import { findFaults, post } from './support/sent.mjs';
import { parseEvents } from './support/sse.mjs';
import { done, openAiChunk, sse, wire } from './support/turns.mjs';
import { validError } from './support/validators.mjs';
import { accessLine, answering, ask, doors, exchange, heard, names, question, world } from './support/world.mjs';

const { openai, anthropic, mistral } = wire;
const doorNames = Object.keys(doors);
// Doors whose own provider would speak the Responses API are met in doors.test.mjs.
const pairs = doorNames.flatMap((door) => names.map((provider) => ({ door, provider, name: `${door} door, ${provider}` }))).filter(({ door, provider }) => !(door === 'responses' && provider === 'openai'));
const ids = (() => { let last = 0; return (name) => `${name}-${(last += 1)}`; })();

async function all(entries, check, lanes = 1) {
  const faults = await findFaults(entries, lanes, check);
  assert.equal(faults.length, 0, `${faults.length} of ${entries.length}:\n${faults.slice(0, 12).join('\n')}`);
}

const greeting = { text: ['北京', '🙂', 'é and more'], reason: 'stop' };
const weather = { id: 'abcDEF123', name: 'weather', pieces: ['{"city"', ':"Łó', 'dź"}'] };
const clock = { id: 'xyzXYZ987', name: 'clock', pieces: ['{"zone":', '"UTC"}'] };
const tools = (door) => [{ weather: 1 }, { clock: 1 }, { ping: 1 }].map((one) => {
  const [name] = Object.keys(one), parameters = { type: 'object', properties: {} };
  if (door === 'anthropic') return { name, input_schema: parameters };
  return door === 'responses' ? { type: 'function', name, parameters } : { type: 'function', function: { name, parameters } };
});

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

// --- A5: usage in streams -------------------------------------------------------------------------------------------

const asks = { asked: { include_usage: true }, refused: { include_usage: false }, absent: undefined, 'other keys': { include_obfuscation: false }, 'both': { include_usage: true, include_obfuscation: false } };

// Where a provider of OpenAI's dialect may put its usage.
const usagePlaces = {
  separate: () => openai.stream(greeting),
  'on the last content chunk': () => [openai.begin(greeting), ...openai.texts(greeting), openAiChunk([{ index: 0, delta: {}, finish_reason: 'stop' }], { usage: usage() }), done],
  'mid-stream': () => [openai.begin(greeting), openai.texts(greeting)[0], openai.usageChunk(), ...openai.texts(greeting).slice(1), openai.finish(greeting), openai.usageChunk(), done],
  twice: () => [...openai.stream(greeting).slice(0, -1), openai.usageChunk(), done],
  never: () => openai.stream(greeting).filter((one) => !one.includes('"usage":{')),
  'without null before': () => openai.stream(greeting).map((one) => one.replace(',"usage":null', '')),
  'no blank behind data:': () => openai.stream(greeting).map((one) => one.replace('data: ', 'data:')),
  'over several lines': () => openai.stream(greeting).map((one) => one.replace(',"usage"', ',\ndata: "usage"')),
};
const usage = () => ({ prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 });

test('A5 usage stands on the wire exactly when it was asked for, and always in the log', async () => {
  const entries = Object.keys(asks).flatMap((asked) => names.flatMap((provider) => (provider === 'openai' ? Object.keys(usagePlaces) : ['its own']).map((place) => ({ asked, provider, place, name: `${asked}, ${provider} ${place}` }))));
  await all(entries, async ({ asked, provider, place }) => {
    const id = ids('a5');
    const body = { ...question('openai', provider), stream: true, ...(asks[asked] ? { stream_options: asks[asked] } : {}) };
    const events = provider === 'openai' ? usagePlaces[place]() : wire[provider].stream(greeting);
    const { status, text, calls } = await exchange('openai', body, (_, out) => out.stream(events.join('')), { 'x-request-id': id });
    assert.equal(status, 200, text);
    assert.match(text, /data: ?\[DONE\]\n\n$/);
    const chunks = parseEvents(text).slice(0, -1).map(({ data }) => JSON.parse(data));
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), greeting.text.join(''));
    const withUsage = chunks.filter((chunk) => chunk.usage);
    if (!asks[asked]?.include_usage) {
      assert.equal(withUsage.length, 0, 'nobody asked');
      for (const chunk of chunks) assert.ok(chunk.choices.length > 0 && !('usage' in chunk), JSON.stringify(chunk));
    } else if (place !== 'never' && (provider !== 'openai' || !/mid-stream|twice|content/.test(place))) {
      assert.equal(withUsage.length, 1);
      assert.deepEqual([chunks.at(-1), chunks.at(-1).choices], [withUsage[0], []]);
      assert.equal(withUsage[0].usage.total_tokens, 18);
    }
    const sent = JSON.parse(calls[0].body);
    if (provider === 'openai') {
      assert.equal(sent.stream_options.include_usage, true);
      if (asks[asked] && 'include_obfuscation' in asks[asked]) assert.equal(sent.stream_options.include_obfuscation, false, 'other keys survive');
    } else assert.equal(sent.stream_options, undefined, 'only for who takes it');
    const line = await accessLine(id);
    if (place === 'never') assert.equal(line.input_tokens, undefined);
    else assert.deepEqual([line.input_tokens, line.output_tokens], [11, 7]);
  });
  for (const provider of names) {
    const { calls } = await exchange('openai', question('openai', provider), answering(provider, greeting, false));
    assert.equal(JSON.parse(calls[0].body).stream_options, undefined, 'without stream no stream_options');
  }
});

// --- A6, A7: tool calls ---------------------------------------------------------------------------------------------

const ping = { id: 'pingPING1', name: 'ping', pieces: [] };

test('A6 tool calls of Anthropic count from 0, thinking and text or not', async () => {
  const turn = { thinking: [{ text: 'Hm.', signature: 'c2ln' }], text: ['Let me see.'], calls: [weather, clock, ping], reason: 'tool_calls' };
  for (const door of ['openai', 'responses', 'mistral']) {
    const { calls, text } = await heard(door, 'anthropic', turn, true, { tools: tools(door) });
    assert.equal(text, 'Let me see.');
    assert.deepEqual(calls.map((call) => [call.name, call.arguments]), [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }], ['ping', {}]], door);
  }
});

test('A6 interleaved deltas reach their own calls', async () => {
  const [one, two] = [weather, clock].map((call, index) => openai.calls({ calls: [call] }).map((event) => event.replace('"index":0,"id"', `"index":${index},"id"`).replace('"index":0,"function"', `"index":${index},"function"`)));
  const events = [openai.begin({}), one[0], two[0], one[1], two[1], one[2], two[2], one[3], openai.finish({ reason: 'tool_calls' }), openai.usageChunk(), done];
  for (const door of ['anthropic', 'responses', 'mistral', 'openai']) {
    if (door === 'responses') continue;
    const { text, status } = await exchange(door, question(door, 'openai', { stream: true, tools: tools(door) }), (_, out) => out.stream(events.join('')));
    assert.equal(status, 200);
    const { calls } = doors[door].stream(text);
    assert.deepEqual(calls.map((call) => [call.name, call.arguments]), [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }]], `${door}: ${text}`);
  }
});

test('A6 Mistral\'s calls work whole and in fragments', async () => {
  const fragment = (piece, first) => mistral.delta({ content: '', tool_calls: [{ id: first ? weather.id : 'null', index: 0, function: { name: first ? 'weather' : '', arguments: piece } }] });
  const fragments = [mistral.begin(), fragment(weather.pieces[0], true), fragment(weather.pieces[1]), fragment(weather.pieces[2]), mistral.finish({ reason: 'tool_calls' }), done];
  for (const events of [mistral.stream({ calls: [weather], reason: 'tool_calls' }), fragments]) {
    for (const door of ['openai', 'anthropic', 'responses']) {
      const { text } = await exchange(door, question(door, 'mistral', { stream: true, tools: tools(door) }), (_, out) => out.stream(events.join('')));
      assert.deepEqual(doors[door].stream(text).calls.map((call) => [call.name, call.arguments]), [['weather', { city: 'Łódź' }]], door);
    }
  }
});

const turns = {
  'text only': { text: ['Hello ', 'you'], reason: 'stop' },
  'tool only': { calls: [weather], reason: 'tool_calls' },
  'text and tool': { text: ['So: '], calls: [weather, clock], reason: 'tool_calls' },
  'text and tool, said to be a stop': { text: ['So: '], calls: [weather], reason: 'stop' },
  'thinking and tool': { thinking: [{ text: 'Hm.', signature: 'c2ln' }], calls: [weather], reason: 'tool_calls' },
  'thinking, text': { thinking: [{ text: 'Hm.', signature: 'c2ln' }], text: ['So'], reason: 'stop' },
  'max tokens': { text: ['Half a sen'], reason: 'length' },
  'stop sequence': { text: ['One, '], reason: 'stop', stopSequence: 'two' },
  refused: { text: ['I will not'], reason: 'content_filter' },
  'no argument': { calls: [ping], reason: 'tool_calls' },
  'nothing': { reason: 'stop' },
};
const words = {
  openai: { stop: 'stop', length: 'length', tool_calls: 'tool_calls', content_filter: 'content_filter' },
  anthropic: { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use', content_filter: 'refusal' },
  responses: { stop: 'completed', length: 'max_output_tokens', tool_calls: 'completed', content_filter: 'content_filter' },
};
words.mistral = { ...words.openai, content_filter: undefined };

// What passes through is the provider's own word.
const crossed = pairs.filter(({ door, provider }) => door !== provider);
const turnEntries = (list) => list.flatMap((pair) => Object.entries(turns).filter(([what]) => !(what === 'refused' && (pair.provider === 'mistral' || pair.door === 'mistral'))).map(([what, turn]) => ({ ...pair, what, turn, name: `${pair.name}: ${what}` })));

test('A7 the finish reason is the same streamed or not, and tool calls say so', async () => {
  await all(turnEntries(crossed), async ({ door, provider, turn }) => {
    const effective = turn.calls?.length && turn.reason === 'stop' ? 'tool_calls' : turn.reason;
    const sequence = door === 'anthropic' && provider === 'anthropic' && turn.stopSequence;
    for (const stream of [true, false]) {
      const { reason } = await heard(door, provider, turn, stream, { tools: tools(door) });
      assert.equal(reason, sequence ? 'stop_sequence' : words[door][effective], stream ? 'stream' : 'whole');
    }
  });
});

test('A17 a stream adds up to the whole answer', async () => {
  let compared = 0;
  await all(turnEntries(crossed), async ({ door, provider, turn }) => {
    const [one, other] = [await heard(door, provider, turn, true, { tools: tools(door) }), await heard(door, provider, turn, false, { tools: tools(door) })];
    const seen = ({ text, thinking, signatures, calls, reason, usage: { service_tier: _, ...counted } }) => ({ text, thinking, signatures, calls: calls.map(({ name, arguments: given }) => [name, given]), reason, counted });
    assert.deepEqual(seen(one), seen(other));
    assert.equal(one.text, (turn.text ?? []).join(''));
    compared += 1;
  });
  assert.ok(compared >= 60, `${compared}`);
});

test('A14 the first chunk says the role, and every chunk who it belongs to', async () => {
  for (const provider of names) {
    for (const [what, turn] of Object.entries(turns)) {
      // What passes through keeps the provider's own words.
      if (turn.reason === 'content_filter' || (provider === 'openai' && /said to be|no argument/.test(what))) continue;
      await heard('openai', provider, turn, true, { tools: tools('openai') });
    }
  }
});

test('A18 the Anthropic door keeps Anthropic\'s framing', async () => {
  for (const provider of ['openai', 'mistral']) {
    for (const turn of Object.values(turns)) {
      if (turn.reason === 'content_filter' && provider === 'mistral') continue;
      const { raw } = await heard('anthropic', provider, turn, true, { tools: tools('anthropic') });
      assert.equal((raw.match(/^event: message_start$/gm) ?? []).length, 1);
    }
  }
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

// --- A12, A13: usage across dialects --------------------------------------------------------------------------------

test('A12 usage of an OpenAI stream reaches an Anthropic caller', async () => {
  for (const provider of ['openai', 'mistral']) {
    const { usage: seen, raw } = await heard('anthropic', provider, { ...greeting, usage: { input: 100, cached: 30, output: 9 } }, true);
    assert.deepEqual([seen.input_tokens, seen.cache_read_input_tokens, seen.cache_creation_input_tokens, seen.output_tokens], [100, 30, 0, 9], provider);
    const end = parseEvents(raw).map(({ data }) => JSON.parse(data)).find(({ type }) => type === 'message_delta');
    assert.deepEqual(Object.keys(end.usage).filter((name) => /tokens$/.test(name)).sort(), ['cache_creation_input_tokens', 'cache_read_input_tokens', 'input_tokens', 'output_tokens']);
  }
});

test('A13 the cumulative usage overwrites, explicit zeros too, and what is absent stays', async () => {
  const start = anthropic.begin(greeting).replace(/"usage":\{[^}]*\}/, '"usage":{"input_tokens":25,"cache_creation_input_tokens":400,"cache_read_input_tokens":0,"output_tokens":1}');
  const end = (usage) => anthropic.event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage });
  const cases = [
    [[end({ output_tokens: 511, cache_creation_input_tokens: 0, cache_read_input_tokens: 400 })], [425, 511, 400]],
    [[end({ output_tokens: 511 })], [425, 511, 0]],
    [[end({ input_tokens: 30, output_tokens: 511 })], [430, 511, 0]],
  ];
  for (const [ending, [prompt, completion, cached]] of cases) {
    for (const door of ['openai', 'mistral', 'responses', 'anthropic']) {
      const id = ids('a13');
      const { text } = await exchange(door, question(door, 'anthropic', { stream: true }), (_, out) => out.stream([start, ...anthropic.blocks(greeting), ...ending, anthropic.stop()].join('')), { 'x-request-id': id });
      const { usage: seen } = doors[door].stream(text);
      if (door === 'openai') assert.deepEqual([seen.prompt_tokens, seen.completion_tokens, seen.prompt_tokens_details?.cached_tokens ?? 0], [prompt, completion, cached]);
      if (door === 'responses') assert.deepEqual([seen.input_tokens, seen.output_tokens, seen.input_tokens_details.cached_tokens], [prompt, completion, cached]);
      const line = await accessLine(id);
      assert.deepEqual([line.input_tokens, line.output_tokens], [prompt, completion], door);
    }
  }
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
    let terminated;
    const { text } = await exchange(door, question(door, provider, { stream: true }), async (_, out) => {
      await out.beginStream();
      await out.piece(wire[provider].stream(greeting).join(''));
      terminated = Date.now();
    });
    const waited = Date.now() - terminated;
    assert.ok(waited < (slow ? 2000 : 100), `${waited} ms`);
    assert.equal(doors[door].stream(text).text, greeting.text.join(''));
  });
});

// --- B2: what a stream costs ----------------------------------------------------------------------------------------

const bills = {
  openai: [['gpt-4o', {}], ['gpt-4o', { input: 51_232, cached: 1_188_096, output: 12_909 }], ['gpt-4o-mini', { input: 17, output: 482 }]],
  anthropic: [['claude-sonnet-4-5', { input: 3, written: 12_304, output: 550 }], ['claude-haiku-4-5', { input: 6, written: 159_217, output: 2745 }], ['claude-sonnet-4-5', { input: 1, cached: 600_000, output: 1 }]],
  mistral: [['mistral-small-latest', { input: 270, cached: 7_936, output: 100 }], ['mistral-large', {}]],
};

test('B2 a stream costs what the whole answer costs, by any door, by name or by alias', async () => {
  const folder = world.gateway.folder;
  const aliases = Object.entries(bills).flatMap(([provider, list]) => list.map(([model], index) => `  alias-${provider}-${index}: ${provider}/${model}\n`)).join('');
  writeFileSync(path.join(folder, 'aliases.yaml'), `aliases:\n${aliases}`);
  const gateway = await startGateway({ environment: providersAt(world.provider.url), args: ['--config', path.join(folder, 'aliases.yaml')] });
  try {
    for (const [provider, list] of Object.entries(bills)) {
      for (const [index, [model, counts]] of list.entries()) {
        const rows = new Set();
        for (const { door } of pairs.filter((pair) => pair.provider === provider)) {
          for (const stream of [true, false]) {
            for (const name of [`${provider}/${model}`, `alias-${provider}-${index}`]) {
              const id = ids('b2');
              const answered = { text: ['Hi'], reason: 'stop', usage: counts };
              world.provider.answer = answering(provider, answered, stream);
              const answer = await post(gateway.url + doors[door].path, { ...question(door, provider, { stream }), model: name }, { 'x-request-id': id });
              assert.equal(answer.status, 200, answer.text);
              const line = await accessLine(id, gateway);
              assert.match(line.cost_usd, /^\d+\.\d{6,}$/, JSON.stringify(line));
              assert.notEqual(Number(line.cost_usd), 0);
              if (!stream) assert.equal(answer.headers['x-ai-proxy-cost-usd'], line.cost_usd, 'told and billed are one');
              rows.add(JSON.stringify([line.input_tokens, line.output_tokens, line.cost_usd]));
            }
          }
        }
        assert.equal(rows.size, 1, `${provider}/${model}: ${[...rows].join(' ')}`);
      }
    }
  } finally { await gateway.stop(); }
});

test('no prompt and no key is in the log', async () => {
  await ask('openai', question('openai', 'openai', { messages: [{ role: 'user', content: 'a secret question' }] }));
  for (const word of ['sk-test-', 'a secret question']) assert.ok(!world.gateway.output.includes(word) && !world.gateway.errors.includes(word), word);
});
