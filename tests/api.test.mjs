// The contract's sections 1 to 5 through the running gateway, against the simulated providers.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { postJson, providersAt, startGateway, startSimulator } from './support/processes.mjs';
import { foldNative } from './support/sse.mjs';

let simulator, gateway, chat;
before(async () => {
  simulator = await startSimulator();
  gateway = await startGateway({
    environment: {
      OPENAI_BASE_URL: `${simulator.url}/openai/v1/`, ANTHROPIC_BASE_URL: `${simulator.url}/anthropic`, MISTRAL_BASE_URL: `${simulator.url}/mistral/`,
    },
  });
  chat = `${gateway.url}/v1/chat`;
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
});

const hello = (provider, model, more = {}) => ({ provider, model, messages: [{ role: 'user', content: 'Hello' }], ...more });
const providers = [['openai', 'gpt-4o'], ['anthropic', 'claude-sonnet-4-6'], ['mistral', 'mistral-large']];

test('health', async () => {
  const get = async (path) => { const response = await fetch(gateway.url + path); return [response.status, await response.text()]; };
  assert.deepEqual(await get('/'), [200, '{"status":"ok","service":"AI Proxy"}']);
  assert.equal((await get('/livez'))[0], 200);
  assert.equal((await get('/readyz'))[0], 200);
});

for (const [provider, model] of providers) {
  test(`${provider}: a whole answer has the contract's members in order`, async () => {
    const { status, headers, text } = await postJson(chat, hello(provider, model), { 'x-request-id': 'mine-1' });
    assert.equal(status, 200, text);
    const answer = JSON.parse(text);
    assert.deepEqual(Object.keys(answer), ['provider', 'model', 'message', 'finish_reason', 'usage', 'cost', 'latency_ms']);
    assert.deepEqual(Object.keys(answer.cost), ['total_tokens', 'input_tokens', 'output_tokens', 'estimated_cost_usd', 'input_cost_usd', 'output_cost_usd']);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.match(answer.cost.estimated_cost_usd, /^\d+\.\d{6,}$/);
    assert.equal(headers.get('x-request-id'), 'mine-1');
    assert.equal(headers.get('x-ai-proxy-provider'), provider);
    assert.equal(headers.get('x-ai-proxy-attempts'), '1');
    assert.equal(headers.get('x-ai-proxy-cost-usd'), answer.cost.estimated_cost_usd);
    assert.equal(headers.get('x-cache'), 'DISABLED');
    assert.ok(Number(headers.get('x-ai-proxy-overhead-us')) >= 0);
    assert.ok(headers.get('x-ai-proxy-provider-request-id'));
  });

  test(`${provider}: stream and whole answer say the same and cost the same`, async () => {
    const whole = JSON.parse((await postJson(chat, hello(provider, model))).text);
    for (const [url, body] of [[`${chat}?stream=true`, hello(provider, model)], [chat, hello(provider, model, { stream: true })]]) {
      const { status, headers, text } = await postJson(url, body);
      assert.equal(status, 200, text);
      assert.match(headers.get('content-type'), /^text\/event-stream/);
      assert.match(headers.get('x-request-id'), /^req_/);
      const folded = foldNative(text);
      assert.deepEqual([folded.endings, folded.last.event], [1, 'done']);
      assert.deepEqual(Object.keys(folded.last.value), ['finish_reason', 'usage', 'cost', 'latency_ms']);
      assert.equal(folded.content, whole.message.content);
      assert.equal(folded.last.value.cost.estimated_cost_usd.length, whole.cost.estimated_cost_usd.length);
      assert.equal(folded.last.value.finish_reason, 'stop');
    }
  });

  test(`${provider}: a tool call, and its result sent back`, async () => {
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } }];
    const first = JSON.parse((await postJson(chat, hello(provider, model, { tools }))).text);
    assert.equal(first.finish_reason, 'tool_calls');
    const [call] = first.message.tool_calls;
    assert.deepEqual([call.type, call.function.name, JSON.parse(call.function.arguments)], ['function', 'weather', { city: 'sample' }]);
    const streamed = foldNative((await postJson(chat, hello(provider, model, { tools, stream: true }))).text);
    assert.deepEqual(streamed.tool_calls.map(({ name, arguments: text }) => [name, JSON.parse(text)]), [['weather', { city: 'sample' }]]);
    assert.equal(streamed.last.value.finish_reason, 'tool_calls');
    const second = await postJson(chat, {
      provider, model, tools,
      messages: [{ role: 'user', content: 'Hello' }, first.message, { role: 'tool', tool_call_id: call.id, content: 'sunny' }],
    });
    assert.equal(second.status, 200, second.text);
    assert.equal(JSON.parse(second.text).finish_reason, 'stop');
  });
}

test('provider/model in one member', async () => {
  const { status, text } = await postJson(chat, { model: 'anthropic/claude-sonnet-4-6', messages: [{ role: 'user', content: 'Hi' }] });
  assert.equal(status, 200, text);
  assert.equal(JSON.parse(text).provider, 'anthropic');
});

test('an unknown model is passed on, and its cost is null with the reason in warnings', async () => {
  const answer = JSON.parse((await postJson(chat, hello('openai', 'gpt-99-ultra'))).text);
  assert.deepEqual([answer.model, answer.cost.estimated_cost_usd, answer.cost.input_cost_usd], ['gpt-99-ultra', null, null]);
  assert.equal(Object.keys(answer).at(-1), 'warnings');
  assert.match(answer.warnings.join(), /gpt-99-ultra/);
});

test('what a provider has no place for is named in warnings', async () => {
  const answer = JSON.parse((await postJson(chat, hello('anthropic', 'claude-sonnet-4-6', { seed: 7, temprature: 1 }))).text);
  assert.match(answer.warnings.join('\n'), /seed/);
  assert.match(answer.warnings.join('\n'), /temprature.*temperature/);
});

test('malformed JSON names line and column; the connection goes on', async () => {
  const { status, text } = await postJson(chat, '{"provider": "openai",\n "model" "x"}');
  assert.equal(status, 400);
  const answer = JSON.parse(text);
  assert.equal(answer.error, 'Invalid request');
  assert.match(answer.details._errors[0], /line 2, column \d+/);
  assert.ok(answer.expectedSchema.example);
});

test('paths and methods that are not there', async () => {
  assert.equal((await fetch(gateway.url + '/nope')).status, 404);
  const response = await fetch(chat);
  assert.equal(response.status, 405);
  assert.equal(response.headers.get('allow'), 'POST');
  assert.match((await response.json()).error, /POST/);
});

test('a provider without a key answers 503 and names its variable', async () => {
  const bare = await startGateway({ environment: { MISTRAL_API_KEY: '' } });
  const { status, text } = await postJson(`${bare.url}/v1/chat`, hello('mistral', 'mistral-small'));
  assert.equal(status, 503);
  const answer = JSON.parse(text);
  assert.equal(answer.details.code, 'provider_not_configured');
  assert.match(answer.error, /MISTRAL_API_KEY/);
  await bare.stop();
});

test('a retry-after date becomes seconds, and a long wait is told in full', async () => {
  const provider = http.createServer((request, response) => {
    const date = new Date(Date.now() + 300_000).toUTCString();
    response.writeHead(429, { 'content-type': 'application/json', 'retry-after': date }).end('{"error":{"message":"slow down"}}');
  });
  await new Promise((resolve) => { provider.listen(0, '127.0.0.1', resolve); });
  const own = await startGateway({ environment: { OPENAI_BASE_URL: `http://127.0.0.1:${provider.address().port}` } });
  const answer = await postJson(`${own.url}/v1/chat`, hello('openai', 'gpt-4o'));
  assert.equal(answer.status, 429);
  const wait = Number(answer.headers.get('retry-after'));
  assert.ok(wait > 290 && wait <= 301, `${wait}`);
  assert.ok(JSON.parse(answer.text).details.retry_after_ms > 290_000);
  await own.stop();
  provider.close();
});

test('a provider that cannot be reached is 502 with all eight details', async () => {
  const away = await startGateway({ environment: providersAt('http://127.0.0.1:9') });
  const { status, text } = await postJson(`${away.url}/v1/chat`, hello('openai', 'gpt-4o'));
  assert.equal(status, 502);
  assert.deepEqual(Object.keys(JSON.parse(text).details), ['code', 'provider', 'model', 'status', 'retryable', 'retry_after_ms', 'provider_request_id', 'attempts']);
  assert.equal(JSON.parse(text).details.code, 'provider_unreachable');
  await away.stop();
});

// A raw exchange: bytes in, everything that came back out.
function raw(bytes, { end = false } = {}) {
  const { port } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.write(bytes); if (end) socket.end(); });
    let text = '';
    socket.on('data', (data) => { text += data; });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

test('over-limit requests answer with their status, a JSON error, and close', async () => {
  const cases = [
    ['POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n', 413],
    [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: x\r\nx-big: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 120 }, (_, i) => `x-${i}: 1\r\n`).join('')}\r\n`, 431],
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
    ['POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ];
  for (const [bytes, status] of cases) {
    const text = await raw(bytes);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), `${bytes.slice(0, 60)} gave ${text.slice(0, 60)}`);
    assert.match(text, /\r\nconnection: close\r\n/i);
    assert.match(text, /\r\nx-cache: DISABLED\r\n/);
    const { error, details } = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
    assert.ok(error);
    const id = text.match(/\r\nx-request-id: (\S+)/)[1];
    await gateway.saw(new RegExp(id));
    const line = gateway.accessLines().find((entry) => entry.request_id === id);
    assert.equal(line.status, status);
    assert.equal(line.error_code, details.code);
  }
});

test('a request that is none is refused in the words of its door', async () => {
  for (const [path, inside] of [['/v1/messages', (body) => body.type === 'error' && body.error.type], ['/v1/chat/completions', (body) => body.error.message && body.error.type]]) {
    const text = await raw(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n`);
    assert.match(text, /^HTTP\/1\.1 413 /);
    assert.equal(inside(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))), 'invalid_request_error');
  }
});

test('pipelined requests, chunked bodies and Expect: 100-continue', async () => {
  const body = JSON.stringify(hello('openai', 'gpt-4o'));
  const one = `POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const chunked = `POST /v1/chat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const text = await raw(one + one + chunked);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g).length, 3);
});

test('the access log has one JSON line per request with cost and time', async () => {
  await postJson(chat, hello('mistral', 'mistral-large'), { 'x-request-id': 'find-me' });
  await gateway.saw(/find-me.*\n/);
  const line = gateway.accessLines().find((entry) => entry.request_id === 'find-me');
  assert.equal(line.status, 200);
  assert.equal(line.provider, 'mistral');
  assert.ok(line.input_tokens > 0 && line.output_tokens > 0);
  assert.match(line.cost_usd, /^\d+\.\d+$/);
});
