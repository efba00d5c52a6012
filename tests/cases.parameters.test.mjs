// What users of gateways suffer from, as named tests at the doors (cases C): parameters, tools and reasons between dialects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted, openAiTool, parameters, refused } from './support/judged.mjs';
import { validError } from './support/validators.mjs';
import { accessLine, answering, doors, exchange, heard, names, question } from './support/world.mjs';

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

test('C9 tool schemas without a type, and without properties', async () => {
  for (const provider of ['anthropic', 'mistral']) {
    for (const given of [{}, undefined, { type: 'object' }, { properties: { a: { type: 'string' } } }]) {
      const { sent } = await accepted('openai', question('openai', provider, { tools: [openAiTool('weather', given)] }));
      const seen = provider === 'anthropic' ? sent.tools[0].input_schema : sent.tools[0].function.parameters;
      // Mistral takes a schema that has properties and no type.
      if (provider === 'anthropic' || !given?.properties) assert.equal(seen.type, 'object', JSON.stringify(given));
    }
  }
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
