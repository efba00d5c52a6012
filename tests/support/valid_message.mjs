// What strict clients insist on in Anthropic's messages.
import assert from 'node:assert/strict';
import { parseEvents } from './sse.mjs';
import { framing, isCount, isText, oneOf } from './valid_values.mjs';

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
