// What users of gateways suffer from, as named tests at the doors: requests and answers between dialects (cases C).
// The strict simulated providers judge what arrives; the scripted one in front of them keeps it for a look.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEvents } from './support/sse.mjs';
import { wire } from './support/turns.mjs';
import { validError } from './support/validators.mjs';
import { accessLine, answering, doors, exchange, heard, names, question, strictly } from './support/world.mjs';

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const openAiTool = (name, schema = parameters, more = {}) => ({ type: 'function', function: { name, description: 'It', parameters: schema, ...more } });
const call = (id, name = 'weather', given = '{"city":"Paris"}') => ({ id, type: 'function', function: { name, arguments: given } });
const result = (id, content = 'sunny') => ({ role: 'tool', tool_call_id: id, content });
const user = (content) => ({ role: 'user', content });

// Asks, has the strict provider answer, and gives back what it saw.
async function accepted(door, body) {
  const answer = await exchange(door, body, await strictly());
  assert.equal(answer.status, 200, `${answer.text}\nsent: ${answer.calls[0]?.body.slice(0, 2000)}`);
  return { ...answer, sent: JSON.parse(answer.calls[0].body), raw: answer.calls[0].body, warnings: answer.headers['x-ai-proxy-warnings'] ?? '' };
}

async function refused(door, body, status = 400) {
  const answer = await exchange(door, body, await strictly());
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.calls.length, 0, 'refused before anyone was asked');
  return JSON.parse(answer.text).error;
}

const chat = (provider, messages, more = {}) => question('openai', provider, { messages, ...more });

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

// --- C4: parameters -------------------------------------------------------------------------------------------------

const targets = ['openai/gpt-4o', 'openai/o3', 'openai/gpt-5', 'openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5', 'anthropic/claude-opus-4-6', 'anthropic/claude-haiku-4-5', 'anthropic/claude-opus-4-8', 'mistral/mistral-small-latest', 'mistral/magistral-medium-latest'];
const settings = [
  {}, { max_tokens: 100 }, { max_completion_tokens: 100 }, { temperature: 0 }, { temperature: 0.7 }, { temperature: 1.5 }, { temperature: 2 }, { top_p: 0.5 }, { temperature: 0.7, top_p: 0.5 },
  { stop: ['\n', ' ', ''] }, { stop: 'END' }, { stop: ['A', 'B'] }, { reasoning_effort: 'low' }, { reasoning_effort: 'high', temperature: 0.7, top_p: 0.5 }, { reasoning_effort: 'medium', max_tokens: 500 },
  { reasoning_effort: 'minimal' }, { reasoning_effort: 'none' }, { seed: 1, n: 1, presence_penalty: 1, frequency_penalty: 1 }, { logprobs: true, top_logprobs: 2 },
];

test('C4 parameters that a model rejects are adapted, and that is said', async () => {
  // OpenAI's own models get what the caller wrote (the body passes through): other doors translate.
  const list = targets.flatMap((model) => settings.map((setting) => ({ model, setting })));
  for (const { model, setting } of list) {
    const own = model.startsWith('openai/');
    const { max_completion_tokens: limit, seed: random_seed, logprobs: _, top_logprobs: __, ...rest } = setting;
    const body = own ? { ...question('mistral', 'openai', { ...rest, ...(limit ? { max_tokens: limit } : {}), ...(random_seed ? { random_seed } : {}) }), model } : { ...question('openai', 'openai', setting), model };
    const { sent, warnings } = await accepted(own ? 'mistral' : 'openai', body);
    const at = `${model} ${JSON.stringify(setting)} -> ${JSON.stringify({ ...sent, messages: undefined })}`;
    if (setting.temperature !== undefined && sent.temperature !== setting.temperature) assert.match(warnings, /temperature/, at);
    if (setting.top_p !== undefined && sent.top_p !== setting.top_p) assert.match(warnings, /top_p/, at);
    if (Array.isArray(setting.stop) && setting.stop[0] === '\n' && model.startsWith('anthropic')) {
      assert.match(warnings, /stop/, at);
      for (const sequence of sent.stop_sequences ?? []) assert.ok(sequence.trim().length > 0, at);
    }
    if (model.startsWith('anthropic') && !setting.max_tokens && !limit) assert.ok(sent.max_tokens >= 32_000, `the model's own maximum: ${at}`);
    if (sent.thinking?.budget_tokens) assert.ok(sent.thinking.budget_tokens >= 1024 && sent.thinking.budget_tokens < sent.max_tokens, at);
  }
});

test('C4 through the Anthropic door: thinking budgets, top_k and stop sequences', async () => {
  for (const provider of ['openai', 'mistral']) {
    for (const more of [{ thinking: { type: 'enabled', budget_tokens: 2000 }, max_tokens: 4000 }, { top_k: 5 }, { stop_sequences: ['END'] }, { temperature: 0.3 }, { metadata: { user_id: 'u' } }]) {
      const { warnings, sent } = await accepted('anthropic', question('anthropic', provider, more));
      if (more.top_k) assert.match(warnings, /top_k/);
      if (more.stop_sequences) assert.deepEqual([sent.stop].flat(), ['END']);
    }
  }
});

// --- C5: JSON as it was ---------------------------------------------------------------------------------------------

const schema = '{"type":"object","properties":{"z":{"type":"object","properties":{"m":{"type":"object","properties":{"a":{"type":"integer","default":9007199254740993,"maximum":1.0,"multipleOf":1E2,"description":"\\/ \\u00e9 Łódź"}},"required":["a"],"additionalProperties":false}},"required":["m"],"additionalProperties":false},"ключ":{"type":"string"},"a":{"type":"string"}},"required":["z","ключ","a"],"additionalProperties":false}';

test('C5 schemas keep their bytes, whoever they go to; the same request is the same body', async () => {
  const bodies = {
    openai: (provider) => JSON.stringify(question('openai', provider, { tools: [openAiTool('weather', 'HERE', { strict: false })] })),
    responses: (provider) => JSON.stringify(question('responses', provider, { tools: [{ type: 'function', name: 'weather', parameters: 'HERE', strict: false }] })),
    anthropic: (provider) => JSON.stringify(question('anthropic', provider, { tools: [{ name: 'weather', input_schema: 'HERE' }] })),
    mistral: (provider) => JSON.stringify(question('mistral', provider, { tools: [openAiTool('weather', 'HERE')] })),
  };
  for (const [door, make] of Object.entries(bodies)) {
    for (const provider of names) {
      if (door === 'responses' && provider === 'openai') continue;
      const body = make(provider).replace('"HERE"', schema);
      const turn = answering(provider, { text: ['Hi'], reason: 'stop' }, false);
      const [one, two] = [await exchange(door, body, turn), await exchange(door, body, turn)];
      assert.equal(one.status, 200, one.text);
      assert.ok(one.calls[0].body.includes(schema), `${door} -> ${provider}: ${one.calls[0].body}`);
      assert.equal(one.calls[0].body, two.calls[0].body);
    }
  }
});

test('C5 what nobody knows passes where caller and provider speak the same', async () => {
  const unknown = '{"new_thing":{"z":1.0,"a":[9007199254740993,1E2]},"model":"openai/gpt-4o","messages":[{"role":"user","content":"Hi","extra":{"b":1.50}}]}';
  const { calls } = await exchange('openai', unknown, answering('openai', { text: ['Hi'], reason: 'stop' }, false));
  assert.equal(calls[0].body, unknown.replace('openai/gpt-4o', 'gpt-4o'));
});

// --- C6 to C9 -------------------------------------------------------------------------------------------------------

test('C6 every reason has its word in the other dialect, and no unknown one becomes a stop', async () => {
  const table = {
    anthropic: [['end_turn', 'stop'], ['max_tokens', 'length'], ['stop_sequence', 'stop'], ['refusal', 'content_filter'], ['model_context_window_exceeded', 'length']],
    openai: [['stop', 'end_turn'], ['length', 'max_tokens'], ['content_filter', 'refusal']],
    mistral: [['stop', 'stop'], ['length', 'length'], ['model_length', 'length']],
  };
  for (const [provider, rows] of Object.entries(table)) {
    for (const [word, wanted] of rows) {
      for (const stream of [true, false]) {
        const { reason } = await heard(provider === 'openai' ? 'anthropic' : 'openai', provider, { text: ['Hi'], reason: word, ...(word === 'stop_sequence' ? { stopSequence: 'END' } : {}) }, stream);
        assert.equal(reason, wanted, `${provider} ${word} ${stream ? 'stream' : 'whole'}`);
      }
    }
  }
  // A word that this dialect has not: its caller may have to be told a stop, but the log says what it was.
  for (const [provider, word, logged] of [['anthropic', 'some_new_reason', 'other'], ['anthropic', 'pause_turn', 'paused'], ['mistral', 'error', 'other']]) {
    for (const stream of [true, false]) {
      const id = `c6-${word}-${stream}`;
      const answer = await exchange('openai', question('openai', provider, { stream }), answering(provider, { text: ['Hi'], reason: word }, stream), { 'x-request-id': id });
      const line = await accessLine(id);
      if (answer.status === 200 && !line.error_code) assert.equal(line.finish_reason, logged, `${provider} ${word}`);
    }
  }
});

test('C7 a schema for the answer and the caller\'s own tool live together', async () => {
  const response_format = { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: parameters } };
  const more = { tools: [openAiTool('weather')], response_format };
  const { sent } = await accepted('openai', question('openai', 'anthropic', more));
  assert.deepEqual(sent.tools.map((tool) => tool.name), ['weather'], 'no tool but the caller\'s');
  for (const stream of [true, false]) {
    const called = await heard('openai', 'anthropic', { calls: [{ id: 'toolu_1', name: 'weather', pieces: ['{"city":"Paris"}'] }], reason: 'tool_calls' }, stream, more);
    assert.deepEqual([called.text, called.calls[0].name, called.reason], ['', 'weather', 'tool_calls']);
    const said = await heard('openai', 'anthropic', { text: ['{"city":', '"Paris"}'], reason: 'stop' }, stream, more);
    assert.deepEqual([JSON.parse(said.text), said.calls, said.reason], [{ city: 'Paris' }, [], 'stop']);
  }
});

test('C8 tool_choice and parallel_tool_calls say the same in every dialect', async () => {
  const named = { type: 'function', function: { name: 'weather' } };
  const more = { tools: [openAiTool('weather')] };
  for (const [choice, wanted] of [['auto', { type: 'auto' }], ['none', { type: 'none' }], ['required', { type: 'any' }], [named, { type: 'tool', name: 'weather' }]]) {
    const { sent } = await accepted('openai', question('openai', 'anthropic', { ...more, tool_choice: choice }));
    assert.deepEqual(sent.tool_choice, wanted);
    const mistral = await accepted('openai', question('openai', 'mistral', { ...more, tool_choice: choice }));
    assert.ok(choice === 'required' ? ['any', 'required'].includes(mistral.sent.tool_choice) : JSON.stringify(mistral.sent.tool_choice) === JSON.stringify(choice));
    const back = await accepted('anthropic', question('anthropic', 'openai', { tools: [{ name: 'weather', input_schema: parameters }], tool_choice: wanted }));
    assert.deepEqual(back.sent.tool_choice, choice);
  }
  const { sent } = await accepted('openai', question('openai', 'anthropic', { ...more, parallel_tool_calls: false }));
  assert.equal(sent.tool_choice.disable_parallel_tool_use, true);
  const back = await accepted('anthropic', question('anthropic', 'openai', { tools: [{ name: 'weather', input_schema: parameters }], tool_choice: { type: 'auto', disable_parallel_tool_use: true } }));
  assert.equal(back.sent.parallel_tool_calls, false);
  for (const choice of ['required', named]) assert.equal(validError.openai({ error: await refused('openai', question('openai', 'anthropic', { tool_choice: choice })) }).message.includes('tool'), true);
});

test('C9 tool schemas without a type, without properties, and tools with long names', async () => {
  for (const provider of ['anthropic', 'mistral']) {
    for (const given of [{}, undefined, { type: 'object' }, { properties: { a: { type: 'string' } } }]) {
      const { sent } = await accepted('openai', question('openai', provider, { tools: [openAiTool('weather', given)] }));
      const seen = provider === 'anthropic' ? sent.tools[0].input_schema : sent.tools[0].function.parameters;
      // Mistral takes a schema that has properties and no type.
      if (provider === 'anthropic' || !given?.properties) assert.equal(seen.type, 'object', JSON.stringify(given));
    }
  }
});

test('C9 a tool name that the provider does not take goes by an alias, or is refused by name', async () => {
  const long = `a_${'very_'.repeat(20)}long_name`;
  const limits = { openai: /^[a-zA-Z0-9_-]{1,64}$/, anthropic: /^[a-zA-Z0-9_-]{1,128}$/, mistral: /^[a-zA-Z0-9_-]{1,64}$/ };
  for (const [door, provider, name] of [['openai', 'anthropic', 'weather.today v2'], ['openai', 'anthropic', `${long}_${long}`], ['openai', 'mistral', long], ['anthropic', 'openai', long], ['anthropic', 'mistral', long]]) {
    const tool = door === 'openai' ? openAiTool(name) : { name, input_schema: parameters };
    const turn = { calls: [{ id: 'abcDEF123', name: 'ALIAS', pieces: ['{"city":"Paris"}'] }], reason: 'tool_calls' };
    const answer = await exchange(door, question(door, provider, { tools: [tool] }), (request, out) => {
      const [sent] = JSON.parse(request.body).tools;
      turn.calls[0].name = sent.function?.name ?? sent.name;
      return out.whole(wire[provider].whole(turn));
    });
    if (answer.status === 200) {
      assert.match(turn.calls[0].name, limits[provider], `${door} -> ${provider}`);
      assert.equal(doors[door].whole(JSON.parse(answer.text)).calls[0].name, name);
    } else {
      assert.equal(answer.status, 400);
      assert.ok(validError[door](JSON.parse(answer.text)).message.includes(name.slice(0, 10)), answer.text);
    }
  }
});

// --- C10 to C13 -----------------------------------------------------------------------------------------------------

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

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

test('C13 the service tier goes there and comes back', async () => {
  for (const stream of [false, true]) {
    const { sent } = await accepted('openai', question('openai', 'openai', { service_tier: 'flex', stream }));
    assert.equal(sent.service_tier, 'flex');
    const { text } = await exchange('openai', question('openai', 'openai', { service_tier: 'auto', stream }), answering('openai', { text: ['Hi'], reason: 'stop' }, stream));
    assert.match(text, /"service_tier":"default"/);
    const crossed = await exchange('anthropic', question('anthropic', 'openai', { service_tier: 'auto', stream }), answering('openai', { text: ['Hi'], reason: 'stop' }, stream));
    assert.match(crossed.text, /"service_tier":"standard"/, stream ? 'stream' : 'whole');
  }
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
