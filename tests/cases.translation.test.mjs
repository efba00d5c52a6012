// What users of gateways suffer from, as named tests at the doors (cases C): messages between dialects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, call, chat, openAiTool, parameters, refused, result, user } from './support/judged.mjs';
import { parseEvents } from './support/sse.mjs';
import { wire } from './support/turns.mjs';
import { answering, doors, exchange, heard, ids, names, question, strictly } from './support/world.mjs';

const { mistral } = wire;

// --- C1: Mistral ----------------------------------------------------------------------------------------------------

test('C1 tool-call ids of others reach Mistral as nine characters, distinct and paired', async () => {
  const foreign = ['toolu_01AbCdEfGhIjKlMnOpQrStUv', 'call_PTLP8xyz0123456789abcdef', 'turn1_0', 'call_PTLPother'];
  const body = chat('mistral', [user('Weather?'), { role: 'assistant', content: null, tool_calls: foreign.map((id) => call(id)) }, ...foreign.toReversed().map((id) => result(id, `for ${id}`))], { tools: [openAiTool('weather')] });
  const { sent, raw } = await accepted('openai', body);
  const ids = sent.messages[1].tool_calls.map((one) => one.id);
  assert.equal(new Set(ids).size, 4);
  for (const id of ids) assert.match(id, /^[a-zA-Z0-9]{9}$/);
  const results = sent.messages.filter((message) => message.role === 'tool');
  for (const [index, id] of foreign.entries()) assert.equal(results.find((message) => message.tool_call_id === ids[index]).content, `for ${id}`);
  const again = await accepted('openai', body);
  assert.equal(again.raw, raw, 'the same request, the same body');
});

test('C1 every OpenAI parameter: Mistral gets what it knows, the rest is named', async () => {
  const { sent, warnings } = await accepted('openai', chat('mistral', [user('Hi')], {
    temperature: 0.5, top_p: 0.9, n: 1, stop: ['x'], max_completion_tokens: 50, presence_penalty: 0.1, frequency_penalty: 0.2, logit_bias: { 1: 2 }, user: 'u', seed: 7, logprobs: false,
    top_logprobs: 0, response_format: { type: 'text' }, tools: [openAiTool('weather')], tool_choice: 'auto', parallel_tool_calls: false, stream: false, store: true, metadata: { a: 'b' },
    service_tier: 'auto', prompt_cache_key: 'k', safety_identifier: 's', verbosity: 'low', reasoning_effort: 'none', modalities: ['text'],
  }));
  assert.equal(sent.random_seed, 7);
  assert.equal(sent.max_tokens, 50);
  for (const name of ['seed', 'max_completion_tokens', 'logit_bias', 'user', 'store', 'stream_options', 'safety_identifier', 'verbosity', 'modalities', 'top_logprobs']) assert.ok(!(name in sent), name);
  for (const name of ['logit_bias', 'store', 'verbosity']) assert.match(warnings, new RegExp(name));
  const streamed = await accepted('openai', chat('mistral', [user('Hi')], { stream: true }));
  assert.ok(!('stream_options' in streamed.sent));
});

test('C1 a trailing assistant message is a prefix; roles come in an order that Mistral takes', async () => {
  const { sent } = await accepted('openai', chat('mistral', [user('Count'), { role: 'assistant', content: 'One, ' }]));
  assert.equal(sent.messages.at(-1).prefix, true);
  const orders = [
    [user('a'), user('b')],
    [{ role: 'developer', content: 'Be brief' }, user('a'), { role: 'assistant', content: 'b' }, { role: 'assistant', content: 'c' }, user('d')],
    [user('a'), { role: 'assistant', content: '', tool_calls: [call('call_1')] }, result('call_1'), user('and now?')],
    [user('a'), { role: 'system', content: 'Be brief' }],
    [user('a'), { role: 'assistant', content: null, tool_calls: [call('call_1')] }, result('call_1'), { role: 'system', content: 'Be brief' }],
  ];
  for (const model of ['mistral/mistral-small-latest', 'mistral/mistral-medium-latest']) {
    for (const messages of orders) await accepted('openai', { model, messages, tools: [openAiTool('weather')] });
  }
});

test('C1 Mistral\'s content in parts is text and reasoning, in answers and in deltas', async () => {
  const { mistral } = wire;
  const reference = { type: 'reference', reference_ids: [1, 2] };
  const part = { type: 'thinking', thinking: [{ type: 'text', text: 'Hm.' }], closed: true };
  const events = [mistral.begin(), mistral.delta({ content: [part, { type: 'text', text: 'So ' }, reference] }), mistral.delta({ content: 'plain' }), mistral.finish({ reason: 'stop' }), 'data: [DONE]\n\n'];
  const { text, status } = await exchange('openai', question('openai', 'mistral', { stream: true }), (_, out) => out.stream(events.join('')));
  assert.equal(status, 200);
  const streamed = doors.openai.stream(text);
  assert.deepEqual([streamed.text, streamed.thinking], ['So plain', 'Hm.']);
  const body = mistral.whole({ text: ['x'], reason: 'stop' });
  body.choices[0].message.content = [part, { type: 'text', text: 'So ' }, reference, { type: 'text', text: 'plain' }];
  const whole = doors.openai.whole(JSON.parse((await exchange('openai', question('openai', 'mistral'), (_, out) => out.whole(body))).text));
  assert.deepEqual([whole.text, whole.thinking], ['So plain', 'Hm.']);
});

// --- C2, C3: Anthropic ----------------------------------------------------------------------------------------------

test('C2 messages take the shape that Anthropic wants', async () => {
  for (const empty of ['', null]) {
    const ids = ['call_a', 'call_b', 'call_c'];
    const { sent } = await accepted('openai', chat('anthropic', [
      { role: 'system', content: 'First' }, { role: 'developer', content: 'Second' }, user('Weather?'), { role: 'assistant', content: empty, tool_calls: ids.map((id) => call(id)) },
      ...ids.map((id) => result(id)), user('And?'), { role: 'system', content: 'Late word' }, user('Well?')], { tools: [openAiTool('weather')] }));
    const leading = typeof sent.system === 'string' ? sent.system : sent.system.map((block) => block.text).join('\n');
    assert.ok(leading.indexOf('First') >= 0 && leading.indexOf('First') < leading.indexOf('Second'), leading);
    const results = sent.messages.filter((message) => Array.isArray(message.content) && message.content.some((block) => block.type === 'tool_result'));
    assert.equal(results.length, 1, 'all results in one message');
    assert.deepEqual(results[0].content.slice(0, 3).map((block) => block.type), ['tool_result', 'tool_result', 'tool_result']);
    assert.deepEqual(results[0].content.slice(0, 3).map((block) => block.tool_use_id), sent.messages[1].content.map((block) => block.id));
    assert.ok(JSON.stringify(sent).includes('Late word'));
    assert.ok(!sent.messages.some((message) => message.role === 'assistant' && JSON.stringify(message.content).includes('Late word')));
    for (const message of sent.messages) for (const block of [message.content].flat()) assert.notEqual(block.text, '', 'no empty text');
  }
});

// What a client keeps of a streamed message: its text, its calls, and what it does not know, piece by piece.
function keptOf(text) {
  const message = { role: 'assistant', content: '', tool_calls: [], thinking_blocks: [] };
  for (const { data } of parseEvents(text)) {
    if (data === '[DONE]') break;
    const delta = JSON.parse(data).choices[0]?.delta ?? {};
    message.content += delta.content ?? '';
    message.thinking_blocks.push(...(delta.thinking_blocks ?? []));
    if (delta.reasoning_content) message.reasoning_content = (message.reasoning_content ?? '') + delta.reasoning_content;
    for (const one of delta.tool_calls ?? []) {
      const known = (message.tool_calls[one.index] ??= { id: one.id, type: 'function', function: { name: one.function.name, arguments: '' } });
      known.function.arguments += one.function.arguments ?? '';
    }
  }
  return { ...message, content: message.content || null };
}

test('C3 signed thinking comes back as it was: the same blocks, the same order, the same signatures', async () => {
  const thinking = [{ text: 'Paris, then.', signature: 'c2lnMQ==' }, { redacted: 'cmVkYWN0ZWQ=' }, { text: '', signature: 'c2lnMg==' }];
  const turn = { thinking, calls: [{ id: 'toolu_01AbCdEf', name: 'weather', pieces: ['{"city":', '"Paris"}'] }], reason: 'tool_calls' };
  const more = { tools: [openAiTool('weather')], reasoning_effort: 'low', max_tokens: 4000 };
  for (const stream of [true, false]) {
    const first = await exchange('openai', question('openai', 'anthropic', { ...more, stream }), answering('anthropic', turn, stream));
    const message = stream ? keptOf(first.text) : JSON.parse(first.text).choices[0].message;
    const { status, text, calls } = await exchange('openai', chat('anthropic', [user('What?'), message, result(message.tool_calls[0].id)], more), answering('anthropic', { text: ['Sunny'], reason: 'stop' }, false));
    assert.equal(status, 200, text);
    const sent = JSON.parse(calls[0].body);
    const blocks = sent.messages[1].content;
    assert.deepEqual(blocks.slice(0, 3), [
      { type: 'thinking', thinking: 'Paris, then.', signature: 'c2lnMQ==' }, { type: 'redacted_thinking', data: 'cmVkYWN0ZWQ=' }, { type: 'thinking', thinking: '', signature: 'c2lnMg==' }], `stream ${stream}`);
    assert.equal(blocks[3].type, 'tool_use');
    // A client that dropped them: the request is still one that Anthropic takes.
    const { thinking_blocks: _, reasoning_content: __, ...dropped } = message;
    const again = await accepted('openai', chat('anthropic', [user('What?'), dropped, result(message.tool_calls[0].id)], more));
    assert.notEqual(again.sent.thinking?.type, 'enabled');
    assert.match(again.warnings, /thinking|reasoning/i);
  }
});

// --- C10 to C12 -----------------------------------------------------------------------------------------------------

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

test('C10 a document that lies at Anthropic is asked for with the header that it needs', async () => {
  const file = { type: 'file', file: { file_id: 'file_011CNha8iCJcU1wXNR6q4V8w' } };
  const answer = answering('anthropic', { text: ['Hi'], reason: 'stop' }, false);
  for (const [content, wanted] of [[[file, { type: 'text', text: 'What?' }], 'files-api-2025-04-14'], ['What?', undefined]]) {
    const { status, text, calls } = await exchange('openai', question('openai', 'anthropic', { messages: [{ role: 'user', content }] }), answer);
    assert.equal(status, 200, text);
    assert.equal(calls[0].fields.get('anthropic-beta'), wanted);
    assert.equal(calls[0].fields.get('anthropic-version'), '2023-06-01');
  }
});

test('C10 images pass in both directions, in questions and in results', async () => {
  for (const [type, wanted] of [['image/png', 'image/png'], ['image/jpg', 'image/jpeg'], ['image/jpeg', 'image/jpeg'], ['image/webp', 'image/webp']]) {
    const image = { type: 'image_url', image_url: { url: `data:${type};base64,${png}` } };
    const { sent } = await accepted('openai', chat('anthropic', [user([{ type: 'text', text: 'See' }, image])]));
    assert.deepEqual(sent.messages[0].content[1].source, { type: 'base64', media_type: wanted, data: png });
  }
  const url = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
  const linked = await accepted('openai', chat('anthropic', [user([{ type: 'text', text: 'See' }, url])]));
  assert.deepEqual(linked.sent.messages[0].content[1].source, { type: 'url', url: 'https://example.com/a.png' });
  const source = { type: 'base64', media_type: 'image/png', data: png };
  const block = { type: 'image', source };
  for (const provider of ['openai', 'mistral']) {
    const { sent } = await accepted('anthropic', question('anthropic', provider, { messages: [user([{ type: 'text', text: 'See' }, block])] }));
    const part = sent.messages[0].content[1];
    assert.equal(part.image_url.url ?? part.image_url, `data:image/png;base64,${png}`);
    const history = [user('Look'), { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }] }, user([{ type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'here' }, block] }])];
    const inResult = await accepted('anthropic', question('anthropic', provider, { messages: history, tools: [{ name: 'weather', input_schema: parameters }] }));
    assert.ok(inResult.raw.includes(png), `the picture arrives at ${provider}: ${inResult.raw.slice(0, 600)}`);
  }
  const error = await refused('openai', chat('anthropic', [user([{ type: 'image_url', image_url: { url: 'data:image/png;base64,!!!' } }])]));
  assert.match(error.message, /base64/);
});

test('C11 arguments that are no JSON object are refused with their place; none at all are {}', async () => {
  const history = (given) => [user('a'), { role: 'assistant', content: null, tool_calls: [call('call_1', 'weather', given)] }, result('call_1')];
  for (const given of ['{"a":1', '[]']) {
    const error = await refused('openai', chat('anthropic', history(given), { tools: [openAiTool('weather')] }));
    assert.match(`${error.param} ${error.message}`, /messages[.[]1/, JSON.stringify(error));
  }
  for (const given of ['', 'null']) {
    const { sent } = await accepted('openai', chat('anthropic', history(given), { tools: [openAiTool('weather')] }));
    assert.deepEqual(sent.messages[1].content[0].input, {});
  }
});

test('C12 cache_control stays where the caller put it', async () => {
  const mark = { cache_control: { type: 'ephemeral', ttl: '1h' } };
  const { sent } = await accepted('openai', chat('anthropic', [
    { role: 'system', content: [{ type: 'text', text: 'Long', ...mark }] }, user([{ type: 'text', text: 'Ask', ...mark }]), { role: 'assistant', content: null, tool_calls: [call('call_1')] },
    { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'sunny', ...mark }] }], { tools: [{ ...openAiTool('weather'), ...mark }] }));
  assert.deepEqual(sent.system.at(-1).cache_control, mark.cache_control);
  assert.equal(sent.system[0].text, 'Long', 'nothing of ours in front');
  assert.deepEqual(sent.tools[0].cache_control, mark.cache_control);
  assert.deepEqual(sent.messages[0].content[0].cache_control, mark.cache_control);
  assert.ok(JSON.stringify(sent.messages[2].content[0]).includes('"ttl":"1h"'));
  assert.equal(JSON.stringify(sent).match(/"cache_control"/g).length, 4);
});

// --- C14, C15 -------------------------------------------------------------------------------------------------------

test('C14 every door reaches every provider, whole and streamed', async () => {
  let count = 0;
  for (const door of Object.keys(doors)) {
    for (const provider of names) {
      for (const stream of [false, true]) {
        const { text, status, headers } = await exchange(door, question(door, provider, { stream }), await strictly());
        assert.equal(status, 200, `${door} ${provider}: ${text}`);
        assert.equal(headers['x-ai-proxy-provider'], provider);
        const seen = stream ? doors[door].stream(text) : doors[door].whole(JSON.parse(text));
        assert.ok(seen.text.length > 0);
        count += 1;
      }
    }
  }
  assert.equal(count, 24);
});

test('C15 the matched stop sequence is told', async () => {
  for (const stream of [false, true]) {
    const { reason, stopSequence } = await heard('anthropic', 'anthropic', { text: ['One, '], reason: 'stop', stopSequence: 'two' }, stream, { stop_sequences: ['two'] });
    assert.deepEqual([reason, stopSequence], ['stop_sequence', 'two']);
    const crossed = await heard('openai', 'anthropic', { text: ['One, '], reason: 'stop', stopSequence: 'two' }, stream, { stop: ['two'] });
    assert.equal(crossed.reason, 'stop');
  }
});
