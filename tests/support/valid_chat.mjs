// What strict clients insist on in OpenAI's chat, and in Mistral's, which has the same frame.
import assert from 'node:assert/strict';
import { parseEvents } from './sse.mjs';
import { framing, isCount, isJson, isText, oneOf } from './valid_values.mjs';

const chatReasons = { openai: ['stop', 'length', 'tool_calls', 'content_filter'], mistral: ['stop', 'length', 'tool_calls', 'model_length', 'error'] };

function chatCalls(calls, reason) {
  const ids = calls.map((call) => call.id);
  assert.equal(new Set(ids).size, ids.length, `distinct ids: ${ids}`);
  for (const call of calls) {
    isText(call.id, 'call id');
    assert.ok(call.id.length > 0);
    assert.ok(call.function.name.length > 0, 'call name');
    if (reason !== 'length') isJson(call.function.arguments, 'arguments');
  }
  if (calls.length > 0) oneOf(reason, ['tool_calls', 'length'], 'a turn with calls ends so');
}

function chatUsage(usage) {
  for (const name of ['prompt_tokens', 'completion_tokens', 'total_tokens']) isCount(usage[name], name);
  assert.ok(usage.total_tokens >= usage.completion_tokens);
}

export function validChat(body, flavour = 'openai') {
  assert.equal(body.object, 'chat.completion');
  isText(body.id, 'id');
  isText(body.model, 'model');
  assert.ok(body.created > 1_500_000_000);
  assert.equal(body.choices.length, 1);
  const [{ index, message, finish_reason: reason }] = body.choices;
  assert.equal(index, 0);
  assert.equal(message.role, 'assistant');
  assert.ok('content' in message);
  oneOf(reason, chatReasons[flavour], 'finish_reason');
  if (message.tool_calls) assert.ok(message.tool_calls.length > 0);
  for (const call of message.tool_calls ?? []) if (flavour === 'openai') assert.equal(call.type, 'function');
  chatCalls(message.tool_calls ?? [], reason);
  chatUsage(body.usage);
  return { text: textOfChat(message.content), thinking: thinkingOfChat(message), calls: (message.tool_calls ?? []).map(callOfChat), reason, usage: body.usage };
}

const callOfChat = (call) => ({ id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments || '{}') });
const textOfChat = (content) => (typeof content === 'string' ? content : (content ?? []).filter((part) => part.type === 'text').map((part) => part.text).join(''));
const thinkingOfParts = (content) => (Array.isArray(content) ? content : []).filter((part) => part.type === 'thinking').flatMap((part) => part.thinking).map((part) => part.text ?? '').join('');
const thinkingOfChat = (message) => (message.reasoning_content ?? '') + thinkingOfParts(message.content);

// `usage`: asked for (true), or not; Mistral's stands on the last chunk, unasked.
export function validChatStream(text, { flavour = 'openai', usage = false } = {}) {
  framing(text, { events: false });
  const events = parseEvents(text);
  assert.equal(events.at(-1)?.data, '[DONE]', `last event ${events.at(-1)?.data?.slice(0, 300)}`);
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data));
  assert.ok(chunks.length > 0, 'chunks');
  for (const name of ['id', 'created', 'model', 'object']) assert.equal(new Set(chunks.map((chunk) => chunk[name])).size, 1, `${name} on every chunk`);
  assert.equal(chunks[0].object, 'chat.completion.chunk');
  const folded = { text: '', thinking: '', calls: [], reason: null, usage: undefined };
  const seen = { role: false, reason: false };
  for (const [at, chunk] of chunks.entries()) {
    assert.equal(chunk.error, undefined, JSON.stringify(chunk.error));
    const last = at === chunks.length - 1;
    checkChunkUsage(chunk, { flavour, usage, last });
    folded.usage ??= chunk.usage ?? undefined;
    if (chunk.choices.length === 0) {
      assert.ok(last && usage && flavour === 'openai', 'a chunk without choices only at the end, and asked for');
      continue;
    }
    assert.equal(chunk.choices.length, 1);
    foldChoice(chunk.choices[0], folded, seen, flavour);
  }
  assert.ok(seen.reason, 'a finish_reason');
  oneOf(folded.reason, chatReasons[flavour], 'finish_reason');
  if (folded.reason === 'length') folded.calls = folded.calls.map((call) => ({ ...call, cut: true }));
  chatCalls(folded.calls.map((call) => ({ id: call.id, function: call })), folded.reason);
  folded.calls = folded.calls.map((call) => ({ id: call.id, name: call.name, arguments: call.cut ? call.arguments : JSON.parse(call.arguments) }));
  return folded;
}

function checkChunkUsage(chunk, { flavour, usage, last }) {
  if (flavour === 'mistral') {
    if (last) chatUsage(chunk.usage);
    else assert.ok(chunk.usage === undefined || chunk.usage === null, 'usage on the last chunk only');
    return;
  }
  if (!usage) assert.ok(!('usage' in chunk), `usage was not asked for: ${JSON.stringify(chunk.usage)}`);
  else if (last) { assert.deepEqual(chunk.choices, []); chatUsage(chunk.usage); }
  else assert.equal(chunk.usage, null, 'usage is null before the last chunk');
}

function foldChoice(choice, folded, seen, flavour) {
  assert.ok(!seen.reason, 'nothing after the finish_reason');
  assert.equal(choice.index, 0);
  const { delta } = choice;
  if (!seen.role) assert.equal(delta.role, 'assistant', 'the first chunk says the role');
  else if (flavour === 'openai') assert.equal(delta.role, undefined, 'only the first');
  seen.role = true;
  folded.text += textOfChat(delta.content);
  folded.thinking += (delta.reasoning_content ?? '') + thinkingOfParts(delta.content);
  for (const call of delta.tool_calls ?? []) foldCall(call, folded.calls, flavour);
  if (choice.finish_reason) {
    seen.reason = true;
    folded.reason = choice.finish_reason;
  }
}

function foldCall(call, calls, flavour) {
  isCount(call.index, 'call index');
  const known = calls[call.index];
  if (!known) {
    assert.equal(call.index, calls.length, 'indices are contiguous from 0');
    assert.ok(call.id && call.function.name, `first delta of a call has id and name: ${JSON.stringify(call)}`);
    if (flavour === 'openai') assert.equal(call.type, 'function');
    calls.push({ id: call.id, name: call.function.name, arguments: call.function.arguments ?? '' });
    return;
  }
  assert.equal(flavour, 'openai', 'Mistral\'s calls arrive whole');
  assert.ok(call.id === undefined || call.id === known.id);
  known.arguments += call.function.arguments;
}
