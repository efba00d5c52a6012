// OpenAI-compatible providers by configuration: which path is called, how the key is sent, what of the body is
// changed for the provider's quirks; and on_unsupported.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { postJson, Program, binary, gatewayEnvironment, startGateway } from './support/processes.mjs';
import { foldNative, parseEvents } from './support/sse.mjs';

const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
const whole = {
  id: 'chatcmpl-1', object: 'chat.completion', created: 1_790_000_000, model: 'llama-3.3-70b', x_groq: { id: 'req_1' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }], usage,
};
const chunk = (choices, more = {}) => `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'llama-3.3-70b', choices, ...more })}\n\n`;

// Answers as such providers do, and keeps what it was asked.
const seen = [];
function answer(request, response, text) {
  const body = JSON.parse(text);
  seen.push({ path: request.url, headers: request.headers, text, body });
  if (body.model === 'refused') {
    // Gemini wraps its errors into a list.
    response.writeHead(400, { 'content-type': 'application/json' }).end('[{"error":{"code":400,"message":"no such thing","status":"INVALID_ARGUMENT"}}]');
  } else if (request.url.endsWith('/embeddings')) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"object":"list","model":"e","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":2,"total_tokens":2}}');
  } else if (body.stream) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': PROCESSING\n\n');
    response.write(chunk([{ index: 0, delta: { role: 'assistant', content: 'Hello ' }, finish_reason: null }]));
    response.write(chunk([{ index: 0, delta: { content: 'there' }, finish_reason: null }]));
    response.write(chunk([{ index: 0, delta: {}, finish_reason: 'stop' }]));
    response.end(chunk([], { usage }) + 'data: [DONE]\n\n');
  } else {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(whole));
  }
}

let provider, base, gateway, chat, completions;
before(async () => {
  provider = http.createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => answer(request, response, Buffer.concat(pieces).toString('utf8')));
  });
  await new Promise((resolve) => { provider.listen(0, '127.0.0.1', resolve); });
  base = `http://127.0.0.1:${provider.address().port}`;
  gateway = await startGateway({
    environment: {
      GROQ_API_KEY: 'gsk-1', GROQ_BASE_URL: `${base}/openai/v1`,
      DEEPSEEK_API_KEY: 'ds-1', DEEPSEEK_BASE_URL: base,
      PERPLEXITY_API_KEY: 'pplx-1', PERPLEXITY_BASE_URL: base,
      AZURE_OPENAI_API_KEY: 'az-1', AZURE_BASE_URL: `${base}/openai/v1/`,
      GEMINI_API_KEY: 'AIza-1', GEMINI_BASE_URL: `${base}/v1beta/openai/`,
      OLLAMA_BASE_URL: base, VLLM_BASE_URL: base,
    },
  });
  chat = `${gateway.url}/v1/chat`;
  completions = `${gateway.url}/v1/chat/completions`;
});
after(async () => {
  await gateway.stop();
  provider.close();
});

const hello = (more) => ({ messages: [{ role: 'user', content: 'Hello' }], ...more });

// What the provider was asked by this one call.
async function asked(url, body) {
  seen.length = 0;
  const reply = await postJson(url, body);
  assert.equal(seen.length, 1, reply.text);
  return { ...seen[0], reply };
}

const rows = [
  ['groq', '/openai/v1/chat/completions', ['authorization', 'Bearer gsk-1']],
  ['deepseek', '/v1/chat/completions', ['authorization', 'Bearer ds-1']],
  ['perplexity', '/chat/completions', ['authorization', 'Bearer pplx-1']],
  ['azure', '/openai/v1/chat/completions', ['api-key', 'az-1']],
  ['gemini', '/v1beta/openai/chat/completions', ['authorization', 'Bearer AIza-1']],
  ['ollama', '/v1/chat/completions', null],
];
for (const [name, url, key] of rows) {
  test(`${name}: its path, its key and no other, whole and streamed`, async () => {
    for (const stream of [false, true]) {
      const { path: called, headers, reply } = await asked(chat, hello({ provider: name, model: 'llama-3.3-70b', stream }));
      assert.equal(called, url);
      const keys = ['authorization', 'api-key', 'x-api-key'].filter((field) => headers[field] !== undefined);
      assert.deepEqual(keys.map((field) => [field, headers[field]]), key ? [key] : []);
      assert.equal(reply.status, 200, reply.text);
      if (stream) {
        const folded = foldNative(reply.text);
        assert.deepEqual([folded.content, folded.endings, folded.last.event], ['Hello there', 1, 'done']);
        assert.deepEqual(folded.last.value.usage, usage);
      } else {
        const value = JSON.parse(reply.text);
        assert.deepEqual([value.provider, value.model, value.message.content], [name, 'llama-3.3-70b', 'Hello there']);
        assert.deepEqual([value.usage, value.cost.estimated_cost_usd], [usage, null]);
        assert.match(value.warnings.join('\n'), /llama-3\.3-70b/);
      }
    }
  });
}

test('models are named provider/name, slashes in the rest of the name and all', async () => {
  const native = await asked(chat, hello({ model: 'groq/meta-llama/llama-4-scout' }));
  assert.equal(native.body.model, 'meta-llama/llama-4-scout');
  const door = await asked(completions, hello({ model: 'groq/llama-3.3-70b' }));
  assert.equal(door.body.model, 'llama-3.3-70b');
});

test('the ceiling has the name that the provider knows', async () => {
  const names = async (name) => Object.keys((await asked(chat, hello({ provider: name, model: 'm', max_tokens: 7 }))).body).filter((member) => member.startsWith('max_'));
  assert.deepEqual(await names('groq'), ['max_completion_tokens']);
  assert.deepEqual(await names('azure'), ['max_completion_tokens']);
  assert.deepEqual(await names('deepseek'), ['max_tokens']);
  assert.deepEqual(await names('ollama'), ['max_tokens']);
});

test('usage of a stream is asked for where that is known', async () => {
  assert.deepEqual((await asked(chat, hello({ provider: 'groq', model: 'm', stream: true }))).body.stream_options, { include_usage: true });
  for (const url of [chat, completions]) {
    const { body, reply } = await asked(url, hello({ model: 'perplexity/sonar', stream: true }));
    assert.equal(body.stream_options, undefined);
    assert.match(reply.text, /Hello /);
  }
});

test('what a provider would refuse is adapted, and said', async () => {
  const schema = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object', properties: { a: { type: 'string' } } } } };
  const deepseek = await asked(chat, hello({ model: 'deepseek/deepseek-chat', response_format: schema }));
  assert.deepEqual(deepseek.body.response_format, { type: 'json_object' });
  assert.match(deepseek.body.messages[0].content, /JSON schema/);
  assert.match(JSON.parse(deepseek.reply.text).warnings.join('\n'), /^response_format: /m);
});

test('top_k goes to those that run open models; elsewhere a warning names the provider, not OpenAI', async () => {
  const messages = `${gateway.url}/v1/messages`;
  for (const url of [chat, messages]) {
    const vllm = await asked(url, hello({ model: 'vllm/qwen', top_k: 5, max_tokens: 9 }));
    assert.equal(vllm.body.top_k, 5);
    assert.doesNotMatch((vllm.reply.headers.get('x-ai-proxy-warnings') ?? '') + vllm.reply.text, /top_k/);
    const groq = await asked(url, hello({ model: 'groq/m', top_k: 5, max_tokens: 9 }));
    assert.equal(groq.body.top_k, undefined);
    assert.match(groq.reply.headers.get('x-ai-proxy-warnings') ?? groq.reply.text, /top_k: groq has no such parameter; it was left out\./);
    assert.doesNotMatch(groq.reply.text, /OpenAI/);
  }
  const ollama = await asked(chat, hello({ model: 'ollama/m', top_k: 5 }));
  assert.equal(ollama.body.top_k, undefined);
  assert.match(JSON.parse(ollama.reply.text).warnings.join('\n'), /^top_k: ollama /m);
});

test("OpenAI's own door: a body passes through byte for byte, unless a quirk stands against it", async () => {
  const plain = '{ "model":"deepseek/deepseek-chat", "messages":[{"role":"user","content":"Hi"}],\n "max_tokens":5, "thinking":{"type":"enabled"} }';
  const through = await asked(completions, plain);
  assert.equal(through.text, plain.replace('deepseek/deepseek-chat', 'deepseek-chat'));
  assert.deepEqual(JSON.parse(through.reply.text), whole);

  const modern = await asked(completions, hello({ model: 'deepseek/deepseek-chat', max_completion_tokens: 5, messages: [{ role: 'developer', content: 'Be brief' }, { role: 'user', content: 'Hi' }] }));
  assert.deepEqual([modern.body.max_tokens, modern.body.max_completion_tokens], [5, undefined]);
  assert.deepEqual(modern.body.messages.map((message) => message.role), ['system', 'user']);
  const answered = JSON.parse(modern.reply.text);
  assert.deepEqual([answered.object, answered.choices[0].message.content, answered.usage.total_tokens], ['chat.completion', 'Hello there', 12]);

  const streamed = await asked(completions, hello({ model: 'ollama/llama3', max_completion_tokens: 5, stream: true }));
  assert.equal(streamed.body.max_tokens, 5);
  const events = parseEvents(streamed.reply.text);
  assert.equal(events.at(-1).data, '[DONE]');
  assert.equal(events.slice(0, -1).map(({ data }) => JSON.parse(data).choices[0]?.delta.content ?? '').join(''), 'Hello there');
});

test('embeddings have the provider\'s path too', async () => {
  const { path: called, body, reply } = await asked(`${gateway.url}/v1/embeddings`, { model: 'gemini/gemini-embedding-001', input: 'x' });
  assert.deepEqual([called, body.model, reply.status], ['/v1beta/openai/embeddings', 'gemini-embedding-001', 200]);
});

test('an error that comes as a list is understood', async () => {
  const { reply } = await asked(chat, hello({ model: 'gemini/refused' }));
  assert.equal(reply.status, 400);
  const value = JSON.parse(reply.text);
  assert.deepEqual([value.details.code, value.details.provider], ['invalid_request', 'gemini']);
  assert.match(value.error, /no such thing/);
});

test('a row without its key is 503 and names the variable', async () => {
  const own = await startGateway({ environment: { GROQ_BASE_URL: base } });
  const { status, text } = await postJson(`${own.url}/v1/chat`, hello({ model: 'groq/m' }));
  assert.equal(status, 503);
  assert.match(text, /GROQ_API_KEY/);
  await own.stop();
});

test('one that is known and not configured is 503 too, by whichever name it is asked for', async () => {
  const own = await startGateway();
  const variables = { groq: /GROQ_API_KEY/, ollama: /OLLAMA_BASE_URL/, azure: /AZURE_OPENAI_API_KEY and AZURE_BASE_URL/ };
  for (const [name, variable] of Object.entries(variables)) {
    const requests = [
      ['/v1/chat', hello({ provider: name, model: 'm' })], ['/v1/chat', hello({ model: `${name}/m` })], ['/v1/chat/completions', hello({ model: `${name}/m` })],
      ['/v1/messages', hello({ model: `${name}/m`, max_tokens: 9 })], ['/v1/responses', { model: `${name}/m`, input: 'Hello' }], ['/mistral/v1/chat/completions', hello({ model: `${name}/m` })],
    ];
    for (const [url, body] of requests) {
      const { status, text } = await postJson(own.url + url, body);
      assert.equal(status, 503, text);
      assert.match(text, variable);
    }
    assert.equal(JSON.parse((await postJson(own.url + '/v1/chat', requests[0][1])).text).details.code, 'provider_not_configured');
  }
  const unknown = await postJson(`${own.url}/v1/chat`, hello({ provider: 'grog', model: 'm' }));
  assert.equal(unknown.status, 400);
  await own.stop();
});

// A gateway with this configuration file.
function configured(yaml, environment = {}) {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'ai-proxy-')), 'config.yaml');
  writeFileSync(file, yaml);
  return startGateway({ environment: { AI_PROXY_CONFIG: file, ...environment } });
}

test('the file changes a row, and adds a provider with quirks of its own', async () => {
  const own = await configured(`providers:
  lmstudio: {base_url: "${base}/studio", quirks: {max_completion_tokens: yes}, headers: {x-team: blue}}
  glm: {base_url: "${base}/api/paas/v4", version_path: /v4, api_key: glm-1, quirks: {max_completion_tokens: no}}
`);
  const studio = await asked(`${own.url}/v1/chat`, hello({ model: 'lmstudio/m', max_tokens: 3 }));
  assert.deepEqual([studio.path, studio.headers['x-team'], studio.body.max_completion_tokens], ['/studio/v1/chat/completions', 'blue', 3]);
  const glm = await asked(`${own.url}/v1/chat`, hello({ model: 'glm/glm-4', max_tokens: 3 }));
  assert.deepEqual([glm.path, glm.headers.authorization, glm.body.max_tokens], ['/api/paas/v4/chat/completions', 'Bearer glm-1', 3]);
  await own.stop();
});

test('the list of models has the names that the configuration gives to a compatible provider\'s', async () => {
  const own = await configured('aliases:\n  quick: groq/llama-3.1-8b-instant\n  far: deepseek/deepseek-chat\n', { GROQ_API_KEY: 'g', GROQ_BASE_URL: base, DEEPSEEK_BASE_URL: base });
  for (const prefix of ['', '/mistral']) {
    const list = (await (await fetch(`${own.url}${prefix}/v1/models`)).json()).data;
    assert.deepEqual(list.filter((model) => model.owned_by === 'groq').map((model) => model.id), ['quick']);
    assert.ok(!list.some((model) => model.id === 'far'), 'its provider has no key');
  }
  assert.equal((await asked(`${own.url}/v1/chat`, hello({ model: 'quick' }))).body.model, 'llama-3.1-8b-instant');
  await own.stop();
});

test('on_unsupported: reject refuses with 400 and the name of the member, and asks no provider', async () => {
  const own = await configured('on_unsupported: reject\n', { GROQ_API_KEY: 'g', GROQ_BASE_URL: base, ANTHROPIC_BASE_URL: base });
  seen.length = 0;
  for (const [body, member] of [
    [hello({ model: 'anthropic/claude-sonnet-4-6', seed: 7 }), 'seed'],
    [hello({ model: 'groq/m', top_k: 5 }), 'top_k'],
  ]) {
    const { status, text } = await postJson(`${own.url}/v1/chat`, body);
    assert.equal(status, 400, text);
    const value = JSON.parse(text);
    assert.equal(value.details.code, 'invalid_request');
    assert.match(value.error, new RegExp(`\\b${member}\\b`));
  }
  assert.equal(seen.length, 0);
  assert.equal((await asked(`${own.url}/v1/chat`, hello({ model: 'groq/m', temperature: 0.5 }))).reply.status, 200);
  await own.stop();
});

test('check names what is wrong with on_unsupported and with quirks, by line and field', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  writeFileSync(path.join(folder, 'config.yaml'), 'on_unsupported: rejct\nproviders:\n  groq:\n    quirks: {json_schema: maybe}\n');
  const check = new Program(binary, ['check', '--config', 'config.yaml'], { env: gatewayEnvironment(), cwd: folder });
  assert.equal((await check.exited).code, 2);
  assert.match(check.errors + check.output, /config\.yaml:1:1: on_unsupported: must be one of warn, reject/);
  assert.match(check.errors + check.output, /config\.yaml:4:14: providers\.groq\.quirks\.json_schema: must be true or false/);
});
