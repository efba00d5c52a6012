// An answer belongs to the call that brought it: what a hedge, a fallback or another caller's request was answered with is
// never given to who asked for something else. With the cache on, through real sockets.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { until } from './chaos/support/waiting.mjs';
import { configured, reply, streamed } from './support/chat.mjs';
import { providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { foldNative } from './support/sse.mjs';

let provider, gateway;
before(async () => {
  provider = await ScriptedProvider.start();
  const { args } = configured(`
cache: {memory: 8MiB, streams: fast}
aliases:
  hedged: {targets: [openai/gpt-4o, openai/gpt-4o-mini], hedge: {after: 20ms, cost_max: 1}}
  ordered: {targets: [openai/gpt-4o, openai/gpt-4o-mini]}
  tools: {targets: [mistral/mistral-small-latest, anthropic/claude-haiku-4-5], hedge: {after: 20ms, cost_max: 1}}
  crossed: {targets: [anthropic/claude-haiku-4-5, openai/gpt-4o]}
routing: {backoff: 1ms}
`);
  gateway = await startGateway({ environment: providersAt(provider.url), args });
});
after(async () => {
  await gateway.stop();
  await provider.stop();
  assert.deepEqual(provider.faults, []);
});
beforeEach(() => { provider.requests.length = 0; });

const modelOf = (request) => JSON.parse(request.body).model;
// Each model says its own name, whole or as a stream.
const sayName = (request, out) => {
  const { model, stream } = JSON.parse(request.body);
  return stream ? out.stream(`${streamed({ content: model })}${streamed({}, 'stop')}data: [DONE]\n\n`) : out.whole({ ...reply(model), model });
};
const ask = async (model, text, stream) => {
  const answer = await post(`${gateway.url}/v1/chat`, { model, messages: [{ role: 'user', content: text }], stream }, { 'x-ai-proxy-retries': '1' });
  assert.equal(answer.status, 200, answer.text);
  return { cache: answer.headers['x-cache'], said: stream ? foldNative(answer.text).content : JSON.parse(answer.text).message.content };
};

for (const stream of [false, true]) {
  const form = stream ? 'stream' : 'whole answer';
  for (const [alias, what] of [['hedged', 'the second call of a hedge'], ['ordered', 'a fallback']]) {
    test(`a ${form} of ${what} is kept as that call's, and as no other's`, async () => {
      provider.answer = (request, out) => {
        if (modelOf(request) !== 'gpt-4o') return sayName(request, out);
        return alias === 'hedged' ? new Promise(() => {}) : out.whole({ error: { message: 'No.' } }, { status: 503 });
      };
      const text = `${form} ${alias}`;
      assert.deepEqual(await ask(alias, text, stream), { cache: 'MISS', said: 'gpt-4o-mini' });
      assert.deepEqual(provider.requests.map(modelOf), ['gpt-4o', 'gpt-4o-mini']);
      provider.answer = sayName;
      assert.deepEqual(await ask('openai/gpt-4o', text, stream), { cache: 'MISS', said: 'gpt-4o' });
      assert.deepEqual(await ask('openai/gpt-4o-mini', text, stream), { cache: 'HIT', said: 'gpt-4o-mini' });
      assert.deepEqual(await ask('openai/gpt-4o', text, stream), { cache: 'HIT', said: 'gpt-4o' });
    });
  }
}

// What the first target has no place for is left out of its call; the second has one.
test('requests that differ only in what the second target is told are not one', async () => {
  provider.answer = async (request, out) => {
    const asked = JSON.parse(request.body);
    if (asked.model !== 'gpt-4o') {
      await until(() => provider.requests.filter((one) => modelOf(one) !== 'gpt-4o').length === 3, 'all three ask the first target');
      return out.whole({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, { status: 529 });
    }
    return out.whole({ ...reply(`seed ${asked.seed}`), model: 'gpt-4o' });
  };
  const messages = [{ role: 'user', content: 'the same for the first' }];
  const headers = { 'x-ai-proxy-retries': '1' };
  const answers = await Promise.all([
    post(`${gateway.url}/v1/chat/completions`, { model: 'crossed', messages, seed: 1 }, headers),
    post(`${gateway.url}/v1/chat/completions`, { model: 'crossed', messages, seed: 2 }, headers),
    post(`${gateway.url}/v1/chat`, { model: 'crossed', messages }, headers),
  ]);
  const said = ({ text }) => { const body = JSON.parse(text); return (body.choices?.[0] ?? body).message.content; };
  assert.deepEqual(answers.map(said), ['seed 1', 'seed 2', 'seed undefined']);
});

for (const [what, more] of [['further choices', { n: 2 }], ['log probabilities', { logprobs: true }]]) {
  test(`an answer with ${what} serves its own form only: the other has no place for them`, async () => {
    provider.answer = (request, out) => {
      const { stream } = JSON.parse(request.body);
      return stream ? out.stream(`${streamed({ content: 'live' })}${streamed({}, 'stop')}data: [DONE]\n\n`) : out.whole(reply('whole'));
    };
    const send = async (stream) => {
      const answer = await post(`${gateway.url}/v1/chat/completions`, { model: 'gpt-4o', messages: [{ role: 'user', content: `both forms, ${what}` }], stream, ...more });
      assert.equal(answer.status, 200, answer.text);
      return [answer.headers['x-cache'], /live|whole/.exec(answer.text)[0]];
    };
    assert.deepEqual(await send(false), ['MISS', 'whole']);
    assert.deepEqual(await send(false), ['HIT', 'whole']);
    assert.deepEqual(await send(true), ['MISS', 'live']);
    assert.deepEqual(await send(true), ['HIT', 'live']);
    assert.deepEqual(await send(false), ['MISS', 'whole'], 'what is kept is the newer one');
  });
}

// Each provider takes other names; both calls are made from one request.
test('a tool whose name was too long for the call that answers comes back under its own, whatever the call beside it was told', async () => {
  const name = 'look_up_'.padEnd(70, 'x');
  provider.answer = async (request, out) => {
    const { model, tools } = JSON.parse(request.body);
    if (model !== 'mistral-small-latest') return new Promise(() => {});
    await until(() => provider.requests.length === 2, 'both calls are made');
    return out.whole({ ...reply(null), model, choices: [{ index: 0, message: { role: 'assistant', content: '', tool_calls: [{ id: 'abcDEF123', function: { name: tools[0].function.name, arguments: '{}' } }] }, finish_reason: 'tool_calls' }] });
  };
  const answer = await post(`${gateway.url}/v1/chat/completions`, { model: 'tools', messages: [{ role: 'user', content: 'Look it up.' }], tools: [{ type: 'function', function: { name, parameters: { type: 'object', properties: {} } } }] });
  assert.equal(answer.status, 200, answer.text);
  const [mistral, anthropic] = provider.requests.map((request) => JSON.parse(request.body));
  assert.deepEqual([mistral.tools[0].function.name.length <= 64, anthropic.tools[0].name], [true, name]);
  assert.equal(JSON.parse(answer.text).choices[0].message.tool_calls[0].function.name, name);
});

// The doors of one gateway share what it keeps: the provider's answer is what is kept.
test('what one door brought is given through the others', async () => {
  provider.answer = (_, out) => out.whole({ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-haiku-4-5', content: [{ type: 'text', text: 'For all.' }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 3, output_tokens: 2 } });
  const messages = [{ role: 'user', content: 'through every door' }];
  const model = 'anthropic/claude-haiku-4-5';
  const native = await post(`${gateway.url}/v1/chat`, { model, messages, max_tokens: 77 });
  const openai = await post(`${gateway.url}/v1/chat/completions`, { model, messages, max_tokens: 77 });
  assert.deepEqual([native, openai].map(({ status, headers }) => [status, headers['x-cache']]), [[200, 'MISS'], [200, 'HIT']]);
  assert.equal(JSON.parse(openai.text).choices[0].message.content, 'For all.');
  assert.equal(provider.requests.length, 1);
});

test('the second Cache-Control line counts as the first does', async () => {
  provider.answer = sayName;
  const send = (control) => post(`${gateway.url}/v1/chat`, { model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'two lines' }] }, { 'cache-control': control });
  assert.equal((await send(['no-cache', 'no-store'])).headers['x-cache'], 'BYPASS');
  assert.equal((await send(['max-age=0', 'max-stale'])).headers['x-cache'], 'MISS', 'nothing had been kept');
  assert.equal((await send(['max-age=0'])).headers['x-cache'], 'HIT');
});
