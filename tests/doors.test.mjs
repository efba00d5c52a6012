// Every recorded exchange of every operation through the door of its own dialect: the provider gets the caller's bytes,
// the caller gets the provider's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { slow, startGateway } from './support/processes.mjs';
import { skipWithoutShared } from './support/recordings.mjs';
import { asksFor, doorPath, doorRecordings, loadExact, modelOf, providerPath, shownStream } from './support/door_recordings.mjs';
import { failureOf } from './support/failures.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { findFaults, post } from './support/sent.mjs';

const names = ['openai', 'anthropic', 'mistral'];
const providers = {};
let gateway;

// One exchange at a time and provider: the answer is the one of the recording under way.
before(async () => {
  if (skipWithoutShared) return;
  for (const name of names) {
    const provider = (providers[name] = await ScriptedProvider.start((request, answering) => provider.play(request, answering)));
  }
  gateway = await startGateway({
    environment: Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_BASE_URL`, providers[name].url])),
  });
});
after(async () => {
  await gateway?.stop();
  for (const provider of Object.values(providers)) await provider.stop();
});

const everything = doorRecordings();
// Two requests of the Responses API name a stored prompt and no model: nothing says whom to ask.
const unnamed = everything.filter((entry) => modelOf(loadExact(entry.file).request) === undefined);
const recordings = everything.filter((entry) => !unnamed.includes(entry));
const of = (kind, endpoints = /./) => recordings.filter((entry) => entry.kind === kind && endpoints.test(entry.endpoint));

// Header fields of a connection, and those that the recording's transport made.
const transport = /^(content-length|content-encoding|transfer-encoding|connection|keep-alive|content-type)$/i;
const relayed = /^(x-request-id|request-id|mistral-correlation-id|x-ratelimit-.*|anthropic-ratelimit-.*|ratelimit-.*|openai-processing-ms|openai-version|retry-after-ms|x-should-retry)$/;
// What says who the gateway's account is, or belongs to the provider's own site.
const withheld = ['openai-organization', 'openai-project', 'anthropic-organization-id', 'anthropic-workspace-id', 'set-cookie', 'cf-ray', 'server', 'alt-svc', 'via', 'x-kong-request-id', 'strict-transport-security', 'location'];

function playback(recording, cuts) {
  const fields = Object.fromEntries(Object.entries(recording.headers).filter(([name]) => !transport.test(name)));
  return async (_, answering) => {
    if (recording.streamed) await answering.stream(recording.answer, { fields, cuts });
    else await answering.whole(recording.answer, { status: recording.status, fields });
  };
}

function callerFields(recording) {
  return Object.fromEntries(Object.entries(recording.requestHeaders).map(([name, value]) => [name.toLowerCase(), [value].flat()[0]])
    .filter(([name, value]) => /^(anthropic-(beta|version)|openai-.*|user-agent|cookie|x-stainless-.*)$/.test(name) && typeof value === 'string'));
}

// Sends the recorded request as its own door wants it and gives back both sides.
async function exchange(entry, { cuts, prefix = '' } = {}) {
  const recording = loadExact(entry.file);
  const provider = providers[entry.provider];
  provider.requests.length = 0;
  provider.play = playback(recording, cuts);
  const fields = callerFields(recording);
  const model = modelOf(recording.request);
  const answer = await post(`${gateway.url}${prefix}${doorPath(entry)}`, asksFor(recording.request, `${entry.provider}/${model}`), { ...fields, authorization: 'Bearer sk-of-the-caller' });
  assert.equal(provider.requests.length, 1, `${provider.requests.length} calls; answer ${answer.status} ${answer.text.slice(0, 300)}`);
  return { recording, answer, fields, sent: provider.requests[0] };
}

const asking = /,?"stream_options":\{"include_usage":true\}/;

// The request: the recorded bytes; for a stream of OpenAI's, usage is asked for.
function checkRequest(entry, { recording, sent, fields }) {
  assert.equal(`${sent.method} ${sent.path}`, `POST ${providerPath(entry)}`);
  const asks = entry.provider === 'openai' && entry.endpoint === 'chat.completions' && JSON.parse(recording.request).stream === true;
  if (asks && JSON.parse(recording.request).stream_options?.include_usage !== true) {
    assert.equal(JSON.parse(sent.body).stream_options.include_usage, true, 'usage is asked for');
    if (JSON.parse(recording.request).stream_options === undefined) assert.equal(sent.body.replace(asking, ''), recording.request);
  } else {
    assert.equal(sent.body, recording.request, 'the request is unchanged');
  }
  const key = entry.provider === 'anthropic' ? sent.fields.get('x-api-key') : sent.fields.get('authorization')?.replace('Bearer ', '');
  assert.equal(key, `sk-test-${entry.provider}`);
  for (const name of ['openai-organization', 'openai-project', 'cookie', 'x-stainless-lang']) assert.equal(sent.fields.get(name), undefined, name);
  if (entry.provider === 'anthropic') {
    assert.equal(sent.fields.get('anthropic-beta'), fields['anthropic-beta']);
    assert.equal(sent.fields.get('anthropic-version'), fields['anthropic-version'] ?? '2023-06-01');
    assert.equal(sent.fields.get('authorization'), undefined, 'one key, not two');
  }
}

function checkFields(entry, { recording, answer }) {
  for (const [recorded, value] of Object.entries(recording.headers)) {
    const name = recorded.toLowerCase();
    if (!relayed.test(name)) continue;
    // Our own id goes by this name; the provider's stands beside it.
    if (name === 'x-request-id') continue;
    assert.equal(answer.headers[name], [value].flat().join(', '), name);
  }
  for (const name of withheld) assert.equal(answer.headers[name], undefined, name);
  assert.equal(answer.headers['x-ai-proxy-provider'], entry.provider);
  assert.ok(answer.headers['x-request-id']);
}

function same(actual, expected, what) {
  if (actual === expected) return;
  let at = 0;
  while (actual[at] === expected[at]) at += 1;
  assert.fail(`${what}: at ${at} got …${actual.slice(Math.max(0, at - 60), at + 80)}… wanted …${expected.slice(Math.max(0, at - 60), at + 80)}…`);
}

// Each provider has its own lane, and answers one at a time.
async function each(entries, check) {
  const lanes = names.map((name) => entries.filter((entry) => entry.provider === name));
  const faults = (await Promise.all(lanes.map((lane) => findFaults(lane, 1, check)))).flat();
  assert.equal(faults.length, 0, `${faults.length} of ${entries.length} differ:\n${faults.slice(0, 15).join('\n')}`);
}

for (const [what, endpoints, count] of [['chat', /^chat/, 500], ['Responses', /^responses/, 400], ['messages', /^messages/, 400], ['embeddings', /^embeddings/, 20], ['token count', /^count/, 3]]) {
  test(`every recorded ${what} answer passes its own door unchanged, both ways`, { skip: skipWithoutShared }, async (context) => {
    const entries = of('json', endpoints);
    assert.ok(entries.length > count, `${entries.length} recordings`);
    context.diagnostic(`${entries.length} exchanges`);
    await each(entries, async (entry) => {
      const both = await exchange(entry);
      checkRequest(entry, both);
      assert.equal(both.answer.status, 200, both.answer.text);
      same(both.answer.text, both.recording.answer, 'answer');
      checkFields(entry, both);
    });
  });
}

async function checkStream(entry, how) {
  const both = await exchange(entry, how);
  checkRequest(entry, both);
  assert.equal(both.answer.status, 200, both.answer.text);
  assert.match(both.answer.headers['content-type'], /^text\/event-stream/);
  same(both.answer.text, shownStream(entry, both.recording.request, both.recording.answer), 'stream');
  assert.equal(both.answer.broken, false);
  checkFields(entry, both);
}

for (const [what, endpoints, count] of [['chat', /^chat/, 250], ['Responses', /^responses/, 200], ['messages', /^messages/, 200]]) {
  test(`every recorded ${what} stream passes its own door unchanged, both ways`, { skip: skipWithoutShared }, async (context) => {
    const entries = of('stream', endpoints);
    assert.ok(entries.length > count, `${entries.length} recordings`);
    context.diagnostic(`${entries.length} exchanges`);
    await each(entries, (entry) => checkStream(entry));
  });
}

// For each provider, operation and feature the shortest stream that has it.
function varied(limit) {
  const chosen = new Map();
  for (const entry of of('stream')) {
    const { length } = loadExact(entry.file).answer;
    for (const feature of [...entry.features.filter((name) => !name.startsWith('nev=')), `finish ${entry.finish}`, 'any']) {
      const key = `${entry.provider} ${entry.endpoint} ${feature}`;
      if (!chosen.has(key) || chosen.get(key).length > length) chosen.set(key, { entry, length });
    }
  }
  return [...new Set([...chosen.values()].filter(({ length }) => length < limit).map(({ entry }) => entry))];
}

test('streams sent one byte per write pass unchanged', { skip: skipWithoutShared }, async (context) => {
  const entries = varied(slow ? 3_000 : 12_000);
  assert.ok(new Set(entries.map((entry) => `${entry.provider} ${entry.endpoint}`)).size >= (slow ? 2 : 4));
  context.diagnostic(`${entries.length} streams`);
  await each(entries, async (entry) => {
    const bytes = Buffer.byteLength(loadExact(entry.file).answer);
    await checkStream(entry, { cuts: Array.from({ length: bytes - 1 }, (_, index) => index + 1) });
  });
});

test('a stream that is cut before its end is an error at its own door', { skip: skipWithoutShared }, async (context) => {
  const entries = varied(slow ? 4_000 : 9_000);
  let cut = 0;
  await each(entries, async (entry) => {
    const recording = loadExact(entry.file);
    const door = entry.endpoint === 'responses' ? 'responses' : entry.provider;
    const end = recording.answer.search(/"(finish_reason|stop_reason)": *"|event: response\.(completed|incomplete|failed)/);
    if (end < 0) return;
    for (const share of [0.1, 0.5, 0.9, 1]) {
      const bytes = Buffer.from(recording.answer.slice(0, Math.floor(end * share)));
      const provider = providers[entry.provider];
      provider.play = (_, answering) => answering.stream(bytes);
      const answer = await post(`${gateway.url}${doorPath(entry)}`, asksFor(recording.request, `${entry.provider}/${modelOf(recording.request)}`), callerFields(recording));
      if (answer.status === 200) failureOf(door, answer.text);
      else assert.ok(answer.status >= 500, `${answer.status} ${answer.text}`);
      cut += 1;
    }
  });
  context.diagnostic(`${cut} cut streams`);
  assert.ok(cut > 40, `${cut}`);
});

test('every recorded refusal passes as it came; a refusal of our key is a 502 in the dialect\'s own words', { skip: skipWithoutShared }, async (context) => {
  const entries = of('error');
  assert.ok(entries.length > 60, `${entries.length} recordings`);
  context.diagnostic(`${entries.length} exchanges`);
  await each(entries, async (entry) => {
    const both = await exchange(entry);
    checkRequest(entry, both);
    checkFields(entry, both);
    const { recording, answer } = both;
    if (recording.status !== 401 && recording.status !== 403) {
      assert.equal(answer.status, recording.status);
      same(answer.text, recording.answer, 'refusal');
      return;
    }
    assert.equal(answer.status, 502, answer.text);
    const body = JSON.parse(answer.text);
    const error = entry.provider === 'mistral' ? body : body.error;
    const word = { openai: error.code, anthropic: error.type, mistral: error.type }[entry.provider];
    assert.equal(word, entry.provider === 'anthropic' ? 'api_error' : 'provider_auth_failed', answer.text);
    assert.match(error.message, /API key that this gateway/);
    assert.equal(answer.headers['x-should-retry'], 'false');
  });
});

test('a request that names no model is refused in words', { skip: skipWithoutShared }, async () => {
  assert.ok(unnamed.length <= 2, unnamed.map((entry) => entry.file).join(' '));
  for (const entry of unnamed) {
    const answer = await post(`${gateway.url}${doorPath(entry)}`, loadExact(entry.file).request);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(JSON.parse(answer.text).error.param, 'model');
  }
});

test('the doors that carry their provider\'s name are the same doors', { skip: skipWithoutShared }, async () => {
  const chosen = varied(8_000).filter((entry) => entry.provider !== 'mistral');
  assert.ok(chosen.length >= 6);
  await each(chosen, (entry) => checkStream(entry, { prefix: `/${entry.provider}` }));
});

test('a bare model name that the catalogue knows goes to its provider', { skip: skipWithoutShared }, async () => {
  const seen = new Set();
  const chosen = of('json').filter((entry) => /^(gpt-4o|gpt-4\.1|gpt-5|o3|claude|mistral|text-embedding|magistral)/.test(entry.request_model) && !seen.has(entry.request_model) && seen.add(entry.request_model));
  assert.ok(chosen.length > 20);
  const unknown = [];
  await each(chosen, async (entry) => {
    const recording = loadExact(entry.file);
    const provider = providers[entry.provider];
    provider.requests.length = 0;
    provider.play = playback(recording);
    const answer = await post(`${gateway.url}${doorPath(entry)}`, recording.request, callerFields(recording));
    if (answer.status === 404 || (entry.provider === 'mistral' && answer.status === 400)) { unknown.push(entry.request_model); return; }
    assert.equal(answer.status, 200, answer.text);
    same(provider.requests[0].body, recording.request, 'request');
    same(answer.text, recording.answer, 'answer');
  });
  assert.ok(unknown.length <= chosen.length / 4, `unknown to the catalogue: ${unknown.join(', ')}`);
});

test('no key and no caller\'s key is in the log', { skip: skipWithoutShared }, () => {
  for (const word of ['sk-test-', 'sk-of-the-caller']) assert.ok(!gateway.output.includes(word) && !gateway.errors.includes(word), word);
  for (const name of names) assert.deepEqual(providers[name].faults, []);
});
