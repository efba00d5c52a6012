// What users of gateways suffer from, as named tests at the doors (cases A and B): usage in streams, and what they cost.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { providersAt, startGateway } from './support/processes.mjs';
import { post } from './support/sent.mjs';
import { parseEvents } from './support/sse.mjs';
import { done, openAiChunk, wire } from './support/turns.mjs';
import { accessLine, all, answering, doors, exchange, greeting, heard, ids, names, pairs, question, world } from './support/world.mjs';

const { openai, anthropic } = wire;

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
  'over lines of which one stays': () => openai.stream(greeting).map((one) => one.replace('data: {', 'data: {\ndata: ')),
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
