// Every recorded chat exchange of the three providers, through the running gateway's POST /v1/chat.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { postJson, providersAt, slow, startGateway } from './support/processes.mjs';
import { chatRecordings, load, skipWithoutShared } from './support/recordings.mjs';
import { ReplayProvider } from './support/replay_provider.mjs';
import { expectError, expectStream, expectUsage, expectWhole } from './support/expectation.mjs';
import { costOf, findModel } from './support/cost_oracle.mjs';
import { foldNative } from './support/sse.mjs';

let provider, gateway;
before(async () => {
  if (skipWithoutShared) return;
  provider = await ReplayProvider.start();
  gateway = await startGateway({ environment: providersAt(provider.url) });
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
});

const recordings = chatRecordings();
const of = (kind) => recordings.filter((entry) => entry.kind === kind);

function requestFor(entry, how = '') {
  const stream = entry.kind === 'stream';
  return {
    provider: entry.provider, model: entry.request_model ?? entry.response_model ?? 'unknown-model', stream,
    messages: [{ role: 'user', content: `replay:${entry.file}${how}` }],
  };
}

// Runs the check on every entry, eight at a time, and fails with the list of what differs.
async function each(entries, check) {
  const faults = [];
  const queue = [...entries];
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let entry = queue.shift(); entry; entry = queue.shift()) {
      try { await check(entry); } catch (fault) { faults.push(`${entry.file}: ${fault.message.slice(0, 600)}`); }
    }
  }));
  assert.equal(faults.length, 0, `${faults.length} of ${entries.length} differ:\n${faults.slice(0, 15).join('\n')}`);
}

function same(actual, expected, what) {
  assert.deepEqual(actual, expected, what);
}

// Arguments are compared as values when they are JSON (we may re-space, never change), else as text.
function argumentValue(text) {
  try { return JSON.parse(text); } catch { return text; }
}

function checkCalls(actual, expected) {
  same((actual ?? []).map((call) => [call.name, argumentValue(call.arguments)]), expected.map((call) => [call.name, argumentValue(call.arguments)]), 'tool calls');
}

function checkMoney(entry, cost, answered, usage, tier) {
  const model = answered && findModel(entry.provider, answered) ? answered : entry.request_model ?? answered;
  const expected = costOf(entry.provider, model ?? '', usage, tier);
  if (expected === undefined) return;   // audio and the like: the price tests' business
  const actual = cost.estimated_cost_usd === null ? null
    : { input: cost.input_cost_usd, output: cost.output_cost_usd, total: cost.estimated_cost_usd };
  same(actual, expected, 'cost');
}

function checkUsage(entry, actual, usage) {
  const expected = expectUsage(entry.provider, usage);
  if (expected === null) return;
  const { prompt_tokens, completion_tokens, total_tokens } = actual;
  same({ prompt_tokens, completion_tokens, total_tokens }, expected, 'usage');
}

test('every recorded JSON answer comes out as it implies', { skip: skipWithoutShared }, async () => {
  await each(of('json'), async (entry) => {
    const expected = expectWhole(entry.provider, load(entry.file).response.body);
    const { status, text, headers } = await postJson(`${gateway.url}/v1/chat`, requestFor(entry));
    assert.equal(status, 200, text);
    const answer = JSON.parse(text);
    same(answer.message.content ?? '', expected.content, 'text');
    checkCalls((answer.message.tool_calls ?? []).map((call) => call.function), expected.calls);
    same(answer.finish_reason, expected.finish, 'finish reason');
    checkUsage(entry, answer.usage, expected.usage);
    checkMoney(entry, answer.cost, expected.model, expected.usage, expected.tier);
    assert.equal(headers.get('x-ai-proxy-provider'), entry.provider);
    assert.ok(!text.includes('\ufffd') || JSON.stringify(load(entry.file)).includes('\ufffd'), 'no replacement characters');
  });
});

async function checkStream(entry, expected, text) {
  const folded = foldNative(text);
  same(folded.endings, 1, 'endings');
  if (expected.error || !expected.complete) {
    same(folded.last.event, 'error', 'a broken stream ends in an error event');
    return folded;
  }
  same(folded.last.event, 'done', JSON.stringify(folded.last.value));
  same(folded.content, expected.content, 'text');
  checkCalls(folded.tool_calls, expected.calls);
  same(folded.last.value.finish_reason, expected.finish, 'finish reason');
  checkUsage(entry, folded.last.value.usage, expected.usage);
  checkMoney(entry, folded.last.value.cost, expected.model, expected.usage, expected.tier);
  return folded;
}

test('every recorded stream comes out as it implies', { skip: skipWithoutShared }, async () => {
  await each(of('stream'), async (entry) => {
    const expected = expectStream(entry.provider, load(entry.file).response.sse_raw);
    const { status, text } = await postJson(`${gateway.url}/v1/chat`, requestFor(entry));
    assert.equal(status, 200, text);
    await checkStream(entry, expected, text);
  });
});

test('every recorded error is mapped by the table', { skip: skipWithoutShared }, async () => {
  await each(of('error'), async (entry) => {
    const { response } = load(entry.file);
    const expected = expectError(entry.provider, response.status, response.body);
    const { status, text } = await postJson(`${gateway.url}/v1/chat`, requestFor(entry));
    const answer = JSON.parse(text);
    same({ status, code: answer.details.code }, expected, text);
    same(Object.keys(answer.details), ['code', 'provider', 'model', 'status', 'retryable', 'retry_after_ms', 'provider_request_id', 'attempts'], 'details');
    same(answer.details.status, response.status, 'provider status');
    assert.ok(answer.error.length > 10);
  });
});

// A varied subset: for each provider and feature the shortest stream that has it.
function varied(limit) {
  const chosen = new Map();
  for (const entry of of('stream')) {
    const { length } = load(entry.file).response.sse_raw;
    for (const feature of [...entry.features.filter((name) => !name.startsWith('nev=')), `finish ${entry.finish}`, 'any']) {
      const key = `${entry.provider} ${feature}`;
      if (!chosen.has(key) || chosen.get(key).length > length) chosen.set(key, { entry, length });
    }
  }
  return [...new Set([...chosen.values()].filter(({ length }) => length < limit).map(({ entry }) => entry))];
}

test('streams sent one byte per write come out the same', { skip: skipWithoutShared }, async () => {
  await each(varied(slow ? 4_000 : 20_000), async (entry) => {
    const expected = expectStream(entry.provider, load(entry.file).response.sse_raw);
    const { text } = await postJson(`${gateway.url}/v1/chat`, requestFor(entry, ' drip'));
    await checkStream(entry, expected, text);
    assert.ok(!text.includes('\ufffd'));
  });
});

test('streams cut in two at every offset come out the same', { skip: skipWithoutShared }, async () => {
  const chosen = ['openai', 'anthropic', 'mistral'].flatMap((name) => varied(6_000).filter((entry) => entry.provider === name).slice(0, slow ? 1 : 4));
  assert.ok(chosen.length >= 3);
  for (const entry of chosen) {
    const raw = load(entry.file).response.sse_raw;
    const expected = expectStream(entry.provider, raw);
    const whole = foldNative((await postJson(`${gateway.url}/v1/chat`, requestFor(entry))).text);
    const step = slow ? 23 : 1;
    const offsets = Array.from({ length: Math.floor(Buffer.byteLength(raw) / step) }, (_, index) => ({ file: `${entry.file} at ${index * step}`, offset: index * step }));
    await each(offsets, async ({ offset }) => {
      const { text } = await postJson(`${gateway.url}/v1/chat`, requestFor(entry, ` cut:${offset}`));
      const folded = await checkStream(entry, expected, text);
      same([folded.content, folded.tool_calls, folded.chunks], [whole.content, whole.tool_calls, whole.chunks], 'as in one piece');
    });
  }
});

test('a truncated stream ends in event: error, never in done', { skip: skipWithoutShared }, async () => {
  const chosen = varied(6_000);
  await each(chosen, async (entry) => {
    const raw = load(entry.file).response.sse_raw;
    // Before the finish reason: after it the answer is complete, terminator or not.
    const end = Buffer.byteLength(raw.slice(0, raw.search(/"(finish_reason|stop_reason)": *"/)));
    for (const share of [0.2, 0.5, 0.9]) {
      const { status, text } = await postJson(`${gateway.url}/v1/chat`, requestFor(entry, ` truncate:${Math.floor(end * share)}`));
      if (status === 200) {
        const folded = foldNative(text);
        same([folded.endings, folded.last.event, folded.last.value.details.code], [1, 'error', 'stream_interrupted'], text);
      } else {
        same([status, JSON.parse(text).details.code], [502, JSON.parse(text).details.code], text);
      }
    }
  });
});

test('the provider gets its key and usage is asked for', { skip: skipWithoutShared }, async () => {
  const find = (name) => provider.requests.find(({ head, body }) => head.startsWith('POST') && body.includes(`replay:${name}/stream`));
  const openai = find('openai');
  assert.match(openai.head, /^POST \/v1\/chat\/completions HTTP\/1\.1\r\n/);
  assert.match(openai.head, /\r\nauthorization: Bearer sk-test-openai\r\n/i);
  assert.deepEqual(JSON.parse(openai.body).stream_options, { include_usage: true });
  const anthropic = find('anthropic');
  assert.match(anthropic.head, /^POST \/v1\/messages HTTP\/1\.1\r\n/);
  assert.match(anthropic.head, /\r\nx-api-key: sk-test-anthropic\r\n/i);
  assert.match(anthropic.head, /\r\nanthropic-version: 2023-06-01\r\n/i);
  assert.ok(JSON.parse(anthropic.body).max_tokens > 0);
  const mistral = find('mistral');
  assert.match(mistral.head, /\r\nauthorization: Bearer sk-test-mistral\r\n/i);
  assert.equal(JSON.parse(mistral.body).stream_options, undefined);
});

test('no key and no prompt text is in the log', { skip: skipWithoutShared }, async () => {
  for (const word of ['sk-test-', 'replay:']) {
    assert.ok(!gateway.output.includes(word) && !gateway.errors.includes(word), `${word} in the log`);
  }
});
