// How a stream ends that broke: in one error event of the caller's dialect, and never in what looks like an ending.
import assert from 'node:assert/strict';
import { parseEvents } from './sse.mjs';
import { validError } from './validators.mjs';

const cleanEnding = { openai: /"finish_reason":"|\[DONE\]/, responses: /response\.completed|response\.incomplete/, anthropic: /message_stop|"stop_reason":"/, mistral: /"finish_reason":"|\[DONE\]/ };

// The one error event of a stream, in the door's own form.
export function failureOf(door, text) {
  let events = parseEvents(text).map(({ event, data }) => ({ event, value: JSON.parse(data) }));
  // The Responses API says `error`, and then how the response stands.
  if (door === 'responses' && events.at(-1).event === 'response.failed' && events.at(-2).event === 'error') events = events.toSpliced(-2, 1);
  const failed = events.filter(({ event, value }) => event === 'error' || event === 'response.failed' || value.error || value.type === 'error' || value.object === 'error');
  assert.equal(failed.length, 1, `one error event: ${text.slice(-600)}`);
  assert.equal(failed[0], events.at(-1), `nothing behind the error: ${text.slice(-600)}`);
  assert.doesNotMatch(text, cleanEnding[door], 'no clean ending');
  const { event, value } = failed[0];
  if (door === 'anthropic') { assert.equal(event, 'error'); return validError.anthropic(value).message; }
  if (door === 'responses') return value.response?.error?.message ?? value.message;
  if (door === 'openai') return validError.openai({ error: value.error }).message;
  return value.message ?? value.error?.message;
}
