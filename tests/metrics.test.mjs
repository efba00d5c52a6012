// The admin listener: what it counts, that every count is exact, and that it says nothing it should not. Each provider here
// is a socket that does exactly what the test says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { streamed } from './support/chat.mjs';
import { Scrape, picoOf } from './support/exposition.mjs';
import { Program, binary, gatewayEnvironment, slow, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { parseEvents } from './support/sse.mjs';
import { wire } from './support/turns.mjs';

const config = (more = '') => `
providers:
  one: {base_url: "${world.one.url}", api_key: sk-canary-one, catalog: openai}
  two: {base_url: "${world.two.url}", api_key: sk-canary-two, catalog: openai}
  three: {base_url: "${world.three.url}", api_key: sk-canary-three, dialect: anthropic, catalog: anthropic}
  plain: {base_url: "${world.one.url}", auth: none}
aliases:
  ordered: {targets: [two/gpt-4o, three/claude-haiku-4-5]}
  hedged: {targets: [two/gpt-4o, three/claude-haiku-4-5], hedge: {after: 50ms, cost_max: 1}}
  own: plain/my-own-model
routing: {retries: 2, backoff: 10ms}
${more}`;

const world = {};
const names = ['one', 'two', 'three'];
const running = [];
before(async () => { for (const name of names) world[name] = await ScriptedProvider.start(); });
after(async () => {
  for (const gateway of running) await gateway.stop();
  for (const name of names) await world[name].stop();
});
beforeEach(() => { for (const name of names) { world[name].requests.length = 0; world[name].answer = say(name); } });

const greeting = { text: ['Hello', ' there'], reason: 'stop', usage: { input: 1234, output: 567, cached: 100 } };
const dialect = (name) => wire[name === 'three' ? 'anthropic' : 'openai'];
const say = (name, turn = greeting) => (request, out) => (JSON.parse(request.body).stream ? out.stream(dialect(name).stream(turn).join('')) : out.whole(dialect(name).whole(turn)));
const refuse = (status) => (_, out) => out.whole({ error: { message: 'No.', type: 'server_error', code: null, param: null } }, { status });
const inTurn = (...answers) => { let count = 0; return (request, out) => answers[Math.min(count++, answers.length - 1)](request, out); };

async function until(condition, what, limit = 15_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// Any request: {status, headers, text}.
function get(url, { method = 'GET', agent = false, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, agent }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(pieces).toString('utf8') }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function start({ environment = {}, yaml = config() } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-metrics-'));
  const file = path.join(folder, 'gateway.yaml');
  writeFileSync(file, yaml);
  const gateway = await startGateway({ folder, environment: { AI_PROXY_CONFIG: file, AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0', AI_PROXY_RETRIES: '', AI_PROXY_PAUSE_WHEN_LIMITED: '', ...environment } });
  running.push(gateway);
  [, gateway.admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
  gateway.file = file;
  gateway.scrape = async () => {
    const { status, headers, text } = await get(`${gateway.admin}/metrics`);
    assert.equal(status, 200, text);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    return new Scrape(text);
  };
  // A request is counted when it is over, which is a moment after its answer.
  gateway.counted = (requests) => until(async () => {
    const scrape = await gateway.scrape();
    const seen = scrape.sum('ai_proxy_requests_total');
    assert.ok(seen <= requests, `${seen} requests instead of ${requests}`);
    return seen === requests ? scrape : undefined;
  }, `${requests} requests are counted`);
  gateway.ask = (model, more = {}) => post(`${gateway.url}/v1/chat`, { model, messages: [{ role: 'user', content: 'PROMPT-CANARY' }], ...more });
  return gateway;
}

// What the caller was told a stream had cost.
const costOfStream = ({ text }) => JSON.parse(parseEvents(text).at(-1).data).cost.estimated_cost_usd;

test('every request of a mix is counted once, and where it belongs', async () => {
  const gateway = await start({ environment: { AI_PROXY_CACHE_MEMORY: '4MiB' } });
  const costs = { 'one gpt-4o': [], 'two gpt-4o': [], 'three claude-haiku-4-5': [] };
  const whole = async (model, more, key = 'one gpt-4o') => {
    const answer = await gateway.ask(model, more);
    assert.equal(answer.status, 200, answer.text);
    costs[key].push(answer.headers['x-ai-proxy-cost-usd']);
    return answer;
  };
  for (const seed of [1, 2, 3]) await whole('one/gpt-4o', { seed });
  await whole('one/gpt-4o-2024-08-06', { seed: 4 });
  for (const _ of [1, 2]) costs['one gpt-4o'].push(costOfStream(await gateway.ask('one/gpt-4o', { stream: true })));
  // Answered by the cache: nothing is spent, and what was saved is known.
  const hit = await gateway.ask('one/gpt-4o', { seed: 1 });
  assert.equal(hit.headers['x-cache'], 'HIT');
  // A failure, a second attempt, another provider.
  world.one.answer = refuse(400);
  assert.equal((await gateway.ask('one/gpt-4o', { seed: 5 })).status, 400);
  world.two.answer = inTurn(refuse(500), say('two'));
  await whole('two/gpt-4o', { seed: 7 }, 'two gpt-4o');
  world.two.answer = refuse(500);
  await whole('ordered', { seed: 8 }, 'three claude-haiku-4-5');
  // The first is slow, the second wins.
  world.two.answer = () => new Promise(() => {});
  await whole('hedged', { seed: 6 }, 'three claude-haiku-4-5');
  // A caller that leaves.
  world.one.answer = async (_, out) => { await out.beginStream(); await out.piece(wire.openai.begin(greeting) + wire.openai.texts(greeting).join('')); };
  await new Promise((resolve, reject) => {
    const request = http.request(`${gateway.url}/v1/chat`, { method: 'POST', agent: false }, (response) => response.once('data', () => { request.destroy(); resolve(); }));
    request.on('error', reject);
    request.end(JSON.stringify({ model: 'one/gpt-4o', stream: true, messages: [{ role: 'user', content: 'PROMPT-CANARY' }] }));
  });
  // What comes to nobody.
  assert.equal((await post(`${gateway.url}/v1/chat`, '{"model":')).status, 400);
  assert.equal((await post(`${gateway.url}/v1/chat/completions`, { model: 'nobody-knows-this', messages: [{ role: 'user', content: 'PROMPT-CANARY' }] })).status, 404);
  assert.equal((await post(`${gateway.url}/v1/nothing`, '{}')).status, 404);
  // No price, a name of the configuration's, one of the caller's.
  world.one.answer = say('one', { ...greeting, usage: { input: 10, output: 1 } });
  assert.equal((await gateway.ask('own')).status, 200);
  assert.equal((await gateway.ask('plain/a-callers-word')).status, 200);

  const scrape = await gateway.counted(16);
  const one = { provider: 'one', model: 'gpt-4o' }, two = { provider: 'two', model: 'gpt-4o' }, three = { provider: 'three', model: 'claude-haiku-4-5' };
  const none = { provider: 'none', model: 'none' }, own = { provider: 'plain', model: 'my-own-model' }, other = { provider: 'plain', model: 'other' };
  const requests = (labels) => scrape.sum('ai_proxy_requests_total', labels);
  assert.deepEqual([one, two, three, none, own, other].map(requests), [9, 1, 2, 2, 1, 1]);
  assert.equal(requests({ ...one, operation: 'chat', stream: 'true' }), 3);
  assert.equal(requests({ ...one, operation: 'chat', stream: 'false' }), 6);

  const errors = (labels) => scrape.sum('ai_proxy_errors_total', labels);
  assert.equal(errors(), 4);
  assert.equal(errors({ ...one, error: 'invalid_request' }), 1);
  assert.equal(errors({ ...one, error: 'cancelled' }), 1);
  assert.equal(errors({ ...none, error: 'invalid_request' }), 1);
  assert.equal(errors({ ...none, error: 'model_not_found' }), 1);

  const attempts = (labels) => scrape.sum('ai_proxy_attempts_total', labels);
  assert.deepEqual([attempts({ ...one, kind: 'first' }), attempts(one)], [8, 8], 'all but the hit');
  assert.deepEqual(['first', 'retry', 'fallback', 'hedge'].map((kind) => attempts({ ...two, kind })), [3, 1, 0, 0]);
  assert.deepEqual(['first', 'retry', 'fallback', 'hedge'].map((kind) => attempts({ ...three, kind })), [0, 0, 1, 1]);
  assert.equal(scrape.sum('ai_proxy_hedges_won_total', three), 1);
  assert.equal(scrape.sum('ai_proxy_hedges_won_total'), 1);
  const calls = names.reduce((total, name) => total + world[name].requests.length, 0);
  assert.equal(attempts(), calls, 'as many as the providers saw');
  const failed = (labels) => scrape.sum('ai_proxy_attempt_errors_total', labels);
  assert.deepEqual([failed({ ...two, error: 'provider_error' }), failed({ ...two, error: 'cancelled' })], [2, 1]);
  assert.deepEqual([failed({ ...one, error: 'invalid_request' }), failed({ ...one, error: 'cancelled' })], [1, 1]);
  assert.equal(failed(), 5);

  const cache = (labels) => scrape.sum('ai_proxy_cache_requests_total', labels);
  assert.deepEqual([cache({ outcome: 'hit' }), cache({ ...one, outcome: 'hit' })], [1, 1]);
  assert.deepEqual([cache({ ...one, outcome: 'miss' }), cache({ ...one, outcome: 'bypass' }), cache()], [5, 3, 16]);

  // To the last pico-dollar what the callers were told.
  for (const [key, told] of Object.entries(costs)) {
    const [provider, model] = key.split(' ');
    assert.equal(scrape.pico('ai_proxy_cost_usd_total', { provider, model }), told.reduce((sum, cost) => sum + picoOf(cost), 0n), key);
  }
  assert.equal(scrape.pico('ai_proxy_saved_usd_total'), picoOf(costs['one gpt-4o'][0]));
  assert.deepEqual([own, other, one].map((labels) => scrape.sum('ai_proxy_cost_unknown_total', labels)), [1, 1, 0]);

  // Six answers of one, and what a hit did not use is not counted.
  const tokens = (token, labels) => scrape.sum('gen_ai_client_token_usage_sum', { token, ...labels });
  assert.deepEqual([tokens('input', one), tokens('output', one)], [6 * 1334, 6 * 567]);
  assert.equal(scrape.sum('gen_ai_client_token_usage_count', { ...one, token: 'input' }), 6);
  assert.equal(scrape.sum('ai_proxy_token_details_total', { ...one, token: 'cache_read' }), 600);
  assert.equal(tokens('output', three), 2 * 567);

  const count = (name, labels) => scrape.sum(`${name}_count`, labels);
  assert.equal(count('gen_ai_server_request_duration_seconds', { ...one, operation: 'chat' }), 9);
  assert.equal(count('gen_ai_server_time_to_first_token_seconds', one), 3);
  assert.deepEqual([count('ai_proxy_overhead_seconds', one), count('ai_proxy_overhead_seconds')], [9, 16]);
  const answered = (status) => scrape.sum('ai_proxy_responses_total', { status });
  assert.deepEqual([answered('200'), answered('400'), answered('404'), answered('499')], [12, 2, 2, 1]);
  assert.equal(scrape.sum('ai_proxy_streams_open'), 0);
  assert.equal(scrape.sum('ai_proxy_requests_running'), 0);
  assert.equal(scrape.sum('ai_proxy_threads'), 2);
  assert.ok(scrape.sum('ai_proxy_cache_memory_entries') >= 5);
  assert.ok(scrape.sum('ai_proxy_cache_memory_bytes') > 1000);
  assert.equal(scrape.all('ai_proxy_redis_threads').length, 0, 'there is no Redis');
  assert.ok(scrape.sum('process_resident_memory_bytes') > 1_000_000);
  assert.ok(Math.abs(scrape.sum('process_start_time_seconds') - Date.now() / 1000) < 600);
  assert.ok(scrape.sum('process_open_fds') > 5);
  assert.match(scrape.all('ai_proxy_build_info')[0].labels.get('version'), /^\d+\.\d+\.\d+$/);

  assert.doesNotMatch(scrape.text, /canary|PROMPT|callers-word|nobody-knows/i);
});

test('the first token of a stream may be one that is thought, or of a call', async () => {
  const gateway = await start();
  world.three.answer = say('three', { thinking: [{ text: 'Hm.', signature: 'sig' }], calls: [{ id: 'toolu_1', name: 'look', pieces: ['{}'] }], reason: 'tool_calls' });
  assert.equal((await gateway.ask('three/claude-haiku-4-5', { stream: true })).status, 200);
  // Nothing at all is no token.
  world.one.answer = say('one', { text: [], reason: 'stop' });
  assert.equal((await gateway.ask('one/gpt-4o', { stream: true })).status, 200);
  const scrape = await gateway.counted(2);
  const firsts = scrape.all('gen_ai_server_time_to_first_token_seconds_count').map(({ labels, number }) => [labels.get('gen_ai_provider_name'), labels.get('gen_ai_operation_name'), number]);
  assert.deepEqual(firsts, [['three', 'chat', '1']]);
});

test('a stream that is made of a kept answer has a first token too', async () => {
  const gateway = await start({ yaml: config('cache: {memory: 4MiB, streams: fast}') });
  assert.equal((await gateway.ask('one/gpt-4o')).headers['x-cache'], 'MISS');
  const hit = await gateway.ask('one/gpt-4o', { stream: true });
  assert.deepEqual([hit.status, hit.headers['x-cache']], [200, 'HIT']);
  const scrape = await gateway.counted(2);
  assert.equal(scrape.sum('gen_ai_server_time_to_first_token_seconds_count', { provider: 'one' }), 1);
});

test('a stream that is broken off here, for its caller reads too slowly, is no failure of its provider', async () => {
  const gateway = await start({ environment: { AI_PROXY_CACHE_MEMORY: '4MiB' } });
  let begun, go, seen = 0;
  const beginning = new Promise((resolve) => { begun = resolve; });
  const going = new Promise((resolve) => { go = resolve; });
  world.one.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(streamed({ content: 'begun' }));
    begun();
    await going;
    for (let i = 0; i < 1500; i += 1) {
      await out.piece(streamed({ content: 'x'.repeat(16_000) }));
      while (seen < i * 16_000 && !out.socket.destroyed) await new Promise(setImmediate);  // the follower keeps pace
    }
    await out.piece(`${streamed({}, 'stop')}data: [DONE]\n\n`);
    await out.endStream();
  };
  const body = JSON.stringify({ model: 'one/gpt-4o', stream: true, messages: [{ role: 'user', content: 'slow leader' }] });
  const call = (use) => new Promise((resolve, reject) => {
    const request = http.request(`${gateway.url}/v1/chat`, { method: 'POST', agent: false }, (response) => { response.on('error', () => {}).on('close', resolve); use(response); });
    request.on('error', reject);
    request.end(body);
  });
  let unread;
  const leader = call((response) => { unread = response.pause(); });
  await beginning;
  const follower = call((response) => response.once('data', go).on('data', (piece) => { seen += piece.length; }));
  await follower;
  const scrape = await gateway.counted(2);
  unread.destroy();
  await leader;
  assert.equal(scrape.sum('ai_proxy_attempts_total'), 1);
  assert.equal(scrape.sum('ai_proxy_attempt_errors_total'), 0);
  assert.equal(scrape.sum('ai_proxy_errors_total', { error: 'stream_interrupted' }), 1);
});

for (const stream of [false, true]) {
  test(`a caller that is slow to read ${stream ? 'a stream' : 'an answer'} is no overhead of the gateway's`, async () => {
    const gateway = await start();
    const reads = slow ? 5000 : 1000;
    world.one.answer = say('one', { ...greeting, text: Array.from({ length: 400 }, () => 'x'.repeat(20_000)) });
    await new Promise((resolve, reject) => {
      const body = JSON.stringify({ model: 'one/gpt-4o', stream, messages: [{ role: 'user', content: 'much' }] });
      const request = http.request(`${gateway.url}/v1/chat`, { method: 'POST', agent: false, headers: { 'content-length': body.length } }, (response) => {
        setTimeout(() => { response.on('end', resolve).on('error', reject).resume(); }, reads);
      });
      request.on('error', reject);
      request.end(body);
    });
    const scrape = await gateway.counted(1);
    const took = scrape.sum('gen_ai_server_request_duration_seconds_sum', { provider: 'one' }) * 1000;
    const own = scrape.sum('ai_proxy_overhead_seconds_sum', { provider: 'one' }) * 1000;
    assert.ok(took > reads * 0.9, `${took} ms`);
    assert.ok(own > 0 && own < took / 2, `${own} of ${took} ms are the gateway's own`);
  });
}

test('who follows another\'s call is counted as that, and what it saved; the call costs once', async () => {
  const gateway = await start({ environment: { AI_PROXY_CACHE_MEMORY: '4MiB' } });
  const held = [];
  world.one.answer = async (request, out) => { await new Promise((resolve) => held.push(resolve)); await say('one')(request, out); };
  const asked = [1, 2, 3].map(() => post(`${gateway.url}/v1/chat`, { model: 'one/gpt-4o', messages: [{ role: 'user', content: 'the same' }] }, {}, { agent: false }));
  await until(() => held.length === 1, 'one call is made');
  await until(async () => (await gateway.scrape()).sum('ai_proxy_requests_running') === 3, 'all three wait');
  held[0]();
  const answers = await Promise.all(asked);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  const scrape = await gateway.counted(3);
  // One that was held up until the answer was there has found it in the cache.
  const [miss, collapsed, hit] = ['miss', 'collapsed', 'hit'].map((outcome) => scrape.sum('ai_proxy_cache_requests_total', { outcome }));
  assert.deepEqual([miss, collapsed + hit], [1, 2]);
  assert.ok(collapsed >= 1);
  const [cost] = answers.filter(({ headers }) => headers['x-cache'] === 'MISS').map(({ headers }) => picoOf(headers['x-ai-proxy-cost-usd']));
  assert.ok(cost > 0n);
  assert.deepEqual(['ai_proxy_cost_usd_total', 'ai_proxy_saved_usd_total'].map((name) => scrape.pico(name)), [cost, 2n * cost]);
  assert.equal(scrape.sum('gen_ai_client_token_usage_count', { token: 'input', operation: 'chat' }), 1);
});

test('S-42 a thousand odd names of callers make no series', async () => {
  const gateway = await start();
  const labelsOf = (scrape) => new Set([...scrape.families.values()].flatMap(({ samples }) => samples.map(({ labels }) => `${labels.get('gen_ai_provider_name')} ${labels.get('gen_ai_request_model')}`)));
  assert.equal((await gateway.ask('one/odd-0')).status, 200);
  assert.equal((await gateway.ask('odd-0')).status, 400);
  const before = labelsOf(await gateway.counted(2));
  const odd = (i) => [`odd-${i}`, `odd-"${i}\\`, `odd-${i}\n# TYPE x counter`, `odd-{${i}="1"}`, `odd-北京${i}🙂`, `odd-../../${i}`, `odd-${i}${'x'.repeat(200)}`, `odd-'; DROP ${i}`][i % 8];
  const queue = Array.from({ length: 1000 }, (_, i) => i);
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let i = queue.shift(); i !== undefined; i = queue.shift()) await gateway.ask(i % 2 ? `one/${odd(i)}` : odd(i), { user: `odd-user-${i}`, metadata: { odd: 'odd' } });
  }));
  const scrape = await gateway.counted(1002);
  assert.deepEqual(labelsOf(scrape), before);
  assert.deepEqual([...before].filter((name) => !name.startsWith('undefined')).sort(), ['none none', 'one other']);
  assert.doesNotMatch(scrape.text, /odd/);
});

test('what several threads count is summed', async () => {
  const gateway = await start({ environment: { AI_PROXY_THREADS: '4' } });
  const body = { model: 'one/gpt-4o', messages: [{ role: 'user', content: 'x' }] };
  // A connection each: the kernel spreads them.
  await Promise.all(Array.from({ length: 80 }, () => post(`${gateway.url}/v1/chat`, body, {}, { agent: false })));
  const scrape = await gateway.counted(80);
  assert.equal(scrape.sum('ai_proxy_threads'), 4);
  assert.equal(scrape.sum('gen_ai_server_request_duration_seconds_count', { provider: 'one' }), 80);
  assert.equal(scrape.sum('gen_ai_client_token_usage_sum', { token: 'output' }), 80 * 567);
});

test('what runs is shown: requests, streams, connections', async () => {
  const gateway = await start();
  const held = [];
  world.one.answer = async (_, out) => { await out.beginStream(); await out.piece(wire.openai.begin(greeting) + wire.openai.texts(greeting).join('')); await new Promise((resolve) => held.push(resolve)); await out.piece(wire.openai.finish(greeting) + wire.openai.usageChunk(greeting) + 'data: [DONE]\n\n'); await out.endStream(); };
  const streams = [1, 2, 3].map(() => gateway.ask('one/gpt-4o', { stream: true }));
  await until(() => held.length === 3, 'all have begun');
  const shown = await until(async () => { const scrape = await gateway.scrape(); return scrape.sum('ai_proxy_streams_open') === 3 && scrape; }, 'three streams');
  assert.equal(shown.sum('ai_proxy_requests_running'), 3);
  assert.ok(shown.sum('ai_proxy_connections') >= 3);
  for (const go of held) go();
  for (const { text } of await Promise.all(streams)) assert.match(text, /event: done/);
  assert.equal((await gateway.counted(3)).sum('ai_proxy_streams_open'), 0);
});

test('a breaker that opens is shown', async () => {
  const gateway = await start({ environment: { AI_PROXY_RETRIES: '0' } });
  world.two.answer = refuse(500);
  for (let i = 0; i < 5; ++i) await gateway.ask('two/gpt-4o', { seed: i });
  const scrape = await gateway.counted(5);
  assert.equal(scrape.sum('ai_proxy_candidates_passed_over', { provider: 'two', state: 'open' }), 1);
  assert.equal(scrape.sum('ai_proxy_candidates_passed_over', { state: 'paused' }), 0);
});

test('the two ports have nothing in common but health', async () => {
  const gateway = await start();
  for (const [url, options, status] of [
    [`${gateway.url}/metrics`, {}, 404],
    [`${gateway.admin}/v1/chat`, { method: 'POST', body: '{}' }, 404],
    [`${gateway.admin}/v1/models`, {}, 404],
    [`${gateway.admin}/`, {}, 404],
    [`${gateway.admin}/metrics/`, {}, 404],
    [`${gateway.admin}/metrics`, { method: 'POST', body: '{}' }, 405],
    [`${gateway.admin}/metrics?name=x`, {}, 200],
    [`${gateway.admin}/livez`, {}, 200],
    [`${gateway.admin}/readyz`, {}, 200],
  ]) assert.equal((await get(url, options)).status, status, `${options.method ?? 'GET'} ${url}`);
  const head = await get(`${gateway.admin}/metrics`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  assert.equal(world.one.requests.length, 0);
  // Not a request: told in JSON, and counted nowhere.
  const scrape = await gateway.scrape();
  assert.equal(scrape.sum('ai_proxy_requests_total'), 0);
  assert.equal(scrape.sum('ai_proxy_responses_total', { status: '404' }), 1, 'that of the data port alone');
});

test('what is no request is counted as refused', async () => {
  const gateway = await start();
  const { port } = new URL(gateway.url);
  await new Promise((resolve) => { const socket = net.connect(port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n')); socket.on('data', () => {}); socket.on('close', resolve); });
  const scrape = await until(async () => { const now = await gateway.scrape(); return now.sum('ai_proxy_refusals_total') === 1 && now; }, 'counted');
  assert.equal(scrape.sum('ai_proxy_refusals_total', { status: '400' }), 1);
});

test('P7 a reload that is refused is counted and shown; counts survive the one that is taken', async () => {
  const gateway = await start();
  assert.equal((await gateway.ask('one/gpt-4o')).status, 200);
  const before = await gateway.counted(1);
  const reloads = (scrape) => ['ai_proxy_config_reloads_total', 'ai_proxy_config_reload_failed_total', 'ai_proxy_config_last_reload_failed'].map((name) => scrape.sum(name));
  assert.deepEqual(reloads(before), [0, 0, 0]);
  const reload = async (yaml, failed) => {
    writeFileSync(gateway.file, yaml);
    gateway.child.kill('SIGHUP');
    return await until(async () => { const scrape = await gateway.scrape(); return scrape.sum('ai_proxy_config_last_reload_failed') === failed && scrape; }, `a reload: ${failed}`);
  };
  let scrape = await reload('providers: [\n', 1);
  // The changed file may have been seen before the signal, and then again.
  assert.equal(reloads(scrape)[0], 0);
  assert.ok([1, 2].includes(reloads(scrape)[1]), `${reloads(scrape)}`);
  assert.match((await get(`${gateway.admin}/readyz`)).text, /the last reload was refused/);
  assert.equal(scrape.sum('ai_proxy_requests_total'), 1);

  // A good one, in which the provider is gone that has been counted, and another stands in its place.
  scrape = await reload(config().replace(/^ {2}one:.*$/m, `  zero: {base_url: "${world.one.url}", auth: none}`), 0);
  assert.ok(scrape.sum('ai_proxy_config_reloads_total') >= 1);
  assert.equal((await gateway.ask('zero/gpt-4o')).status, 200);
  scrape = await gateway.counted(2);
  assert.equal(scrape.sum('ai_proxy_requests_total', { provider: 'one', model: 'gpt-4o' }), 1);
  assert.equal(scrape.sum('ai_proxy_requests_total', { provider: 'zero', model: 'other' }), 1);
  assert.equal(scrape.pico('ai_proxy_cost_usd_total', { provider: 'one' }), before.pico('ai_proxy_cost_usd_total', { provider: 'one' }));
});

for (const leaving of ['server: {lame_duck: 0s}', 'server: {lame_duck: 10s}', '']) {
  test(`it is served until the end: ${leaving || 'without a lame duck'}`, async () => {
    const gateway = await start({ yaml: config(leaving) });
    let go;
    world.one.answer = async (_, out) => { await out.beginStream(); await out.piece(wire.openai.begin(greeting) + wire.openai.texts(greeting).join('')); await new Promise((resolve) => { go = resolve; }); await out.piece(wire.openai.finish(greeting) + wire.openai.usageChunk(greeting) + 'data: [DONE]\n\n'); await out.endStream(); };
    const stream = gateway.ask('one/gpt-4o', { stream: true });
    await until(() => go, 'the stream has begun');
    await until(async () => (await gateway.scrape()).sum('ai_proxy_streams_open') === 1, 'and is counted');
    gateway.child.kill('SIGTERM');
    await until(async () => (await get(`${gateway.admin}/readyz`)).status === 503, 'it is not ready');
    assert.equal((await get(`${gateway.admin}/livez`)).status, 200);
    const scrape = await gateway.scrape();
    assert.deepEqual([scrape.sum('ai_proxy_leaving'), scrape.sum('ai_proxy_streams_open')], [1, 1]);
    go();
    assert.match((await stream).text, /event: done/);
    // Nobody waits for a duck of ten seconds.
    assert.equal((await (leaving.includes('10s') ? gateway.stop() : gateway.exited)).code, 0);
  });
}

test('health can be read when every connection of the data port is taken', async () => {
  const gateway = await start({ yaml: config('limits: {connections: 1}') });
  const { port } = new URL(gateway.url);
  const sockets = Array.from({ length: 120 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  await until(async () => (await gateway.scrape()).sum('ai_proxy_connections') > 1, 'it is full');
  assert.equal((await get(`${gateway.admin}/livez`)).status, 200);
  assert.equal((await get(`${gateway.admin}/readyz`)).status, 200);
  for (const socket of sockets) socket.destroy();
});

test('64 connections, and beyond them health alone', async () => {
  const gateway = await start();
  const { port } = new URL(gateway.admin);
  const sockets = await Promise.all(Array.from({ length: 64 }, () => new Promise((resolve) => { const socket = net.connect(port, '127.0.0.1', () => resolve(socket)).on('error', () => {}); })));
  await until(async () => (await get(`${gateway.admin}/metrics`)).status === 503, 'it is full');
  assert.equal((await get(`${gateway.admin}/livez`)).status, 200);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await get(`${gateway.admin}/metrics`)).status === 200, 'there is room again');
});

test('a real Redis: its state, and what it saved', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-redis-'));
  const port = await new Promise((resolve) => { const server = net.createServer().listen(0, '127.0.0.1', () => { const { port: free } = server.address(); server.close(() => resolve(free)); }); });
  const redis = new Program('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { env: process.env });
  await redis.saw(/Ready to accept connections/);
  const gateway = await start({ environment: { REDIS_URL: `redis://127.0.0.1:${port}` } });
  const first = await gateway.ask('one/gpt-4o');
  await until(async () => (await gateway.ask('one/gpt-4o')).headers['x-cache'] === 'HIT', 'it is kept');
  const scrape = await until(async () => { const now = await gateway.scrape(); return now.sum('ai_proxy_redis_threads', { state: 'up' }) === 2 && now.sum('ai_proxy_cache_requests_total', { outcome: 'hit' }) > 0 && now; }, 'both threads use it');
  assert.equal(scrape.pico('ai_proxy_saved_usd_total') % picoOf(first.headers['x-ai-proxy-cost-usd']), 0n);
  assert.equal(scrape.all('ai_proxy_cache_memory_bytes').length, 0);
  redis.child.kill('SIGKILL');
  await redis.exited;
  await until(async () => { await gateway.ask('one/gpt-4o', { seed: Date.now() }); return (await gateway.scrape()).sum('ai_proxy_redis_threads', { state: 'away' }) > 0; }, 'it is missed');
});

test('S-04 it is not there unless it is asked for, and open to others only when that is meant', async () => {
  const silent = await startGateway();
  running.push(silent);
  assert.equal((await get(`${silent.url}/metrics`)).status, 404);
  assert.doesNotMatch(silent.errors, /admin listening/);

  const run = (environment) => spawnSync(binary, ['serve'], { encoding: 'utf8', env: gatewayEnvironment(environment), cwd: silent.folder, timeout: 30_000 });
  const open = run({ AI_PROXY_ADMIN_LISTEN: '0.0.0.0:0' });
  assert.equal(open.status, 2);
  assert.match(open.stderr, /AI_PROXY_ADMIN_LISTEN: .*AI_PROXY_ADMIN_ALLOW_ANONYMOUS/);
  // The word for the data port says nothing about this one.
  assert.equal(run({ AI_PROXY_ADMIN_LISTEN: '0.0.0.0:0', AI_PROXY_ALLOW_ANONYMOUS: 'true' }).status, 2);
  const taken = run({ AI_PROXY_ADMIN_LISTEN: new URL(silent.url).host });
  assert.equal(taken.status, 2);
  assert.match(taken.stderr, /Cannot listen on 127\.0\.0\.1 port \d+/);

  const meant = await start({ environment: { AI_PROXY_ADMIN_LISTEN: '0.0.0.0:0', AI_PROXY_ADMIN_ALLOW_ANONYMOUS: 'true' } });
  assert.equal((await get(`${meant.admin}/metrics`)).status, 200);
});

test('where a socket is handed over, the next process takes the admin port once the old one has left it', async () => {
  const handle = net._createServerHandle('127.0.0.1', 0, 4);
  const probe = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const admin = `127.0.0.1:${probe.address().port}`;
  await new Promise((resolve) => probe.close(resolve));
  const startOn = () => {
    const gateway = new Program('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"', binary], {
      env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', AI_PROXY_ADMIN_LISTEN: admin }), cwd: mkdtempSync(path.join(tmpdir(), 'ai-proxy-')), stdio: ['ignore', 'pipe', 'pipe', handle.fd],
    });
    running.push(gateway);
    return gateway;
  };
  const old = startOn();
  await old.saw(/admin listening/);
  const next = startOn();
  await next.saw(/the admin port is not free yet/);
  await next.saw(/"listening"/);
  assert.doesNotMatch(next.errors, /admin listening/);
  await old.stop();
  await next.saw(/admin listening/);
  assert.equal((await get(`http://${admin}/readyz`)).status, 200);
  handle.close();
});
