// Every recorded request through its own door to each other provider, simulated strictly: it must be acceptable there,
// and the answer must be one that the caller's own SDK would take for its provider's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { slow, startGateway, startSimulator } from './support/processes.mjs';
import { skipWithoutShared } from './support/recordings.mjs';
import { doorPath, doorRecordings, loadExact } from './support/door_recordings.mjs';
import { findFaults, post } from './support/sent.mjs';
import { validChat, validChatStream, validError, validMessage, validMessageStream, validResponse, validResponseStream } from './support/validators.mjs';

const names = ['openai', 'anthropic', 'mistral'];
const models = {
  openai: { plain: 'openai/gpt-4o', thinks: 'openai/o3' },
  anthropic: { plain: 'anthropic/claude-sonnet-4-5', thinks: 'anthropic/claude-sonnet-4-5' },
  mistral: { plain: 'mistral/mistral-medium-latest', thinks: 'mistral/magistral-medium-latest' },
};

const simulators = {};
let gateway;
before(async () => {
  if (skipWithoutShared) return;
  for (const name of names) simulators[name] = await startSimulator(['--strict', '--flavour', name]);
  gateway = await startGateway({
    environment: Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_BASE_URL`, simulators[name].url])),
  });
});
after(async () => {
  await gateway?.stop();
  for (const simulator of Object.values(simulators)) await simulator.stop();
});

const dialectOf = (entry) => (entry.endpoint === 'messages' ? 'anthropic' : entry.endpoint === 'responses' ? 'responses' : entry.provider);

// Chat of every kind that its own provider took: what that one refused need not be taken elsewhere.
const recordings = doorRecordings().filter((entry) => /^(chat|responses|messages)/.test(entry.endpoint) && entry.kind !== 'error');
const doors = ['openai', 'responses', 'anthropic', 'mistral'];
const others = (entry) => names.filter((name) => name !== entry.provider);
const sampled = (entries, share) => entries.filter((_, index) => index % share === 0);

// Media that the recordings left out (over 2 KB) is stood in for by a picture of one pixel.
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const elided = /[A-Za-z0-9+/=_-]*#ELIDED base64 len=\d+ sha256=[0-9a-f]+/g;

function requestOf(entry, model) {
  const body = JSON.parse(loadExact(entry.file).request.replaceAll(elided, png));
  return { ...body, model };
}

const ask = (entry, body) => post(`${gateway.url}${doorPath(entry)}`, body, entry.endpoint === 'messages' ? { 'anthropic-version': '2023-06-01' } : {});

// The answer, checked by its dialect's rules, as text, calls, reason, usage.
function validated(entry, body, answer) {
  const type = answer.headers['content-type'];
  assert.equal(answer.broken, false);
  if (body.stream === true) assert.match(type, /^text\/event-stream/);
  else assert.match(type, /^application\/json/);
  const usage = body.stream_options?.include_usage === true;
  switch (dialectOf(entry)) {
    case 'anthropic': return body.stream ? validMessageStream(answer.text) : validMessage(JSON.parse(answer.text));
    case 'responses': return body.stream ? validResponseStream(answer.text) : validResponse(JSON.parse(answer.text));
    case 'mistral': return body.stream ? validChatStream(answer.text, { flavour: 'mistral' }) : validChat(JSON.parse(answer.text), 'mistral');
    default: return body.stream ? validChatStream(answer.text, { usage }) : validChat(JSON.parse(answer.text));
  }
}

// What the gateway itself may refuse, because the other provider has nothing like it: the message says so.
const justified = [
  [/^'?(previous_response_id|conversation|prompt|background)'? |Only OpenAI can read|[oO]nly OpenAI itself (keeps|stores|runs)/, 'state that OpenAI keeps'],
  [/file_id|input_file|uploaded/i, 'a file that lies at the caller\'s provider'],
  [/takes documents as/, 'a document in a form that the other does not read'],
  [/takes no audio/, 'audio for a provider without'],
  [/run at (OpenAI|Anthropic|Mistral) itself|only (OpenAI|Anthropic|Mistral) itself has/, 'a tool that runs at the caller\'s provider'],
  [/needs at least one user message/, 'nothing but a system prompt'],
];

// One caller's own mistake, which its provider let pass and others do not.
const excused = [['a result of a call that was never made', /messages with role 'tool' must be a response to a preceeding message/]];

function isJustified(message) {
  return justified.find(([pattern]) => pattern.test(message))?.[1];
}

const tally = new Map();

async function cross(entry, target) {
  const body = requestOf(entry, models[target][entry.features.includes('thinking') ? 'thinks' : 'plain']);
  const answer = await ask(entry, body);
  if (answer.status !== 200) {
    const flavour = dialectOf(entry);
    const error = validError[flavour](JSON.parse(answer.text));
    assert.ok(answer.status === 400 || answer.status === 422, `${answer.status} ${answer.text}`);
    const excuse = excused.find(([, pattern]) => pattern.test(error.message))?.[0];
    if (excuse) { tally.set(excuse, [...(tally.get(excuse) ?? []), `${entry.file} -> ${target}`]); return; }
    assert.ok(answer.headers['x-ai-proxy-attempts'] === '0', `refused by ${target}, not by the gateway: ${error.message}`);
    const reason = isJustified(error.message);
    assert.ok(reason, `refused: ${error.message}`);
    tally.set(reason, [...(tally.get(reason) ?? []), `${entry.file} -> ${target}: ${error.message}`]);
    return;
  }
  assert.equal(answer.headers['x-ai-proxy-provider'], target);
  validated(entry, body, answer);
}

for (const door of doors) {
  const provider = door === 'responses' ? 'openai' : door;
  for (const target of names.filter((name) => name !== provider)) {
    test(`requests of the ${door} door are taken by ${target}, and the answer is the door's own`, { skip: skipWithoutShared }, async (context) => {
      const entries = sampled(recordings.filter((entry) => dialectOf(entry) === door), slow ? 6 : 1);
      tally.clear();
      const faults = await findFaults(entries, 6, (entry) => cross(entry, target));
      const refused = [...tally.values()].flat().length;
      context.diagnostic(`${entries.length} requests, ${refused} refused with a reason: ${[...tally].map(([why, all]) => `${all.length} ${why} (${all[0]})`).join('; ')}`);
      assert.equal(faults.length, 0, `${faults.length} of ${entries.length}:\n${faults.slice(0, 12).join('\n')}`);
      // Only the Responses API has much that no other provider can do.
      assert.ok(refused <= 2 + entries.length / (door === 'responses' ? 8 : 60), `${refused} refused`);
    });
  }
}

// --- a stream and a whole answer of the same question ---------------------------------------------------------------

// One recording for each door and combination of features.
function combinations() {
  const chosen = new Map();
  for (const entry of recordings) {
    const features = entry.features.filter((name) => !/^nev=|stream/.test(name)).sort();
    chosen.set(`${dialectOf(entry)} ${features}`, entry);
  }
  return [...chosen.values()];
}

function withQuestion(entry, body, text) {
  if (dialectOf(entry) === 'responses') return { ...body, input: !Array.isArray(body.input) ? `${body.input ?? ''} ${text}` : [...body.input, { role: 'user', content: text }] };
  const last = body.messages.at(-1);
  if (last.role === 'user' && typeof last.content === 'string') return { ...body, messages: [...body.messages.slice(0, -1), { ...last, content: `${last.content} ${text}` }] };
  return { ...body, messages: [...body.messages, { role: 'user', content: text }] };
}

function firstTool(entry, body) {
  const tool = (body.tools ?? []).find((one) => (dialectOf(entry) === 'anthropic' ? one.input_schema : one.type === 'function'));
  return tool?.function?.name ?? tool?.name;
}

const withStream = (entry, body, stream) => {
  const { stream: _, stream_options: __, ...rest } = body;
  if (!stream) return rest;
  return { ...rest, stream: true, ...(dialectOf(entry) === 'openai' ? { stream_options: { include_usage: true } } : {}) };
};

// The simulated OpenAI names its service tier in whole answers only; C13 has chunks as the real one writes them.
const comparable = ({ content: _, usage: { service_tier: __, ...usage }, ...folded }) => ({
  ...folded, usage,
  // The simulated provider draws ids from the request, `stream` included.
  calls: folded.calls.map(({ id: ___, ...call }) => call), signatures: folded.signatures?.length,
});

for (const kind of ['text', 'calls']) {
  test(`a stream adds up to the whole answer, crossed: ${kind}`, { skip: skipWithoutShared }, async (context) => {
    const entries = combinations().flatMap((entry) => others(entry).map((target) => ({ ...entry, target, name: `${entry.file} -> ${target}` })));
    let compared = 0, called = 0;
    const faults = await findFaults(sampled(entries, slow ? 4 : 1), 4, async (entry) => {
      const recorded = requestOf(entry, models[entry.target].plain);
      const tool = firstTool(entry, recorded);
      if (kind === 'calls' && !tool) return;
      const question = withQuestion(entry, recorded, kind === 'calls' ? `[call ${tool}]` : '北京🙂 é');
      const streamed = withStream(entry, question, true);
      const whole = withStream(entry, question, false);
      const [first, second] = [await ask(entry, streamed), await ask(entry, whole)];
      assert.equal(first.status, second.status, `${first.text.slice(0, 300)}\n${second.text.slice(0, 300)}`);
      if (first.status !== 200) return;
      const [one, other] = [validated(entry, streamed, first), validated(entry, whole, second)];
      assert.deepEqual(comparable(one), comparable(other));
      compared += 1;
      called += one.calls.length > 0 ? 1 : 0;
    });
    context.diagnostic(`${compared} compared, ${called} with calls`);
    assert.equal(faults.length, 0, `${faults.length} of ${entries.length}:\n${faults.slice(0, 12).join('\n')}`);
    assert.ok(compared >= (slow ? 5 : 40), `${compared}`);
    if (kind === 'calls') assert.ok(called >= compared * 0.5, `${called} of ${compared} with calls`);
  });
}
