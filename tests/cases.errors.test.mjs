// G2: whatever goes wrong at a provider, the caller gets a status and a body of its own dialect that say what to do.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { providersAt, startGateway } from './support/processes.mjs';
import { post } from './support/sent.mjs';
import { validError } from './support/validators.mjs';
import { accessLine, all, doors, exchange, names, question, world } from './support/world.mjs';

// A refusal as each provider writes it.
const openAiType = { 401: 'authentication_error', 403: 'permission_error', 429: 'requests', 500: 'server_error', 502: 'server_error', 503: 'service_unavailable_error', 529: 'server_error' };
const anthropicType = { 401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error', 408: 'timeout_error', 413: 'request_too_large', 429: 'rate_limit_error', 500: 'api_error', 502: 'api_error', 503: 'api_error', 529: 'overloaded_error' };
const mistralType = { 400: ['invalid_request_invalid_args', '3051'], 429: ['rate_limited', '1300'], 500: ['internal_server_error', '1000'], 503: ['service_tier_capacity_exceeded', '3505'] };
const refusal = {
  openai: (status, message) => ({ error: { message, type: openAiType[status] ?? 'invalid_request_error', param: null, code: status === 404 ? 'model_not_found' : null } }),
  anthropic: (status, message) => ({ type: 'error', error: { type: anthropicType[status] ?? 'invalid_request_error', message }, request_id: 'req_011provider' }),
  mistral(status, message) {
    if (status === 401) return { detail: message };
    if (status === 422) return { object: 'error', message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'x'], msg: message, input: 1 }] }, type: 'invalid_request_error', param: null, code: null };
    if (!(status in mistralType)) return { message };
    const [type, code] = mistralType[status];
    return { object: 'error', message, type, param: null, code, raw_status_code: status };
  },
};
const idField = { openai: 'x-request-id', anthropic: 'request-id', mistral: 'mistral-correlation-id' };

// What each status is, in our words, by provider where they differ; and each word's status at each door.
const codeOf = { 400: 'invalid_request', 401: 'provider_auth_failed', 403: 'provider_auth_failed', 404: 'model_not_found', 408: 'provider_timeout', 413: 'context_length_exceeded', 422: 'invalid_request', 429: 'rate_limited', 500: 'provider_error', 502: 'provider_error', 503: 'overloaded', 529: 'overloaded' };
const ownCode = { openai: { 413: 'invalid_request' }, mistral: { 413: 'invalid_request' }, anthropic: { 503: 'provider_error' } };
const common = { invalid_request: 400, context_length_exceeded: 400, provider_auth_failed: 502, model_not_found: 404, rate_limited: 429, overloaded: 503, provider_error: 502, provider_timeout: 504, provider_unreachable: 502 };
const statusAt = {
  openai: common, responses: common,
  anthropic: { ...common, overloaded: 529, provider_error: 500 },
  mistral: { ...common, model_not_found: 400 },
};
const retryable = new Set(['rate_limited', 'overloaded', 'provider_error', 'provider_timeout', 'provider_unreachable']);
const owns = (door, provider) => door === provider || (door === 'responses' && provider === 'openai');

const cells = Object.keys(doors).flatMap((door) => names.flatMap((provider) => [false, true].map((stream) => ({ door, provider, stream, name: `${door} door, ${provider}, ${stream ? 'stream' : 'whole'}` }))));
let asked = 0;

function checkBody(door, answer, code) {
  assert.match(answer.headers['content-type'], /^application\/json/);
  const seen = validError[door](JSON.parse(answer.text));
  assert.ok(seen.message.length > 10, seen.message);
  assert.doesNotMatch(seen.message, /\bNone\b|undefined|\[object|^\s*[{[<]/, 'words, not a nested body');
  if (code === 'provider_auth_failed') {
    assert.equal(seen.word, door === 'anthropic' ? 'api_error' : 'provider_auth_failed');
    assert.match(seen.message, /this gateway/);
  }
  assert.ok(!answer.text.includes('sk-test-'));
  return seen;
}

for (const status of Object.keys(codeOf).map(Number)) {
  test(`G2 a provider's ${status}`, async () => {
    await all(cells, async ({ door, provider, stream }) => {
      const id = `g2-${(asked += 1)}`;
      const message = `Something about ${provider} that went wrong`;
      const body = refusal[provider](status, message);
      const answer = await exchange(door, question(door, provider, { stream }), (_, out) => out.whole(body, { status, fields: { [idField[provider]]: 'id-of-the-provider' } }), { 'x-request-id': id });
      const code = ownCode[provider][status] ?? codeOf[status];
      const line = await accessLine(id);
      assert.equal(line.error_code, code);
      assert.equal(line.status, answer.status);
      assert.equal(answer.headers['x-request-id'], id);
      assert.ok(Object.entries(answer.headers).some(([name, value]) => name !== 'x-request-id' && value === 'id-of-the-provider'), 'the provider\'s id is kept');
      if (owns(door, provider) && code !== 'provider_auth_failed') {
        assert.deepEqual([answer.status, JSON.parse(answer.text)], [status, body], 'as it came');
        return;
      }
      // Anthropic has a status of its own for what is too large.
      assert.equal(answer.status, door === 'anthropic' && status === 413 && code === 'context_length_exceeded' ? 413 : statusAt[door][code], answer.text);
      assert.ok(checkBody(door, answer, code).message.includes(message), answer.text);
      assert.equal(answer.headers['x-should-retry'], String(retryable.has(code)));
    });
  });
}

const odd = {
  'HTML body': ['<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>', 'text/html'], 'empty body': ['', 'text/plain'],
  'text body': ['upstream connect error or disconnect/reset before headers', 'text/plain'], 'JSON of no shape': ['{"status":"bad","None":null}', 'application/json'], 'a bare string': ['"went wrong"', 'application/json'],
};

test('G2 a refusal with a body of HTML, text or nothing', async () => {
  await all(cells.flatMap((cell) => Object.entries(odd).flatMap(([what, [body, type]]) => [400, 502].map((status) => ({ ...cell, body, type, what, status, name: `${cell.name}: ${status} ${what}` })))), async ({ door, provider, stream, body, type, status, what }) => {
    const answer = await exchange(door, question(door, provider, { stream }), (_, out) => out.whole(body, { status, type }));
    if (owns(door, provider) && what === 'JSON of no shape') { assert.equal(answer.status, status); return; }
    assert.equal(answer.status, statusAt[door][codeOf[status]], answer.text);
    checkBody(door, answer, codeOf[status]);
    assert.ok(!answer.text.includes('<h1>'), answer.text);
  });
});

test('G2 a 200 that is no answer', async () => {
  const bodies = { 'HTML': ['<html>Welcome to nginx</html>', 'text/html'], 'empty': ['', 'application/json'], 'cut JSON': ['{"id":"x","choices":[', 'application/json'] };
  await all(cells.flatMap((cell) => Object.entries(bodies).map(([what, [body, type]]) => ({ ...cell, body, type, name: `${cell.name}: ${what}` }))), async ({ door, provider, stream, body, type }) => {
    const answer = await exchange(door, question(door, provider, { stream }), (_, out) => out.whole(body, { type }));
    assert.equal(answer.status, statusAt[door].provider_error, answer.text);
    checkBody(door, answer, 'provider_error');
  });
});

test('G2 a connection that is reset, or closed, before an answer', async () => {
  await all(cells.flatMap((cell) => [['reset', (_, out) => out.reset()], ['closed', (_, out) => out.fin()], ['closed in the head', async (_, out) => { await out.write('HTTP/1.1 200 OK\r\ncontent-ty'); out.fin(); }], ['closed in the body', async (_, out) => { await out.begin(200, { 'content-length': 1000 }); await out.write('{"id":'); out.fin(); }]].map(([what, act]) => ({ ...cell, what, act, name: `${cell.name}: ${what}` }))), async ({ door, provider, stream, act, what }) => {
    const answer = await exchange(door, question(door, provider, { stream }), act);
    const codes = what === 'closed in the body' && stream ? ['provider_error', 'provider_unreachable'] : ['provider_unreachable', 'provider_error'];
    assert.ok(codes.some((code) => answer.status === statusAt[door][code]), `${answer.status} ${answer.text}`);
    checkBody(door, answer);
  });
});

async function plainServer() {
  const server = net.createServer((socket) => { socket.on('error', () => {}); socket.resume(); socket.end('HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n'); });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, stop: () => new Promise((resolve) => server.close(resolve)) };
}

async function closedPort() {
  const server = await plainServer();
  await server.stop();
  return server.port;
}

async function throughGateway(options, code, pattern) {
  const gateway = await startGateway(options);
  try {
    await all(cells, async ({ door, provider, stream }) => {
      const answer = await post(gateway.url + doors[door].path, question(door, provider, { stream }));
      assert.equal(answer.status, statusAt[door][code], answer.text);
      assert.match(checkBody(door, answer, code).message, pattern);
      assert.equal(answer.headers['x-should-retry'], 'true');
    });
  } finally { await gateway.stop(); }
}

test('G2 nobody listens', async () => {
  await throughGateway({ environment: providersAt(`http://127.0.0.1:${await closedPort()}`) }, 'provider_unreachable', /refused|connect|reach/i);
});

test('G2 a name that does not exist', async () => {
  await throughGateway({ environment: providersAt('http://no-such-host.invalid') }, 'provider_unreachable', /no-such-host\.invalid|resolve|DNS|address|found/i);
});

test('G2 no TLS where TLS should be', async () => {
  const server = await plainServer();
  try {
    await throughGateway({ environment: providersAt(`https://127.0.0.1:${server.port}`) }, 'provider_unreachable', /TLS|secure|certificate/i);
  } finally { await server.stop(); }
});

test('G2 a provider that does not answer in time', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  writeFileSync(path.join(folder, 'short.yaml'), 'limits:\n  provider:\n    first_byte: 150ms\n    silence: 150ms\n');
  world.provider.answer = () => {};
  await throughGateway({ environment: providersAt(world.provider.url), args: ['--config', path.join(folder, 'short.yaml')] }, 'provider_timeout', /in time|time|answer|ms|second/i);
});

test('G2 an over-long prompt has one code, whoever says it', async () => {
  const said = {
    openai: [400, { error: { message: "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.", type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' } }],
    anthropic: [400, { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 3333404 tokens > 200000 maximum' }, request_id: 'req_1' }],
    mistral: [400, { object: 'error', message: 'Prompt contains 140000 tokens, too large for model with 131072 maximum context length', type: 'invalid_request_error', param: null, code: '3051' }],
  };
  for (const door of Object.keys(doors)) {
    for (const provider of names) {
      const id = `g2-${(asked += 1)}`;
      const [status, body] = said[provider];
      const answer = await exchange(door, question(door, provider), (_, out) => out.whole(body, { status }), { 'x-request-id': id });
      assert.equal(answer.status, 400, answer.text);
      assert.equal((await accessLine(id)).error_code, 'context_length_exceeded');
      if (!owns(door, provider) && door !== 'anthropic' && door !== 'mistral') assert.equal(JSON.parse(answer.text).error.code, 'context_length_exceeded');
    }
  }
});
