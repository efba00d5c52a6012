// What users of gateways suffer from, as named tests at the doors (cases A): tool calls, and how a turn ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done, wire } from './support/turns.mjs';
import { all, clock, doors, exchange, heard, names, pairs, question, tools, weather } from './support/world.mjs';

const { openai, mistral } = wire;

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
