// Mistral's SDK with every provider's models behind the door. It checks every answer against its own schema.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mistral } from '@mistralai/mistralai';
import { answerSchema, behind, clock, collect, door, failure, png, schemaAnswer, statusesFor, straight, twoCalls, weather } from './support.mjs';

const tools = [weather, clock].map((tool) => ({ type: 'function', function: tool }));
const user = (content) => [{ role: 'user', content }];
const results = { weather: 'sunny', clock: '12:00' };
const client = (options = {}) => new Mistral({ apiKey: 'sk-client', serverURL: door('mistral', straight ? '' : '/mistral'), retryConfig: { strategy: 'none' }, ...options });
const complete = (body, options) => client().chat.complete(body, options);
const parse = (value) => (typeof value === 'string' ? JSON.parse(value) : value);
// Content is a string or chunks, of which the texts are the answer.
const text = (content) => (typeof content === 'string' ? content : (content ?? []).filter(({ type }) => type === 'text').map((chunk) => chunk.text).join(''));
const answersTo = (calls) => calls.map((call) => ({ role: 'tool', toolCallId: call.id, name: call.function.name, content: results[call.function.name] }));

async function stream(body) {
  const folded = { content: '', calls: [], finish: null, usage: null };
  for (const { data } of await collect(await client().chat.stream(body))) {
    folded.usage = data.usage ?? folded.usage;
    const [choice] = data.choices;
    if (!choice) continue;
    folded.content += text(choice.delta.content);
    folded.calls.push(...choice.delta.toolCalls ?? []);
    folded.finish = choice.finishReason ?? folded.finish;
  }
  return folded;
}

for (const { provider, model, reasoner, answers } of behind('mistral')) {
  const name = (what) => `mistral -> ${provider}: ${what}`;

  test(name('chat'), async () => {
    const answer = await complete({ model, messages: [{ role: 'system', content: 'Be short.' }, ...user('[say Hello, 世界]')], safePrompt: false, randomSeed: 7 });
    assert.equal(answer.object, 'chat.completion');
    assert.match(answer.model, answers);
    assert.equal(text(answer.choices[0].message.content), 'Hello, 世界');
    assert.equal(answer.choices[0].finishReason, 'stop');
    assert.equal(answer.usage.totalTokens, answer.usage.promptTokens + answer.usage.completionTokens);
  });

  test(name('length and stop sequences'), async () => {
    assert.equal((await complete({ model, messages: user('[length]') })).choices[0].finishReason, 'length');
    const stopped = await complete({ model, messages: user('[stop END]'), stop: ['END'] });
    assert.equal(text(stopped.choices[0].message.content), 'One, two, ');
  });

  test(name('stream'), async () => {
    const { content, finish, usage } = await stream({ model, messages: user('[say one two three]') });
    assert.deepEqual([content, finish], ['one two three', 'stop']);
    assert.ok(usage.totalTokens > 0, 'usage comes unasked');
  });

  test(name('a whole tool loop with parallel calls'), async () => {
    const messages = user(twoCalls);
    const first = (await complete({ model, messages, tools })).choices[0];
    assert.equal(first.finishReason, 'tool_calls');
    assert.deepEqual(first.message.toolCalls.map((call) => [call.function.name, parse(call.function.arguments)]), [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }]]);
    const second = await complete({ model, tools, messages: [...messages, first.message, ...answersTo(first.message.toolCalls)] });
    assert.equal(text(second.choices[0].message.content), 'The tools answered: “sunny”, “12:00”.');
  });

  test(name('a streamed tool loop'), async () => {
    const messages = user(twoCalls);
    const { calls, finish } = await stream({ model, messages, tools });
    assert.equal(finish, 'tool_calls');
    assert.deepEqual(calls.map((call) => [call.function.name, parse(call.function.arguments)]), [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }]]);
    const next = await stream({ model, tools, messages: [...messages, { role: 'assistant', content: '', toolCalls: calls }, ...answersTo(calls)] });
    assert.equal(next.content, 'The tools answered: “sunny”, “12:00”.');
  });

  test(name('toolChoice: a named tool, any, none, one at a time'), async () => {
    const ask = async (more, content = 'x') => (await complete({ model, messages: user(content), tools, ...more })).choices[0].message.toolCalls ?? [];
    assert.equal((await ask({ toolChoice: { type: 'function', function: { name: 'clock' } } }))[0].function.name, 'clock');
    assert.equal((await ask({ toolChoice: 'any' })).length, 1);
    assert.equal((await ask({ toolChoice: 'none' })).length, 0);
    assert.equal((await ask({ parallelToolCalls: false }, twoCalls)).length, 1);
  });

  test(name('images'), async () => {
    const image = { type: 'image_url', imageUrl: `data:image/png;base64,${png}` };
    const answer = await complete({ model, messages: user([{ type: 'text', text: 'What is it?' }, image]) });
    assert.match(text(answer.choices[0].message.content), /^I see 1 image\(s\)\./);
  });

  test(name('structured output'), async () => {
    const responseFormat = { type: 'json_schema', jsonSchema: { name: 'answer', strict: true, schemaDefinition: answerSchema } };
    const answer = await complete({ model, messages: user('[json]'), responseFormat });
    assert.deepEqual(JSON.parse(text(answer.choices[0].message.content)), schemaAnswer);
  });

  test(name('reasoning'), async () => {
    const body = { model: reasoner, messages: user('[think Let me see.] [say Done.]'), reasoningEffort: 'high', maxTokens: 30_000 };
    const { content } = (await complete(body)).choices[0].message;
    assert.equal(text(content), 'Done.');
    if (provider === 'mistral') assert.deepEqual(content.map(({ type }) => type), ['thinking', 'text']);
    assert.equal((await stream(body)).content, 'Done.');
  });

  const overloaded = provider === 'anthropic' ? 529 : 503;
  for (const status of [400, 401, 404, 429, 500, overloaded]) {
    test(name(`error ${status}`), async () => {
      for (const call of [() => complete({ model, messages: user(`[error ${status}]`) }), () => client().chat.stream({ model, messages: user(`[error ${status}]`) })]) {
        const error = await failure(call);
        // Mistral itself says 400 invalid_model of a model it has not got.
        const expected = status === 404 && !straight ? [400, 404] : statusesFor(status);
        assert.ok(expected.includes(error.statusCode), `${error.statusCode} ${error.message}`);
        assert.equal(typeof JSON.parse(error.body), 'object');
        if (status === 429) assert.equal(error.headers.get('retry-after'), '1');
      }
    });
  }

  for (const directive of ['break', 'cut']) {
    test(name(`a stream's middle: ${directive}`), async () => {
      let seen = '';
      const error = await failure(async () => {
        for await (const { data } of await client().chat.stream({ model, messages: user(`[${directive}] [say one two three four]`) })) seen += text(data.choices[0]?.delta.content);
      });
      assert.ok(error instanceof Error);
      assert.match(seen, /^one two/);
    });
  }

  test(name('timeouts and aborts'), async () => {
    assert.ok(await failure(() => complete({ model, messages: user('[slow 3000]') }, { timeoutMs: 200 })) instanceof Error);
    const controller = new AbortController();
    const call = complete({ model, messages: user('[slow 3000]') }, { fetchOptions: { signal: controller.signal } });
    setTimeout(() => controller.abort(), 100);
    assert.ok(await failure(() => call) instanceof Error);
  });
}

test('mistral: unknown models and wrong requests', async () => {
  const unknown = await failure(() => complete({ model: 'mistral-nothing', messages: user('x') }));
  assert.equal(unknown.statusCode, 400, unknown.message);
  assert.equal(JSON.parse(unknown.body).type, 'invalid_model');
  const wrong = await failure(() => complete({ model: 'mistral-small-latest', messages: user('x'), temperature: 1.9 }));
  assert.ok([400, 422].includes(wrong.statusCode), wrong.message);
});

test('mistral: embeddings', async () => {
  const answer = await client().embeddings.create({ model: 'mistral-embed', inputs: ['a', 'b'] });
  assert.deepEqual(answer.data.map(({ index }) => index), [0, 1]);
  assert.deepEqual(answer.data[1].embedding, [0.125, -0.5, 0.25, 0.0625]);
});

test('mistral: models', async () => {
  const { data } = await client().models.list();
  assert.ok(data.some(({ id }) => id === 'mistral-small-latest'));
  assert.equal((await client().models.retrieve({ modelId: 'mistral-small-latest' })).id, 'mistral-small-latest');
});
