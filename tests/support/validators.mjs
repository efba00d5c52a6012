// What the providers' SDKs and strict clients insist on, per dialect: whole answers and streams. A stream's validator
// gives back the answer that its events add up to, in the shape of the whole answer.
import assert from 'node:assert/strict';
import { parseEvents } from './sse.mjs';

const isText = (value, what) => assert.equal(typeof value, 'string', `${what}: ${JSON.stringify(value)}`);
const isCount = (value, what) => assert.ok(Number.isInteger(value) && value >= 0, `${what}: ${value}`);
const oneOf = (value, words, what) => assert.ok(words.includes(value), `${what}: ${value}`);
const isJson = (text, what) => assert.doesNotThrow(() => JSON.parse(text), `${what}: ${text}`);

// The lines of a stream as they stand: what no client of this dialect has to bear.
function framing(text, { events }) {
  assert.ok(text.endsWith('\n\n'), `ends with a blank line: …${JSON.stringify(text.slice(-60))}`);
  assert.ok(!text.includes('\ufffd'), 'no replacement characters');
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('data: ') || line.startsWith(':')) continue;
    if (events && line.startsWith('event: ')) continue;
    assert.fail(`line ${JSON.stringify(line.slice(0, 80))}`);
  }
}

// --- OpenAI's chat, and Mistral's, which has the same frame ---------------------------------------------------------

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

// --- Anthropic's messages -------------------------------------------------------------------------------------------

const stopReasons = ['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'pause_turn', 'refusal', 'model_context_window_exceeded'];

function messageEnding({ content, stop_reason: reason, stop_sequence: sequence }) {
  oneOf(reason, stopReasons, 'stop_reason');
  if (reason === 'stop_sequence') isText(sequence, 'stop_sequence');
  else assert.equal(sequence, null);
  const calls = content.filter((block) => block.type === 'tool_use');
  if (calls.length > 0) oneOf(reason, ['tool_use', 'max_tokens'], 'a turn with calls ends so');
  assert.equal(new Set(calls.map((call) => call.id)).size, calls.length, 'distinct ids');
  for (const call of calls) {
    assert.match(call.id, /^[a-zA-Z0-9_-]+$/);
    assert.ok(call.name.length > 0);
    assert.equal(typeof call.input, 'object');
  }
}

export function validMessage(body) {
  assert.equal(body.type, 'message');
  assert.equal(body.role, 'assistant');
  isText(body.id, 'id');
  isText(body.model, 'model');
  messageEnding(body);
  for (const name of ['input_tokens', 'output_tokens']) isCount(body.usage[name], name);
  return foldedMessage(body);
}

function foldedMessage(message) {
  const of = (type) => message.content.filter((block) => block.type === type);
  return {
    text: of('text').map((block) => block.text).join(''), thinking: of('thinking').map((block) => block.thinking).join(''),
    signatures: [...of('thinking').map((block) => block.signature), ...of('redacted_thinking').map((block) => block.data)],
    calls: of('tool_use').map((call) => ({ id: call.id, name: call.name, arguments: call.input })),
    reason: message.stop_reason, stopSequence: message.stop_sequence, usage: message.usage, content: message.content,
  };
}

const deltaOf = { text: ['text_delta', 'citations_delta'], tool_use: ['input_json_delta'], thinking: ['thinking_delta', 'signature_delta'], redacted_thinking: [] };

export function validMessageStream(text) {
  framing(text, { events: true });
  const events = parseEvents(text).map(({ event, data }) => {
    const value = JSON.parse(data);
    assert.equal(value.type, event, 'every event\'s data has its type');
    return value;
  }).filter(({ type }) => type !== 'ping');
  const [start, ...rest] = events;
  assert.equal(start.type, 'message_start', JSON.stringify(start));
  const message = start.message;
  assert.deepEqual(message.content, []);
  assert.equal(message.stop_reason, null);
  isText(message.id, 'id');
  for (const name of ['input_tokens', 'output_tokens']) isCount(message.usage[name], `message_start ${name}`);
  assert.equal(rest.pop().type, 'message_stop');
  const end = rest.pop();
  assert.equal(end.type, 'message_delta', JSON.stringify(end));
  foldBlocks(rest, message.content);
  Object.assign(message, end.delta);
  message.stop_sequence ??= null;
  message.usage = { ...message.usage, ...end.usage };
  isCount(end.usage.output_tokens, 'message_delta output_tokens');
  messageEnding(message);
  return foldedMessage(message);
}

function foldBlocks(events, content) {
  let open = null;
  for (const event of events) {
    if (event.type === 'content_block_start') {
      assert.equal(open, null, 'one block at a time');
      assert.equal(event.index, content.length, 'indices are contiguous from 0');
      open = { ...event.content_block, json: '' };
      assert.ok(open.type in deltaOf, open.type);
      content.push(open);
      continue;
    }
    assert.ok(open, `${event.type} outside a block`);
    assert.equal(event.index, content.length - 1, event.type);
    if (event.type === 'content_block_stop') {
      if (open.type === 'tool_use') open.input = JSON.parse(open.json || '{}');
      delete open.json;
      open = null;
    } else {
      assert.equal(event.type, 'content_block_delta');
      foldBlockDelta(event.delta, open);
    }
  }
  assert.equal(open, null, 'every block is closed');
}

function foldBlockDelta(delta, block) {
  oneOf(delta.type, deltaOf[block.type], `delta in ${block.type}`);
  if (delta.type === 'text_delta') block.text += delta.text;
  if (delta.type === 'thinking_delta') block.thinking += delta.thinking;
  if (delta.type === 'signature_delta') block.signature = delta.signature;
  if (delta.type === 'input_json_delta') block.json += delta.partial_json;
}

// --- OpenAI's Responses ---------------------------------------------------------------------------------------------

function responseEnding(body) {
  oneOf(body.status, ['completed', 'incomplete'], 'status');
  if (body.status === 'incomplete') isText(body.incomplete_details.reason, 'incomplete reason');
  else assert.equal(body.incomplete_details ?? null, null);
  for (const name of ['input_tokens', 'output_tokens', 'total_tokens']) isCount(body.usage[name], name);
  assert.equal(body.usage.total_tokens, body.usage.input_tokens + body.usage.output_tokens);
  isCount(body.usage.input_tokens_details.cached_tokens, 'cached_tokens');
  isCount(body.usage.output_tokens_details.reasoning_tokens, 'reasoning_tokens');
  const ids = body.output.map((item) => item.id);
  assert.equal(new Set(ids).size, ids.length, 'distinct item ids');
  for (const item of body.output) checkItem(item, body.status);
}

function checkItem(item, status) {
  isText(item.id, 'item id');
  oneOf(item.type, ['message', 'function_call', 'reasoning'], 'item type');
  if (item.type === 'message') {
    assert.equal(item.role, 'assistant');
    oneOf(item.status, ['completed', 'incomplete'], 'item status');
    for (const part of item.content) oneOf(part.type, ['output_text', 'refusal'], 'part');
    for (const part of item.content) if (part.type === 'output_text') assert.ok(Array.isArray(part.annotations));
  }
  if (item.type === 'function_call') {
    assert.ok(item.call_id && item.name);
    if (status === 'completed') isJson(item.arguments, 'arguments');
  }
  if (item.type === 'reasoning') assert.ok(Array.isArray(item.summary));
}

export function validResponse(body) {
  assert.equal(body.object, 'response');
  isText(body.id, 'id');
  isText(body.model, 'model');
  assert.ok(body.created_at > 1_500_000_000);
  assert.equal(body.error, null);
  responseEnding(body);
  return foldedResponse(body);
}

function foldedResponse(body) {
  const of = (type) => body.output.filter((item) => item.type === type);
  return {
    text: of('message').flatMap((item) => item.content).filter((part) => part.type === 'output_text').map((part) => part.text).join(''),
    thinking: of('reasoning').flatMap((item) => [...item.summary, ...(item.content ?? [])]).map((part) => part.text).join(''),
    calls: of('function_call').map((call) => ({ id: call.call_id, name: call.name, arguments: body.status === 'completed' ? JSON.parse(call.arguments) : call.arguments })),
    reason: body.incomplete_details?.reason ?? body.status, usage: body.usage,
  };
}

export function validResponseStream(text) {
  framing(text, { events: true });
  const events = parseEvents(text).filter(({ data }) => data !== '[DONE]').map(({ event, data }) => {
    const value = JSON.parse(data);
    assert.equal(value.type, event, 'every event\'s data has its type');
    return value;
  });
  for (const [at, event] of events.entries()) assert.equal(event.sequence_number, at, `sequence_number of ${event.type}`);
  assert.equal(events[0].type, 'response.created');
  assert.equal(events[0].response.status, 'in_progress');
  assert.equal(events[1].type, 'response.in_progress');
  const last = events.at(-1);
  oneOf(last.type, ['response.completed', 'response.incomplete'], JSON.stringify(last).slice(0, 300));
  assert.equal(last.type, `response.${last.response.status}`);
  for (const name of ['id', 'created_at', 'model']) assert.equal(new Set([events[0], events[1], last].map((event) => event.response[name])).size, 1, name);
  const items = foldItems(events.slice(2, -1));
  assert.deepEqual(last.response.output, items.map(({ done }) => done), 'the last event holds the items that were done');
  return validResponse(last.response);
}

// The items as their events built them; each event belongs to an item that is open.
function foldItems(events) {
  const items = [];
  for (const event of events) {
    if (event.type === 'response.output_item.added') {
      assert.equal(event.output_index, items.length, 'output_index contiguous from 0');
      items.push({ added: event.item, parts: [], text: '', arguments: '', done: null });
      continue;
    }
    const item = items[event.output_index];
    assert.ok(item && item.done === null, `${event.type} in an open item`);
    if (event.item_id !== undefined) assert.equal(event.item_id, item.added.id, event.type);
    if (event.type === 'response.output_item.done') {
      assert.equal(event.item.id, item.added.id);
      assert.equal(event.item.type, item.added.type);
      if (item.added.type === 'function_call') assert.equal(event.item.arguments, item.arguments);
      item.done = event.item;
    } else foldItemEvent(event, item);
  }
  for (const item of items) assert.ok(item.done, `item ${item.added.id} is done`);
  return items;
}

function foldItemEvent(event, item) {
  const part = item.parts[event.content_index ?? event.summary_index];
  switch (event.type) {
    case 'response.content_part.added': case 'response.reasoning_summary_part.added':
      assert.equal(event.content_index ?? event.summary_index, item.parts.length);
      item.parts.push({ text: '' });
      break;
    case 'response.output_text.delta': case 'response.refusal.delta': case 'response.reasoning_summary_text.delta': case 'response.reasoning_text.delta':
      part.text += event.delta;
      break;
    case 'response.output_text.done': case 'response.reasoning_summary_text.done': case 'response.reasoning_text.done':
      assert.equal(event.text, part.text, event.type);
      break;
    case 'response.refusal.done':
      assert.equal(event.refusal, part.text);
      break;
    case 'response.content_part.done': case 'response.reasoning_summary_part.done':
      assert.equal(event.part.text ?? event.part.refusal, part.text);
      break;
    case 'response.function_call_arguments.delta':
      item.arguments += event.delta;
      break;
    case 'response.function_call_arguments.done':
      assert.equal(event.arguments, item.arguments);
      break;
    default:
      assert.fail(`unknown event ${event.type}`);
  }
}

// --- Errors ---------------------------------------------------------------------------------------------------------

// Each dialect's body of a failure; gives back {message, word}.
export const validError = {
  openai(body) {
    assert.deepEqual(Object.keys(body), ['error']);
    assert.deepEqual(Object.keys(body.error).sort(), ['code', 'message', 'param', 'type']);
    isText(body.error.message, 'message');
    isText(body.error.type, 'type');
    for (const name of ['param', 'code']) assert.ok(body.error[name] === null || (typeof body.error[name] === 'string' && !/^(None|null|undefined)?$/.test(body.error[name])), `${name}: ${body.error[name]}`);
    return { message: body.error.message, word: body.error.code ?? body.error.type };
  },
  anthropic(body) {
    assert.equal(body.type, 'error');
    isText(body.error.type, 'type');
    isText(body.error.message, 'message');
    return { message: body.error.message, word: body.error.type };
  },
  mistral(body) {
    if (Array.isArray(body.detail)) {
      for (const entry of body.detail) { isText(entry.msg, 'msg'); assert.ok(Array.isArray(entry.loc)); }
      return { message: body.detail[0].msg, word: 'detail' };
    }
    assert.equal(body.object, 'error');
    isText(body.message, 'message');
    isText(body.type, 'type');
    return { message: body.message, word: body.type };
  },
};
validError.responses = validError.openai;
