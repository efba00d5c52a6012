// What the validators of all dialects ask of values and of a stream's lines.
import assert from 'node:assert/strict';

export const isText = (value, what) => assert.equal(typeof value, 'string', `${what}: ${JSON.stringify(value)}`);
export const isCount = (value, what) => assert.ok(Number.isInteger(value) && value >= 0, `${what}: ${value}`);
export const oneOf = (value, words, what) => assert.ok(words.includes(value), `${what}: ${value}`);
export const isJson = (text, what) => assert.doesNotThrow(() => JSON.parse(text), `${what}: ${text}`);

// The lines of a stream as they stand: what no client of this dialect has to bear.
export function framing(text, { events }) {
  assert.ok(text.endsWith('\n\n'), `ends with a blank line: …${JSON.stringify(text.slice(-60))}`);
  assert.ok(!text.includes('\ufffd'), 'no replacement characters');
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('data: ') || line.startsWith(':')) continue;
    if (events && line.startsWith('event: ')) continue;
    assert.fail(`line ${JSON.stringify(line.slice(0, 80))}`);
  }
}
