// OpenAI's SDK, its current major version and the one before, with every provider's models behind the door.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Current from 'openai';
import Previous from 'openai-previous';
import { answerSchema, behind, clock, collect, door, failure, png, schemaAnswer, statusesFor, straight, twoCalls, weather } from './support.mjs';

const tools = [weather, clock].map((tool) => ({ type: 'function', function: tool }));
const flat = [weather, clock].map((tool) => ({ type: 'function', strict: true, ...tool }));
const user = (content) => [{ role: 'user', content }];
const responseFormat = { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: answerSchema } };

// The deltas of a streamed choice, put together as the API's documentation says.
function fold(chunks) {
  const message = { role: 'assistant', content: '', tool_calls: [] };
  let finish = null;
  let usage = null;
  for (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (!choice) continue;
    finish = choice.finish_reason ?? finish;
    message.content += choice.delta.content ?? '';
    for (const { index, id, function: part } of choice.delta.tool_calls ?? []) {
      const call = (message.tool_calls[index] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
      call.id ||= id;
      call.function.name ||= part.name;
      call.function.arguments += part.arguments ?? '';
    }
  }
  return { message, finish, usage };
}

const results = { weather: 'sunny', clock: '12:00' };
const answersTo = (calls) => calls.map((call) => ({ role: 'tool', tool_call_id: call.id, content: results[call.function.name] }));

for (const [version, OpenAI] of [['7', Current], ['6', Previous]]) {
  const client = (options = {}) => new OpenAI({ apiKey: 'sk-client', baseURL: door('openai', '/v1'), maxRetries: 0, ...options });
  const create = (body, options) => client().chat.completions.create(body, options);

  for (const { provider, model, reasoner, answers } of behind('openai')) {
    const name = (what) => `openai ${version} -> ${provider}: ${what}`;

    test(name('chat'), async () => {
      const answer = await create({ model, messages: [{ role: 'system', content: 'Be short.' }, ...user('[say Hello, 世界]')], temperature: 0.5 });
      assert.equal(answer.object, 'chat.completion');
      assert.match(answer.id, /^chatcmpl-/);
      assert.match(answer.model, answers);
      assert.equal(answer.choices[0].message.content, 'Hello, 世界');
      assert.equal(answer.choices[0].message.role, 'assistant');
      assert.equal(answer.choices[0].message.refusal, null);
      assert.equal(answer.choices[0].finish_reason, 'stop');
      assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
      assert.ok(answer._request_id);
    });

    test(name('length and stop sequences'), async () => {
      const cut = await create({ model, messages: user('[length]') });
      assert.equal(cut.choices[0].finish_reason, 'length');
      const stopped = await create({ model, messages: user('[stop END]'), stop: ['END'] });
      assert.equal(stopped.choices[0].message.content, 'One, two, ');
      assert.equal(stopped.choices[0].finish_reason, 'stop');
    });

    test(name('stream'), async () => {
      const chunks = await collect(await create({ model, messages: user('[say one two three]'), stream: true, stream_options: { include_usage: true } }));
      const { message, finish, usage } = fold(chunks);
      assert.equal(message.content, 'one two three');
      assert.equal(finish, 'stop');
      assert.ok(usage.total_tokens > 0);
      assert.deepEqual(chunks.at(-1).choices, []);
      assert.ok(chunks.every(({ object, id }) => object === 'chat.completion.chunk' && id === chunks[0].id));
      const bare = await collect(await create({ model, messages: user('[say one]'), stream: true }));
      assert.ok(bare.every((chunk) => !('usage' in chunk) || chunk.usage === null), 'usage came unasked');
    });

    test(name('a whole tool loop with parallel calls'), async () => {
      const messages = user(twoCalls);
      const first = await create({ model, messages, tools });
      const { message, finish_reason: finish } = first.choices[0];
      assert.equal(finish, 'tool_calls');
      assert.equal(message.content, null);
      assert.deepEqual(message.tool_calls.map((call) => [call.type, call.function.name, JSON.parse(call.function.arguments)]),
        [['function', 'weather', { city: 'Łódź' }], ['function', 'clock', { zone: 'UTC' }]]);
      assert.equal(new Set(message.tool_calls.map(({ id }) => id)).size, 2);
      const second = await create({ model, tools, messages: [...messages, message, ...answersTo(message.tool_calls)] });
      assert.equal(second.choices[0].message.content, 'The tools answered: “sunny”, “12:00”.');
      assert.equal(second.choices[0].finish_reason, 'stop');
      const third = await create({
        model, tools, messages: [...messages, message, ...answersTo(message.tool_calls), second.choices[0].message, ...user('[say Bye]')],
      });
      assert.equal(third.choices[0].message.content, 'Bye');
    });

    test(name('a streamed tool loop'), async () => {
      const messages = user(twoCalls);
      const { message, finish } = fold(await collect(await create({ model, messages, tools, stream: true })));
      assert.equal(finish, 'tool_calls');
      assert.deepEqual(message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
        [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }]]);
      const next = await create({ model, tools, stream: true, messages: [...messages, message, ...answersTo(message.tool_calls)] });
      assert.equal(fold(await collect(next)).message.content, 'The tools answered: “sunny”, “12:00”.');
    });

    test(name('the SDK runs the tools by itself'), async () => {
      const runner = client().chat.completions.runTools({
        model, messages: user(twoCalls),
        tools: [weather, clock].map((tool) => ({ type: 'function', function: { ...tool, parse: JSON.parse, function: () => results[tool.name] } })),
      });
      assert.equal(await runner.finalContent(), 'The tools answered: “sunny”, “12:00”.');
    });

    test(name('tool_choice: a named tool, required, none, one at a time'), async () => {
      const ask = async (more, content = 'x') => (await create({ model, messages: user(content), tools, ...more })).choices[0].message;
      assert.equal((await ask({ tool_choice: { type: 'function', function: { name: 'clock' } } })).tool_calls[0].function.name, 'clock');
      assert.equal((await ask({ tool_choice: 'required' })).tool_calls.length, 1);
      assert.equal((await ask({ tool_choice: 'none' })).tool_calls?.length ?? 0, 0);
      assert.equal((await ask({ parallel_tool_calls: false }, twoCalls)).tool_calls.length, 1);
    });

    test(name('images'), async () => {
      const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } };
      const answer = await create({ model, messages: user([{ type: 'text', text: 'What is it?' }, image, image]) });
      assert.match(answer.choices[0].message.content, /^I see 2 image\(s\)\./);
    });

    test(name('structured output'), async () => {
      const answer = await client().chat.completions.parse({ model, messages: user('[json]'), response_format: responseFormat });
      assert.deepEqual(JSON.parse(answer.choices[0].message.content), schemaAnswer);
      const streamed = client().chat.completions.stream({ model, messages: user('[json]'), response_format: responseFormat });
      assert.deepEqual(JSON.parse((await streamed.finalChatCompletion()).choices[0].message.content), schemaAnswer);
    });

    test(name('reasoning'), async () => {
      const body = { model: reasoner, messages: user('[think Let me see.] [say Done.]'), reasoning_effort: 'high', max_completion_tokens: 30_000 };
      const answer = await create(body);
      assert.equal(answer.choices[0].message.content, 'Done.');
      // Mistral counts no reasoning tokens.
      if (provider !== 'mistral') assert.ok(answer.usage.completion_tokens_details.reasoning_tokens > 0);
      const { message } = fold(await collect(await create({ ...body, stream: true })));
      assert.equal(message.content, 'Done.');
    });

    test(name('reasoning in a tool loop'), async () => {
      const messages = user(`[think Let me see.] ${twoCalls}`);
      const body = { model: reasoner, tools, reasoning_effort: 'high', max_completion_tokens: 30_000 };
      const { message } = (await create({ ...body, messages })).choices[0];
      assert.equal(message.tool_calls.length, 2);
      const second = await create({ ...body, messages: [...messages, message, ...answersTo(message.tool_calls)] });
      assert.equal(second.choices[0].message.content, 'The tools answered: “sunny”, “12:00”.');
    });

    const overloaded = provider === 'anthropic' ? 529 : 503;
    for (const [status, kind] of [[400, 'BadRequestError'], [401, 'AuthenticationError'], [404, 'NotFoundError'], [429, 'RateLimitError'], [500, 'InternalServerError'], [overloaded, 'InternalServerError']]) {
      test(name(`error ${status}`), async () => {
        for (const stream of [false, true]) {
          const error = await failure(() => create({ model, messages: user(`[error ${status}]`), stream }));
          assert.ok(statusesFor(status).includes(error.status), `${error.status} ${error.message}`);
          assert.ok(error instanceof OpenAI[error.status >= 500 ? 'InternalServerError' : kind], error.constructor.name);
          for (const member of ['message', 'type', 'param', 'code']) assert.ok(member in error.error, `error.${member} is missing`);
          assert.ok(error.requestID);
          if (status === 429) assert.equal(error.headers.get('retry-after'), '1');
        }
      });
    }

    for (const directive of ['break', 'cut']) {
      test(name(`a stream's middle: ${directive}`), async () => {
        const seen = [];
        const error = await failure(async () => {
          for await (const chunk of await create({ model, messages: user(`[${directive}] [say one two three four]`), stream: true })) seen.push(chunk);
        });
        assert.ok(error instanceof Error);
        if (directive === 'break') assert.ok(error instanceof OpenAI.APIError, error.constructor.name);
        assert.match(fold(seen).message.content, /^one two/);
      });
    }

    test(name('timeouts and aborts'), async () => {
      const late = await failure(() => client({ timeout: 200 }).chat.completions.create({ model, messages: user('[slow 3000]') }));
      assert.ok(late instanceof OpenAI.APIConnectionTimeoutError, late.constructor.name);
      const controller = new AbortController();
      const call = create({ model, messages: user('[slow 3000]') }, { signal: controller.signal });
      setTimeout(() => controller.abort(), 100);
      assert.ok(await failure(() => call) instanceof OpenAI.APIUserAbortError);
      const stream = await create({ model, messages: user('[say one two three]'), stream: true });
      for await (const _ of stream) break;
    });

    test(name('Responses: text, whole and streamed'), async () => {
      const body = { model, instructions: 'Be short.', input: '[say one two]' };
      const answer = await client().responses.create(body);
      assert.match(answer.id, /^resp_/);
      assert.deepEqual([answer.object, answer.status, answer.output_text], ['response', 'completed', 'one two']);
      assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
      const events = await collect(await client().responses.create({ ...body, stream: true }));
      const types = events.map(({ type }) => type);
      assert.deepEqual(types.slice(0, 4), ['response.created', 'response.in_progress', 'response.output_item.added', 'response.content_part.added']);
      assert.deepEqual(types.slice(-4), ['response.output_text.done', 'response.content_part.done', 'response.output_item.done', 'response.completed']);
      assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, index) => index));
      assert.equal(events.filter(({ type }) => type === 'response.output_text.delta').map(({ delta }) => delta).join(''), 'one two');
      const helper = await client().responses.stream(body).finalResponse();
      assert.equal(helper.output[0].content[0].text, 'one two');
    });

    test(name('Responses: a tool loop, whole and streamed'), async () => {
      const input = user(twoCalls);
      const next = (output) => [...input, ...output, ...output.filter(({ type }) => type === 'function_call')
        .map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: results[call.name] }))];
      const first = await client().responses.create({ model, input, tools: flat });
      const calls = first.output.filter(({ type }) => type === 'function_call');
      assert.deepEqual(calls.map((call) => [call.name, JSON.parse(call.arguments)]), [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }]]);
      const second = await client().responses.create({ model, input: next(first.output), tools: flat });
      assert.equal(second.output_text, 'The tools answered: “sunny”, “12:00”.');
      const events = await collect(await client().responses.create({ model, input, tools: flat, stream: true }));
      const done = events.filter(({ type }) => type === 'response.function_call_arguments.done');
      assert.deepEqual(done.map((event) => JSON.parse(event.arguments)), [{ city: 'Łódź' }, { zone: 'UTC' }]);
      const last = events.at(-1);
      assert.equal(last.type, 'response.completed');
      const third = await client().responses.create({ model, input: next(last.response.output), tools: flat });
      assert.equal(third.output_text, 'The tools answered: “sunny”, “12:00”.');
    });

    test(name('Responses: images, structured output, reasoning, length'), async () => {
      const image = { type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'auto' };
      const seen = await client().responses.create({ model, input: user([{ type: 'input_text', text: 'x' }, image]) });
      assert.match(seen.output_text, /^I see 1 image\(s\)\./);
      const format = { type: 'json_schema', name: 'answer', strict: true, schema: answerSchema };
      const json = await client().responses.create({ model, input: '[json]', text: { format } });
      assert.deepEqual(JSON.parse(json.output_text), schemaAnswer);
      const thought = await client().responses.create({ model: reasoner, input: '[think Hm.] [say Done.]', reasoning: { effort: 'high' }, max_output_tokens: 30_000 });
      assert.equal(thought.output_text, 'Done.');
      if (provider !== 'mistral') assert.ok(thought.usage.output_tokens_details.reasoning_tokens > 0);
      const cut = await client().responses.create({ model, input: '[length]' });
      assert.deepEqual([cut.status, cut.incomplete_details.reason], ['incomplete', 'max_output_tokens']);
    });

    test(name('Responses: errors before and in the stream'), async () => {
      const limited = await failure(() => client().responses.create({ model, input: '[error 429]' }));
      assert.ok(limited instanceof OpenAI.RateLimitError);
      const events = [];
      const error = await failure(async () => {
        for await (const event of await client().responses.create({ model, input: '[break] [say one two three four]', stream: true })) events.push(event);
        // The SDK hands error and response.failed over as events, or throws: both are a failure that can be seen.
        if (['error', 'response.failed'].includes(events.at(-1)?.type)) throw new Error('failed as an event');
      });
      assert.ok(error instanceof Error);
      assert.ok(!events.some(({ type }) => type === 'response.completed'));
    });
  }

  test(`openai ${version}: the door with its provider's name`, async () => {
    const named = client({ baseURL: door('openai', '/openai/v1') });
    const answer = await named.chat.completions.create({ model: 'gpt-4o-mini', messages: user('[say Hi]') });
    assert.equal(answer.choices[0].message.content, 'Hi');
    assert.equal((await named.responses.create({ model: 'gpt-4o-mini', input: '[say Hi]' })).output_text, 'Hi');
  });

  test(`openai ${version}: unknown models and wrong requests`, async () => {
    const unknown = await failure(() => create({ model: 'gpt-nothing', messages: user('x') }));
    assert.ok(unknown instanceof OpenAI.NotFoundError);
    assert.equal(unknown.code, 'model_not_found');
    const wrong = await failure(() => create({ model: 'gpt-4o-mini', messages: user('x'), temperature: 9 }));
    assert.ok(wrong instanceof OpenAI.BadRequestError);
    const empty = await failure(() => create({ model: 'gpt-4o-mini', messages: [] }));
    assert.ok(empty instanceof OpenAI.BadRequestError);
  });

  test(`openai ${version}: embeddings, base64 by default and as numbers`, async () => {
    const cases = [['text-embedding-3-small', {}], ['text-embedding-3-small', { encoding_format: 'float' }], ['text-embedding-3-small', { encoding_format: 'base64' }]];
    if (!straight) cases.push(['mistral-embed', {}], ['mistral-embed', { encoding_format: 'float' }]);
    for (const [model, more] of cases) {
      const answer = await client().embeddings.create({ model, input: ['a', 'b'], ...more });
      assert.deepEqual(answer.data.map(({ index }) => index), [0, 1]);
      const [{ embedding }] = answer.data;
      if (more.encoding_format === 'base64') assert.equal(typeof embedding, 'string');
      else assert.deepEqual([...embedding], [0.125, -0.5, 0.25, 0.0625], `${model} ${JSON.stringify(more)}`);
      assert.ok(answer.usage.prompt_tokens > 0);
    }
    const short = await client().embeddings.create({ model: 'text-embedding-3-small', input: 'a', dimensions: 2 });
    assert.equal(short.data[0].embedding.length, 2);
  });

  test(`openai ${version}: models`, async () => {
    const all = await collect(client().models.list());
    assert.ok(all.some(({ id }) => id === 'gpt-4o-mini'));
    assert.ok(all.every((model) => model.object === 'model' && typeof model.owned_by === 'string'));
    assert.equal((await client().models.retrieve('gpt-4o-mini')).id, 'gpt-4o-mini');
    assert.ok(await failure(() => client().models.retrieve('gpt-nothing')) instanceof OpenAI.NotFoundError);
  });
}
