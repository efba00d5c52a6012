// Which provider is called, and what follows a call that fails: retries, fallbacks, several keys, affinity, limits. Every
// provider here is a socket that does exactly what the test says.
import assert from 'node:assert/strict';
import http from 'node:http';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { keeps } from './chaos/support/promise.mjs';
import { until } from './chaos/support/waiting.mjs';
import { Scrape } from './support/exposition.mjs';
import { slow, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { wire } from './support/turns.mjs';
import { accessLine, greeting, ids } from './support/world.mjs';

const config = (one, two, three) => `
providers:
  one: {base_url: "${one}", api_key: "sk-one-1,sk-one-2", catalog: openai}
  two: {base_url: "${two}", api_key: sk-two, catalog: openai}
  three: {base_url: "${three}", api_key: sk-three, dialect: anthropic, catalog: anthropic}
  nowhere: {base_url: "http://127.0.0.1:9", auth: none}
aliases:
  ordered: {targets: [two/gpt-4o, three/claude-haiku-4-5]}
  away: {targets: [nowhere/gpt-4o, two/gpt-4o]}
  careful:
    targets: [two/gpt-4o, three/claude-haiku-4-5]
    fallback_on: [default, context_length_exceeded, content_filtered]
  sticky:
    targets: [[one/gpt-4o, two/gpt-4o]]
    affinity: user
  same-prompt: {targets: [[one/gpt-4o, two/gpt-4o]], affinity: prompt}
  bold: {targets: [three/claude-haiku-4-5, two/gpt-4o], fallback_on: [default, invalid_request]}
  weighed: {targets: [[{model: one/gpt-4o, weight: 1}, {model: two/gpt-4o, weight: 9}]]}
  fastest: {targets: [[two/gpt-4o, three/claude-haiku-4-5]], choose: latency}
  hedged: {targets: [two/gpt-4o, three/claude-haiku-4-5], hedge: {after: ${hedgeAfter}, cost_max: 1}}
  hedged-cheaply: {targets: [two/gpt-4o, three/claude-haiku-4-5], hedge: {after: ${hedgeAfter}, cost_max: 0.0001}}
  hedged-alike: {targets: [two/gpt-4o, one/gpt-4o], hedge: {after: ${hedgeAfter}, cost_max: 0.001}}
routing:
  retries: 2
  backoff: 20ms
  pause_when_limited: true
`;

// When a hedge is made, and the time of a request for which none is: an answer that is there comes within the first, on a
// sanitized build too.
const [hedgeAfter, inVain] = slow ? ['1s', '4s'] : ['100ms', '400ms'];

const world = {};
const providers = ['one', 'two', 'three'];
before(async () => {
  for (const name of providers) world[name] = await ScriptedProvider.start();
  world.folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
});
after(async () => {
  await world.gateway?.stop();
  for (const name of providers) await world[name]?.stop();
});
const configured = () => config(...providers.map((name) => world[name].url));
async function restart(text = configured()) {
  await world.gateway?.stop();
  writeFileSync(path.join(world.folder, 'gateway.yaml'), text);
  world.gateway = await startGateway({ environment: { AI_PROXY_CONFIG: 'gateway.yaml', AI_PROXY_RETRIES: '', AI_PROXY_PAUSE_WHEN_LIMITED: '' }, folder: world.folder });
}
// Each test with a gateway of its own: what one provider did in one test is not held against it in the next.
beforeEach(async () => {
  for (const name of providers) {
    world[name].requests.length = 0;
    world[name].answer = say(name === 'three' ? 'anthropic' : 'openai');
  }
  await restart();
});

const say = (name, turn = greeting) => (request, out) => (JSON.parse(request.body).stream ? out.stream(wire[name].stream(turn).join('')) : out.whole(wire[name].whole(turn)));
const refuse = (status, fields = {}, error = { message: 'No.', type: 'server_error', code: null, param: null }) => (_, out) => out.whole({ error }, { status, fields });
const calls = () => providers.map((name) => world[name].requests.length);
const ask = (model, more = {}, headers = {}) => post(`${world.gateway.url}/v1/chat/completions`, { model, messages: [{ role: 'user', content: 'What?' }], ...more }, headers);
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const content = ({ text }) => JSON.parse(text).choices[0].message.content;
// The first of the answers for the first call, and so on; the last for all others.
const inTurn = (...answers) => { let count = 0; return (request, out) => answers[Math.min(count++, answers.length - 1)](request, out); };

for (const stream of [false, true]) {
  const how = stream ? 'a stream' : 'an answer';
  test(`${how} is tried again at the same provider after a 500, and what was tried is told`, async () => {
    const id = ids('again');
    world.two.answer = inTurn(refuse(500), refuse(503), say('openai'));
    const answer = await ask('two/gpt-4o', { stream }, { 'x-request-id': id });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(calls(), [0, 3, 0]);
    assert.match(answer.headers['x-ai-proxy-attempts'], /^3; two\/gpt-4o=provider_error \d+ms, two\/gpt-4o=overloaded \d+ms, two\/gpt-4o$/);
    const line = await accessLine(id, world.gateway);
    assert.equal(line.attempts, 3);
    assert.match(line.tried, /^two\/gpt-4o=provider_error \d+ms, two\/gpt-4o=overloaded \d+ms$/);
  });

  test(`${how} falls back to the next target, without a trace of the first`, async () => {
    world.two.answer = refuse(500);
    const answer = await ask('ordered', { stream });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(calls(), [0, 1, 1]);
    assert.equal(answer.headers['x-ai-proxy-provider'], 'three');
    assert.match(answer.headers['x-ai-proxy-attempts'], /^2; two\/gpt-4o=provider_error \d+ms, three\/claude-haiku-4-5$/);
    assert.equal(answer.text.split('"role":"assistant"').length, 2);
  });

  test(`${how}: what the caller did wrong is told at once, and not held against the provider`, async () => {
    for (const [status, type] of [[400, 'invalid_request_error'], [401, 'invalid_request_error'], [403, 'x'], [404, 'x'], [422, 'x']]) {
      world.two.requests.length = 0;
      world.two.answer = refuse(status, {}, { message: 'Wrong.', type, code: null, param: null });
      const answer = await ask('two/gpt-4o', { stream });
      assert.ok(answer.status >= 400, `${status} became ${answer.status}`);
      assert.deepEqual(calls(), [0, 1, 0], `${status}`);
    }
    world.two.answer = say('openai');
    assert.equal((await ask('two/gpt-4o', { stream })).status, 200);
  });
}

test('no more than the configured attempts are made, fallbacks included, and then the last error is told', async () => {
  world.two.answer = refuse(500);
  world.three.answer = refuse(529, {}, { type: 'overloaded_error', message: 'Busy.' });
  const answer = await ask('ordered');
  assert.equal(answer.status, 503);
  assert.equal(calls()[1] + calls()[2], 3);
  assert.match(answer.headers['x-ai-proxy-attempts'], /^3; .*two\/gpt-4o=provider_error/);
  // A caller that would try again by itself is told that this has been done.
  assert.equal(answer.headers['x-should-retry'], 'false');
});

test('A15 a stream that breaks before its first event falls back; one that has begun ends with its error, and nothing more is called', async () => {
  world.two.answer = async (_, out) => { await out.beginStream(); out.reset(); };
  const whole = await ask('ordered', { stream: true });
  assert.equal(whole.status, 200);
  assert.deepEqual(calls(), [0, 1, 1]);
  assert.equal(whole.text.split('"role":"assistant"').length, 2);
  assert.match(whole.text, /\[DONE\]/);

  world.two.answer = async (_, out) => {
    await out.beginStream();
    await out.piece(wire.openai.stream(greeting).slice(0, 3).join(''));
    await out.piece(wire.openai.error('server_error', 'Lost the thread.'));
    out.reset();
  };
  const broken = await ask('ordered', { stream: true });
  assert.equal(broken.status, 200);
  assert.deepEqual(calls(), [0, 2, 1]);
  assert.match(broken.text, /Lost the thread\./);
  assert.doesNotMatch(broken.text, /\[DONE\]|"finish_reason":"stop"/);
});

test('a refused connection falls back at once', async () => {
  const answer = await ask('away');
  assert.equal(content(answer), greeting.text.join(''));
  assert.match(answer.headers['x-ai-proxy-attempts'], /^2; nowhere\/gpt-4o=provider_unreachable/);
});

test('after five failures a target is passed over, and then looked at again', async () => {
  world.two.answer = refuse(500);
  for (let i = 0; i < 5; i += 1) await ask('ordered');
  assert.deepEqual(calls(), [0, 5, 5]);
  await ask('ordered');
  assert.deepEqual(calls(), [0, 5, 6]);
  // The last one is never given up.
  const alone = await ask('two/gpt-4o', {}, { 'x-ai-proxy-retries': '0' });
  assert.equal(alone.status, 500);
  assert.deepEqual(calls(), [0, 6, 6]);
});

test('several keys of a provider share its load, and stand in for each other', async () => {
  const used = () => new Set(world.one.requests.map((request) => request.fields.get('authorization')));
  for (let i = 0; i < 40 && used().size < 2; i += 1) await ask('one/gpt-4o');
  assert.deepEqual([...used()].sort(), ['Bearer sk-one-1', 'Bearer sk-one-2']);

  world.one.requests.length = 0;
  world.one.answer = (request, out) => (request.fields.get('authorization') === 'Bearer sk-one-1' ? refuse(429, { 'retry-after': '30' })(request, out) : say('openai')(request, out));
  for (let i = 0; i < 40; i += 1) assert.equal((await ask('one/gpt-4o')).status, 200);
  // The limited one was asked once, and then left alone for as long as it said.
  assert.equal(world.one.requests.filter((request) => request.fields.get('authorization') === 'Bearer sk-one-1').length, 1);
});

test('a rate limit is told with its Retry-After, and the provider is left alone until then', async () => {
  world.two.answer = refuse(429, { 'retry-after': '30' }, { message: 'Slow down.', type: 'requests', code: 'rate_limit_exceeded', param: null });
  const first = await ask('two/gpt-4o');
  assert.equal(first.status, 429);
  assert.equal(first.headers['retry-after'], '30');
  assert.equal(first.headers['x-should-retry'], 'true');
  const second = await ask('two/gpt-4o');
  assert.equal(second.status, 429);
  assert.ok(Number(second.headers['retry-after']) >= 25 && Number(second.headers['retry-after']) <= 30);
  assert.equal(second.headers['x-ai-proxy-attempts'], '0');
  assert.deepEqual(calls(), [0, 1, 0]);
  // Another model of the same provider has limits of its own.
  world.two.answer = say('openai');
  assert.equal((await ask('two/gpt-4o-mini')).status, 200);
});

test('context-length and content-filter fall back where the alias says so', async () => {
  const tooLong = refuse(400, {}, { message: 'Too long.', type: 'invalid_request_error', code: 'context_length_exceeded', param: 'messages' });
  world.two.answer = tooLong;
  assert.equal((await ask('ordered')).status, 400);
  const careful = await ask('careful');
  assert.equal(careful.status, 200, careful.text);
  assert.match(careful.headers['x-ai-proxy-attempts'], /two\/gpt-4o=context_length_exceeded/);
  world.two.answer = say('openai', { text: ['I'], reason: 'content_filter' });
  assert.equal(JSON.parse((await ask('ordered')).text).choices[0].finish_reason, 'content_filter');
  assert.equal(content(await ask('careful')), greeting.text.join(''));
});

test('affinity: one user, one target; many users, all targets', async () => {
  const targetOf = async (user) => (await ask('sticky', { user })).headers['x-ai-proxy-provider'];
  const first = await targetOf('ada');
  for (let i = 0; i < 8; i += 1) assert.equal(await targetOf('ada'), first);
  const seen = new Set();
  for (let i = 0; i < 60 && seen.size < 2; i += 1) seen.add(await targetOf(`user-${i}`));
  assert.equal(seen.size, 2);
});

test('weights share the load of a tier', async () => {
  for (let i = 0; i < 60; i += 1) await ask('weighed');
  const [one, two] = calls();
  assert.equal(one + two, 60);
  // Two keys of weight 1 and one of 9: 49 of 60, and 36 but once in 40,000 times; without weights it would be 20.
  assert.ok(two >= 36 && one > 0, `${one} and ${two}`);
});

test('choose: latency prefers the target that answers sooner', async () => {
  const slowly = (name) => async (request, out) => { await new Promise((resolve) => { setTimeout(resolve, 1500); }); await say(name)(request, out); };
  world.two.answer = slowly('openai');
  for (let i = 0; i < 24; i += 1) await ask('fastest');
  // Once to find out.
  assert.deepEqual(calls(), [0, 1, 23]);
});

test('choose: latency asks one that hangs once, and one that refuses hardly ever', async () => {
  const hanging = [];
  world.two.answer = () => {};
  for (let i = 0; i < 12; i += 1) {
    const answer = ask('fastest', {}, { 'x-ai-proxy-fallback': 'off', 'x-ai-proxy-timeout': '5s' });
    if (await Promise.race([answer, pause(1000)]) === undefined) hanging.push(answer);
  }
  assert.equal(hanging.length, 1);
  assert.deepEqual(calls(), [0, 1, 11]);
  assert.equal((await hanging[0]).status, 504);
  world.two.answer = refuse(401);
  for (let i = 0; i < 12; i += 1) assert.equal((await ask('fastest')).status, 200);
  assert.deepEqual(calls(), [0, 1, 23]);
});

test('affinity: a conversation stays with one target as it grows', async () => {
  const seen = new Set();
  for (let number = 0; number < 16; number += 1) {
    const messages = [...(number % 2 ? [{ role: 'system', content: 'Be brief.' }] : []), { role: 'user', content: `Question ${number}` }];
    const targets = new Set();
    for (let turn = 0; turn < 4; turn += 1) {
      targets.add((await ask('same-prompt', { messages })).headers['x-ai-proxy-provider']);
      messages.push({ role: 'assistant', content: `Answer ${turn}` }, { role: 'user', content: `And ${turn}?` });
    }
    assert.equal(targets.size, 1, `conversation ${number}`);
    targets.forEach((target) => seen.add(target));
  }
  assert.equal(seen.size, 2);
});

test('a key that is refused, or out of money, is passed over like a target that fails', async () => {
  for (const refusal of [refuse(401), refuse(429, {}, { message: 'No money.', type: 'insufficient_quota', code: 'insufficient_quota', param: null })]) {
    await restart();
    for (const name of providers) world[name].requests.length = 0;
    world.two.answer = refusal;
    for (let i = 0; i < 20; i += 1) assert.equal((await ask('ordered')).status, 200);
    assert.deepEqual(calls(), [0, 5, 20]);
    // Where it is the only one, it is asked all the same.
    assert.ok((await ask('two/gpt-4o')).status >= 400);
    assert.deepEqual(calls(), [0, 6, 20]);
  }
});

test('a time that the caller has set itself is not held against the provider', async () => {
  world.two.answer = () => {};
  for (let i = 0; i < 8; i += 1) {
    const late = await ask('ordered', { stream: i % 2 === 0 }, { 'x-ai-proxy-timeout': '40ms', 'x-ai-proxy-fallback': 'off' });
    assert.equal(late.status, 504);
  }
  world.two.answer = say('openai');
  assert.equal((await ask('ordered')).headers['x-ai-proxy-provider'], 'two');
});

test('an answer that a filter has cut is given all the same when nothing may be tried again', async () => {
  world.two.answer = say('openai', { text: ['I'], reason: 'content_filter' });
  await restart(`${configured()}  budget_percent: 0\n  budget_per_second: 0\n`);
  const answer = await ask('careful');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(JSON.parse(answer.text).choices[0].finish_reason, 'content_filter');
  assert.deepEqual(calls(), [0, 1, 0]);
});

test('nothing is tried again once a keep-alive has begun the stream', async () => {
  await restart(`streams: {keep_alive: 200ms, begin_early: true}\n${configured()}`);
  world.two.answer = refuse(503, { 'retry-after': '1' });
  const { status, text } = await ask('two/gpt-4o', { stream: true });
  assert.equal(status, 200, text);
  assert.match(text, /: ping/);
  assert.match(text, /"error"/);
  assert.deepEqual(calls(), [0, 1, 0]);
});

test('what an earlier target has begun, and broken off, does not begin the stream of the next', async () => {
  await restart(`streams: {keep_alive: 1s}\n${configured()}`);
  world.two.answer = async (_, out) => { await out.beginStream(); await pause(20); out.reset(); };
  world.three.answer = async (request, out) => { await pause(2500); await refuse(529, {}, { type: 'overloaded_error', message: 'Busy.' })(request, out); };
  const { status, text } = await ask('ordered', { stream: true }, { 'x-ai-proxy-fallback': 'one/gpt-4o' });
  assert.equal(status, 200, text);
  assert.deepEqual(calls(), [1, 1, 1]);
  assert.doesNotMatch(text, /"error"/);
});

test('a target that has no place for what is asked is named among those that were tried', async () => {
  const answer = await ask('bold', { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }] }] });
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers['x-ai-proxy-attempts'], /^1; three\/claude-haiku-4-5=invalid_request 0ms, two\/gpt-4o$/);
});

test('a caller may ask for fewer retries, another time, and fallbacks of its own; and nothing beyond that', async () => {
  world.two.answer = refuse(500);
  await ask('two/gpt-4o', {}, { 'x-ai-proxy-retries': '0' });
  assert.deepEqual(calls(), [0, 1, 0]);
  const own = await ask('two/gpt-4o', {}, { 'x-ai-proxy-fallback': 'three/claude-haiku-4-5' });
  assert.equal(own.status, 200);
  assert.deepEqual(calls(), [0, 2, 1]);
  const none = await ask('ordered', {}, { 'x-ai-proxy-fallback': 'off', 'x-ai-proxy-retries': '1' });
  assert.equal(none.status, 500);
  assert.deepEqual(calls(), [0, 4, 1]);
  const unknown = await ask('two/gpt-4o', {}, { 'x-ai-proxy-fallback': 'http://evil.example/x' });
  assert.equal(unknown.status, 400);
  assert.match(unknown.text, /x-ai-proxy-fallback/);
  const silly = await ask('three/claude-haiku-4-5', {}, { 'x-ai-proxy-retries': 'many' });
  assert.match(silly.headers['x-ai-proxy-warnings'], /x-ai-proxy-retries/);
  world.two.answer = () => {};
  const late = await ask('two/gpt-4o', {}, { 'x-ai-proxy-timeout': '200ms' });
  assert.equal(late.status, 504);
  assert.match(late.text, /did not complete its answer within \d{1,3} ms/);
});

// A provider that says nothing; `left` resolves once its caller has gone, with the time of it.
function silence(provider) {
  let gone, asked;
  const silent = { left: new Promise((resolve) => { gone = resolve; }), asked: new Promise((resolve) => { asked = resolve; }) };
  provider.answer = (_, out) => { asked(); out.closed().then(() => gone(performance.now())); };
  return silent;
}

for (const stream of [false, true]) {
  const what = stream ? 'a stream' : 'an answer';
  test(`a hedge: ${what} that is slow to begin is asked for a second time; who begins first wins, and the other is let go`, async () => {
    await keeps(100, async (round) => {
      const slowOne = silence(world.two);
      let begun, went;
      const left = slowOne.left.then((at) => { went = at; });
      // The winner's answer has begun, and has not ended, while the other is let go.
      world.three.answer = async (_, out) => {
        const pieces = stream ? wire.anthropic.stream(greeting) : [...JSON.stringify(wire.anthropic.whole(greeting))];
        if (stream) await out.beginStream();
        else await out.begin(200, { 'content-length': Buffer.byteLength(pieces.join('')) });
        begun = performance.now();
        const write = (text) => (stream ? out.piece(text) : out.write(text));
        await write(pieces.slice(0, 3).join(''));
        await left;
        await write(pieces.slice(3).join(''));
        if (stream) await out.endStream();
      };
      const answer = await ask('hedged', { stream });
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.headers['x-ai-proxy-attempts'], /^2; two\/gpt-4o=cancelled \d+ms, three\/claude-haiku-4-5$/);
      assert.equal(answer.headers['x-ai-proxy-provider'], 'three');
      assert.deepEqual(calls(), [0, round + 1, round + 1]);
      return went - begun;
    }, { what: `the other call of a hedge, ${what}` });
  });
}

test('a hedge is made only for one that is slow, only where it is wanted, and only for what it may cost', async () => {
  await ask('hedged');
  assert.deepEqual(calls(), [0, 1, 0]);
  silence(world.two);
  const headers = { 'x-ai-proxy-timeout': inVain, 'x-ai-proxy-retries': '0' };
  assert.equal((await ask('hedged', {}, { ...headers, 'x-ai-proxy-hedge': 'off' })).status, 504);
  assert.equal((await ask('hedged', {}, { ...headers, 'x-ai-proxy-fallback': 'off' })).status, 504);
  assert.equal((await ask('hedged-cheaply', { max_tokens: 4000 }, headers)).status, 504);
  assert.deepEqual(calls(), [0, 4, 0]);
  assert.equal((await ask('hedged-cheaply', { max_tokens: 4 }, headers)).status, 200);
});

test('a hedge: each further answer that is asked for counts in what it may cost', async () => {
  silence(world.two);
  const headers = { 'x-ai-proxy-timeout': inVain, 'x-ai-proxy-retries': '0' };
  assert.equal((await ask('hedged-alike', { max_tokens: 10, n: 100 }, headers)).status, 504);
  assert.deepEqual(calls(), [0, 1, 0]);
  assert.equal((await ask('hedged-alike', { max_tokens: 10, n: 2 }, headers)).status, 200);
  assert.deepEqual(calls(), [1, 2, 0]);
});

test('a hedge: of two that fail, the first is told, and both are named', async () => {
  let fail;
  const second = new Promise((resolve) => { fail = resolve; });
  world.two.answer = async (request, out) => { await second; await refuse(500, {}, { message: 'First.', type: 'server_error', code: null, param: null })(request, out); };
  world.three.answer = async (request, out) => { await refuse(529, {}, { type: 'overloaded_error', message: 'Second.' })(request, out); fail(); };
  const answer = await ask('hedged', {}, { 'x-ai-proxy-retries': '1' });
  assert.equal(answer.status, 500);
  assert.match(answer.text, /First\./);
  assert.match(answer.headers['x-ai-proxy-attempts'], /three\/claude-haiku-4-5=overloaded .*two\/gpt-4o=provider_error/);
});

test('a hedge: a caller that goes away ends both calls', async () => {
  const [one, other] = [silence(world.two), silence(world.three)];
  const request = http.request(`${world.gateway.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' } });
  request.on('error', () => {});
  request.end(JSON.stringify({ model: 'hedged', messages: [{ role: 'user', content: 'What?' }] }));
  await Promise.all([one.asked, other.asked]);
  request.destroy();
  await Promise.all([one.left, other.left]);
});

test('a caller that goes away while a retry waits ends it: no further call', async () => {
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: world.two.url, AI_PROXY_CONFIG: 'slow.yaml', AI_PROXY_RETRIES: '' }, folder: (writeFileSync(path.join(world.folder, 'slow.yaml'), 'routing: {backoff: 60s, backoff_max: 60s, added_wait: 1h}\n'), world.folder) });
  let refused;
  const seen = new Promise((resolve) => { refused = resolve; });
  world.two.answer = async (request, out) => { await refuse(500)(request, out); refused(); };
  const id = ids('gone');
  const request = http.request(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-request-id': id } });
  request.on('error', () => {});
  request.end(JSON.stringify({ model: 'openai/gpt-4o', messages: [{ role: 'user', content: 'What?' }] }));
  await seen;
  setTimeout(() => request.destroy(), 100);
  const line = await accessLine(id, gateway);
  assert.equal(line.status, 499);
  assert.equal(world.two.requests.length, 1);
  await gateway.stop();
});

test('a retry that is not made, as its caller has gone, is another\'s to make', async () => {
  // Ten retries in ten seconds, whatever is asked.
  await restart(`${configured()}  budget_percent: 0\n  budget_per_second: 1\n  added_wait: 1m\nadmin: {listen: "127.0.0.1:0"}\n`);
  const id = ids('not-made');
  world.two.answer = refuse(503, { 'retry-after': '20' });
  const leaving = Array.from({ length: 10 }, (_, index) => {
    const request = http.request(`${world.gateway.url}/v1/chat/completions`, { method: 'POST', agent: false, headers: { 'content-type': 'application/json', 'x-request-id': `${id}-${index}`, 'x-ai-proxy-fallback': 'off' } });
    request.on('error', () => {});
    request.end(JSON.stringify({ model: 'two/gpt-4o', messages: [{ role: 'user', content: 'What?' }] }));
    return request;
  });
  // Counted in the same step in which the retry is taken from the budget.
  const [, admin] = await world.gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
  await until(async () => new Scrape(await (await fetch(`${admin}/metrics`)).text()).sum('ai_proxy_attempt_errors_total') === 10, 'all ten wait for their retry');
  world.one.answer = inTurn(refuse(500), say('openai'));
  const early = await ask('one/gpt-4o');
  leaving.forEach((request) => request.destroy());
  for (const index of leaving.keys()) assert.equal((await accessLine(`${id}-${index}`, world.gateway)).status, 499);
  world.one.answer = inTurn(refuse(500), say('openai'));
  const later = await ask('one/gpt-4o');
  assert.deepEqual([early, later].map(({ status, headers }) => [status, headers['x-ai-proxy-attempts'].split(';')[0]]), [[500, '1'], [200, '2']]);
});

test('a count of tokens that its provider refuses to make is made here, where the next target has no such call', async () => {
  world.three.answer = refuse(529, {}, { type: 'overloaded_error', message: 'Busy.' });
  const count = (headers) => post(`${world.gateway.url}/v1/messages/count_tokens`, { model: 'three/claude-haiku-4-5', messages: [{ role: 'user', content: 'How many are these?' }] }, headers);
  const { status, text, headers } = await count({ 'x-ai-proxy-fallback': 'two/gpt-4o' });
  assert.equal(status, 200, text);
  assert.ok(JSON.parse(text).input_tokens > 0, text);
  assert.match(headers['x-ai-proxy-attempts'], /^1; three\/claude-haiku-4-5=overloaded \d+ms, two\/gpt-4o$/);
  assert.deepEqual(calls(), [0, 0, 1]);
  assert.equal((await count({ 'x-ai-proxy-fallback': 'off', 'x-ai-proxy-retries': '0' })).status, 529);
});
