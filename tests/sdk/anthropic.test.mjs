// Anthropic's SDK, its current major version and the one before, with every provider's models behind the door.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Current from '@anthropic-ai/sdk';
import Previous from 'anthropic-previous';
import { answerSchema, behind, clock, collect, door, failure, png, schemaAnswer, statusesFor, straight, twoCalls, weather } from './support.mjs';

const tools = [weather, clock].map(({ name, description, parameters }) => ({ name, description, input_schema: parameters }));
const user = (content) => [{ role: 'user', content }];
const results = { weather: 'sunny', clock: '12:00' };
const uses = (message) => message.content.filter(({ type }) => type === 'tool_use');
const text = (message) => message.content.filter(({ type }) => type === 'text').map((block) => block.text).join('');
const answersTo = (message) => user(uses(message).map(({ id, name }) => ({ type: 'tool_result', tool_use_id: id, content: results[name] })));

for (const [version, Anthropic] of [['1', Current], ['0.137', Previous]]) {
  const client = (options = {}) => new Anthropic({ apiKey: 'sk-client', baseURL: door('anthropic'), maxRetries: 0, ...options });
  const create = (body, options) => client().messages.create({ max_tokens: 4096, ...body }, options);

  for (const { provider, model, reasoner, answers } of behind('anthropic')) {
    const name = (what) => `anthropic ${version} -> ${provider}: ${what}`;

    test(name('chat'), async () => {
      const answer = await create({ model, system: 'Be short.', messages: user('[say Hello, 世界]') });
      assert.deepEqual([answer.type, answer.role, answer.stop_reason, answer.stop_sequence], ['message', 'assistant', 'end_turn', null]);
      assert.match(answer.id, /^msg_/);
      assert.match(answer.model, answers);
      assert.deepEqual(answer.content.map(({ type }) => type), ['text']);
      assert.equal(text(answer), 'Hello, 世界');
      assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
      assert.ok(answer._request_id);
    });

    test(name('max_tokens and stop sequences'), async () => {
      assert.equal((await create({ model, messages: user('[length]') })).stop_reason, 'max_tokens');
      const stopped = await create({ model, messages: user('[stop END]'), stop_sequences: ['END'] });
      assert.equal(text(stopped), 'One, two, ');
      if (provider === 'anthropic') assert.deepEqual([stopped.stop_reason, stopped.stop_sequence], ['stop_sequence', 'END']);
    });

    test(name('stream'), async () => {
      const events = await collect(await create({ model, messages: user('[say one two three]'), stream: true }));
      const types = events.map(({ type }) => type).filter((type) => type !== 'ping');
      assert.deepEqual([types[0], types[1], types.at(-3), types.at(-2), types.at(-1)],
        ['message_start', 'content_block_start', 'content_block_stop', 'message_delta', 'message_stop']);
      assert.equal(events.filter(({ type }) => type === 'content_block_delta').map(({ delta }) => delta.text).join(''), 'one two three');
      const message = await client().messages.stream({ model, max_tokens: 4096, messages: user('[say one two three]') }).finalMessage();
      assert.equal(text(message), 'one two three');
      assert.equal(message.stop_reason, 'end_turn');
      assert.ok(message.usage.output_tokens > 0);
    });

    test(name('a whole tool loop with parallel calls'), async () => {
      const messages = user(twoCalls);
      for (const ask of [(body) => create(body), (body) => client().messages.stream({ max_tokens: 4096, ...body }).finalMessage()]) {
        const first = await ask({ model, messages, tools });
        assert.equal(first.stop_reason, 'tool_use');
        assert.deepEqual(uses(first).map(({ name: tool, input }) => [tool, input]), [['weather', { city: 'Łódź' }], ['clock', { zone: 'UTC' }]]);
        const history = [...messages, { role: 'assistant', content: first.content }, ...answersTo(first)];
        const second = await ask({ model, tools, messages: history });
        assert.equal(text(second), 'The tools answered: “sunny”, “12:00”.');
        const third = await ask({ model, tools, messages: [...history, { role: 'assistant', content: second.content }, ...user('[say Bye]')] });
        assert.equal(text(third), 'Bye');
      }
    });

    test(name('tool_choice: a named tool, any, none, one at a time'), async () => {
      const ask = async (choice, content = 'x') => uses(await create({ model, messages: user(content), tools, tool_choice: choice }));
      assert.equal((await ask({ type: 'tool', name: 'clock' }))[0].name, 'clock');
      assert.equal((await ask({ type: 'any' })).length, 1);
      assert.equal((await ask({ type: 'none' })).length, 0);
      assert.equal((await ask({ type: 'auto', disable_parallel_tool_use: true }, twoCalls)).length, 1);
    });

    test(name('images'), async () => {
      const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };
      const answer = await create({ model, messages: user([image, { type: 'text', text: 'What is it?' }]) });
      assert.match(text(answer), /^I see 1 image\(s\)\./);
    });

    test(name('structured output'), async () => {
      const answer = await create({ model, messages: user('[json]'), output_config: { format: { type: 'json_schema', schema: answerSchema } } });
      assert.deepEqual(JSON.parse(text(answer)), schemaAnswer);
    });

    test(name('thinking, and its signature in a tool loop'), async () => {
      const body = { model: reasoner, max_tokens: 16_000, thinking: { type: 'enabled', budget_tokens: 2048 }, tools };
      const messages = user(`[think Let me see.] ${twoCalls}`);
      const streamed = (request) => client().messages.stream(request).finalMessage();
      for (const ask of [create, streamed]) {
        const first = await ask({ ...body, messages });
        if (provider === 'anthropic') {
          assert.equal(first.content[0].type, 'thinking');
          assert.equal(first.content[0].thinking, 'Let me see.');
          assert.ok(first.content[0].signature);
        }
        assert.equal(uses(first).length, 2);
        const second = await ask({ ...body, messages: [...messages, { role: 'assistant', content: first.content }, ...answersTo(first)] });
        assert.equal(text(second), 'The tools answered: “sunny”, “12:00”.');
      }
    });

    const overloaded = provider === 'anthropic' ? 529 : 503;
    for (const [status, type] of [[400, 'invalid_request_error'], [401, 'authentication_error'], [404, 'not_found_error'], [429, 'rate_limit_error'], [500, 'api_error'], [overloaded, 'overloaded_error']]) {
      test(name(`error ${status}`), async () => {
        for (const stream of [false, true]) {
          const error = await failure(() => create({ model, messages: user(`[error ${status}]`), stream }));
          assert.ok(statusesFor(status).includes(error.status), `${error.status} ${error.message}`);
          assert.equal(error.error.type, 'error');
          assert.equal(typeof error.error.error.message, 'string');
          if (straight || [400, 404, 429].includes(status)) assert.equal(error.error.error.type, type);
          const kind = { 400: 'BadRequestError', 401: 'AuthenticationError', 404: 'NotFoundError', 429: 'RateLimitError' }[error.status] ?? 'InternalServerError';
          assert.ok(error instanceof Anthropic[kind], error.constructor.name);
          assert.ok(error.requestID);
          if (status === 429) assert.equal(error.headers.get('retry-after'), '1');
        }
      });
    }

    for (const directive of ['break', 'cut']) {
      test(name(`a stream's middle: ${directive}`), async () => {
        let seen = '';
        const error = await failure(async () => {
          const stream = await create({ model, messages: user(`[${directive}] [say one two three four]`), stream: true });
          for await (const event of stream) if (event.type === 'content_block_delta') seen += event.delta.text;
        });
        assert.ok(error instanceof Error);
        if (directive === 'break') assert.ok(error instanceof Anthropic.APIError, error.constructor.name);
        assert.match(seen, /^one two/);
      });
    }

    test(name('timeouts and aborts'), async () => {
      const late = await failure(() => client({ timeout: 200 }).messages.create({ model, max_tokens: 99, messages: user('[slow 3000]') }));
      assert.ok(late instanceof Anthropic.APIConnectionTimeoutError, late.constructor.name);
      const controller = new AbortController();
      const call = create({ model, messages: user('[slow 3000]') }, { signal: controller.signal });
      setTimeout(() => controller.abort(), 100);
      assert.ok(await failure(() => call) instanceof Anthropic.APIUserAbortError);
    });

    test(name('count_tokens'), async () => {
      const { input_tokens: count } = await client().messages.countTokens({ model, messages: user('How many?') });
      assert.ok(Number.isInteger(count) && count > 0);
    });
  }

  test(`anthropic ${version}: the door with its provider's name, and a key as bearer token`, async () => {
    const named = client({ baseURL: door('anthropic', '/anthropic'), apiKey: null, authToken: 'sk-client' });
    assert.equal(text(await named.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 99, messages: user('[say Hi]') })), 'Hi');
  });

  test(`anthropic ${version}: unknown models and wrong requests`, async () => {
    assert.ok(await failure(() => create({ model: 'claude-none', messages: user('x') })) instanceof Anthropic.NotFoundError);
    const model = 'claude-sonnet-4-5';
    assert.ok(await failure(() => create({ model, messages: [] })) instanceof Anthropic.BadRequestError);
    const missing = await failure(() => client().messages.create({ model, messages: user('x') }));
    assert.ok(missing instanceof Anthropic.BadRequestError);
    assert.match(missing.message, /max_tokens/);
  });

  test(`anthropic ${version}: models`, async () => {
    const all = await collect(client().models.list());
    assert.ok(all.some(({ id }) => id.startsWith('claude-sonnet-4-5')));
    assert.ok(all.every((model) => model.type === 'model' && typeof model.display_name === 'string' && model.created_at));
    assert.match((await client().models.retrieve('claude-sonnet-4-5')).id, /^claude-sonnet-4-5/);
    assert.ok(await failure(() => client().models.retrieve('claude-none')) instanceof Anthropic.NotFoundError);
  });
}
