// What strict clients insist on in OpenAI's Responses.
import assert from 'node:assert/strict';
import { parseEvents } from './sse.mjs';
import { framing, isCount, isJson, isText, oneOf } from './valid_values.mjs';

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
