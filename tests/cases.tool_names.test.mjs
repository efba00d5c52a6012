// Case C9: a tool name that the chosen provider would refuse goes by an alias there, and its caller sees its own name.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { accepted, parameters } from './support/judged.mjs';
import { postJson, providersAt, startGateway } from './support/processes.mjs';
import { foldNative } from './support/sse.mjs';
import { wire } from './support/turns.mjs';
import { all, answering, doors, exchange, pairs, question, world } from './support/world.mjs';

const limits = { openai: 64, anthropic: 128, mistral: 64 };
const taken = 'weather';
const given = ['weather.today v2', '天気 🙂', 'mcp://server/tools/get-weather', `a_${'very_'.repeat(16)}long_name`, `${'x.'.repeat(200)}end`];
const others = pairs.filter(({ door, provider }) => door !== provider);
const isLegal = (name, provider) => new RegExp(`^[a-zA-Z0-9_-]{1,${limits[provider]}}$`).test(name);
const hashOf = (name) => createHash('sha256').update(name).digest('hex').slice(0, 8);

// In the door's own shape: tools of these names, the first of them demanded, and a history that called it.
function conversation(door, names, more = {}) {
  const id = 'abcDEF123', input = { city: 'Oslo' };
  const shape = {
    openai: {
      tools: names.map((name) => ({ type: 'function', function: { name, parameters } })),
      tool_choice: { type: 'function', function: { name: names[0] } },
      messages: [{ role: 'user', content: 'Weather?' }, { role: 'assistant', content: null, tool_calls: [{ id, type: 'function', function: { name: names[0], arguments: JSON.stringify(input) } }] }, { role: 'tool', tool_call_id: id, content: 'rain' }],
    },
    responses: {
      tools: names.map((name) => ({ type: 'function', name, parameters })),
      tool_choice: { type: 'function', name: names[0] },
      input: [{ role: 'user', content: 'Weather?' }, { type: 'function_call', call_id: id, name: names[0], arguments: JSON.stringify(input) }, { type: 'function_call_output', call_id: id, output: 'rain' }],
    },
    anthropic: {
      tools: names.map((name) => ({ name, input_schema: parameters })),
      tool_choice: { type: 'tool', name: names[0] },
      messages: [{ role: 'user', content: 'Weather?' }, { role: 'assistant', content: [{ type: 'tool_use', id, name: names[0], input }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'rain' }] }],
    },
  };
  return { ...(shape[door] ?? shape.openai), ...more };
}

// The names in a body as a provider saw it: of its tools, of the demanded one, of the call in the history.
function namesIn(sent, provider) {
  if (provider === 'anthropic') {
    const call = sent.messages.flatMap((message) => message.content).find((block) => block.type === 'tool_use');
    return { tools: sent.tools.map((tool) => tool.name), chosen: sent.tool_choice.name, called: call.name };
  }
  const call = sent.messages.find((message) => message.tool_calls).tool_calls[0];
  return { tools: sent.tools.map((tool) => tool.function.name), chosen: sent.tool_choice.function.name, called: call.function.name };
}

// A provider that calls the tool at this place, under the name it was told.
const calling = (provider, place, stream) => (request, out) => {
  const name = namesIn(JSON.parse(request.body), provider).tools[place];
  return answering(provider, { calls: [{ id: 'xyzXYZ987', name, pieces: ['{"city"', ':"Oslo"}'] }], reason: 'tool_calls' }, stream)(request, out);
};

test('C9 a name that the provider refuses has an alias there: tools, choice, history; whole answers and streams', async () => {
  const entries = others.flatMap((pair) => given.flatMap((name) => [false, true].map((stream) => ({ ...pair, tool: name, stream, name: `${pair.name}, ${name.slice(0, 20)}, ${stream ? 'stream' : 'whole'}` }))));
  await all(entries, async ({ door, provider, tool, stream }) => {
    const body = question(door, provider, conversation(door, [tool, taken], stream ? { stream } : {}));
    const { status, text, calls, headers } = await exchange(door, body, calling(provider, 0, stream));
    assert.equal(status, 200, text);
    const sent = namesIn(JSON.parse(calls[0].body), provider);
    const [alias] = sent.tools;
    assert.ok(isLegal(alias, provider), alias);
    if (isLegal(tool, provider)) assert.equal(alias, tool);
    else assert.ok(alias.endsWith(`_${hashOf(tool)}`) && alias.length <= 64, alias);
    assert.deepEqual(sent, { tools: [alias, taken], chosen: alias, called: alias });
    const answer = stream ? doors[door].stream(text) : doors[door].whole(JSON.parse(text));
    assert.deepEqual(answer.calls.map(({ name, arguments: input }) => ({ name, input })), [{ name: tool, input: { city: 'Oslo' } }]);
    assert.equal(headers['x-ai-proxy-warnings'], undefined, 'nothing is lost');
  });
});

test('C9 the strict providers take the aliases, and other tools keep their names', async () => {
  await all(others, async ({ door, provider }) => {
    const { sent } = await accepted(door, question(door, provider, conversation(door, [...given, taken])));
    const { tools } = namesIn(sent, provider);
    assert.equal(new Set(tools).size, given.length + 1);
    assert.equal(tools.at(-1), taken);
  });
});

test('C9 the next turn has the same aliases; one that a tool already has is not given away', async () => {
  for (const { door, provider } of others) {
    const seen = [];
    for (const names of [given, given]) seen.push(namesIn((await accepted(door, question(door, provider, conversation(door, names)))).sent, provider).tools);
    assert.deepEqual(seen[0], seen[1]);
    const [first] = given, [alias] = seen[0];
    for (const place of [0, 1]) {
      const { text, calls } = await exchange(door, question(door, provider, conversation(door, [first, alias])), calling(provider, place, false));
      const { tools } = namesIn(JSON.parse(calls[0].body), provider);
      assert.deepEqual([tools[1], tools[0] === alias], [alias, false]);
      assert.equal(doors[door].whole(JSON.parse(text)).calls[0].name, [first, alias][place]);
    }
  }
});

test('C9 what passes through keeps its bytes; what has no name, or cannot be renamed, is refused by name', async () => {
  for (const door of ['openai', 'anthropic', 'mistral']) {
    const body = question(door, door, conversation(door, given));
    const { calls } = await exchange(door, body, answering(door, { text: ['Hi'], reason: 'stop' }, false));
    assert.equal(calls[0].body, JSON.stringify({ ...body, model: wire[door].model }));
  }
  const refusals = [
    ['anthropic', 400, { tools: [{ name: '', input_schema: parameters }] }, /without a name/],
    ['mistral', 422, { tools: [{ type: 'custom', custom: { name: 'my tool' } }] }, /the tool name \\"my tool\\"/],
  ];
  for (const [door, wanted, more, words] of refusals) {
    const { status, text, calls } = await exchange(door, question(door, 'openai', more), answering('openai', { text: ['Hi'], reason: 'stop' }, false));
    assert.deepEqual([status, calls.length], [wanted, 0], text);
    assert.match(text, words);
  }
});

test('C9 the native API too, and an answer from the cache', async () => {
  const gateway = await startGateway({ environment: { ...providersAt(world.provider.url), AI_PROXY_CACHE_MEMORY: '16MB' } });
  after(() => gateway.stop());
  const [tool] = given;
  const { messages, tools, tool_choice } = conversation('openai', [tool, taken]);
  for (const provider of ['openai', 'anthropic', 'mistral']) {
    const body = { provider, model: wire[provider].model, messages, tools, tool_choice };
    world.provider.requests.length = 0;
    world.provider.answer = calling(provider, 0, false);
    for (const expected of ['MISS', 'HIT']) {
      const answer = await postJson(`${gateway.url}/v1/chat`, body);
      assert.deepEqual([answer.status, answer.headers.get('x-cache')], [200, expected], answer.text);
      assert.equal(JSON.parse(answer.text).message.tool_calls[0].function.name, tool);
    }
    assert.equal(world.provider.requests.length, 1);
    world.provider.answer = calling(provider, 0, true);
    const stream = await postJson(`${gateway.url}/v1/chat?stream=true`, body);
    assert.deepEqual(foldNative(stream.text).tool_calls.map((call) => call.name), [tool], stream.text);
  }
});
