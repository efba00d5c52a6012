// What the corpora's tests share: where a corpus is, and the table of verdicts that its test prints.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { shared } from './recordings.mjs';
import { unable } from './skips.mjs';

// A corpus: {absent, read, manifest}. `absent` is for node:test's `skip`.
export function corpus(name, file) {
  const folder = path.join(shared, 'data/corpora', name);
  const present = existsSync(path.join(folder, file));
  const absent = unable(!present && `no ${file} in ${folder}: set AI_PROXY_SHARED`);
  const read = (entry) => readFileSync(path.join(folder, entry));
  return { absent, read, manifest: present ? JSON.parse(read(file)) : {} };
}

// A verdict of each entry; one that cannot be given is the fault's text.
export async function verdicts(entries, judge) {
  const results = [];
  for (const entry of entries) {
    let got;
    try { got = await judge(entry); } catch (fault) { got = fault.message.slice(0, 300); }
    results.push({ ...entry, got });
  }
  return results;
}

const counted = (words) => [...new Set(words)].sort().map((word) => `${word} × ${words.filter((one) => one === word).length}`).join(', ');

// Prints the table of `results` ({id, group, expected, got, why}), a line for each group and expectation. None may have failed, and
// there must be as many as the corpus has.
export function tabulate(context, results, count) {
  const failed = (some) => some.filter(({ expected, got }) => got !== expected);
  context.diagnostic(`${results.length} judged of ${count}, ${failed(results).length} failed`);
  for (const [row, some] of Map.groupBy(results, ({ group, expected }) => `${group}: expected ${expected}`)) {
    context.diagnostic(`  ${row}, got ${counted(some.map(({ got }) => got))}, failed ${failed(some).length} of ${some.length}`);
  }
  assert.equal(results.length, count);
  assert.equal(new Set(results.map(({ id }) => id)).size, count, 'each once');
  const told = ({ id, expected, got, why }) => `${id}: expected ${expected}, got ${got}${why ? ` (${why})` : ''}`;
  assert.deepEqual(failed(results).map(told), []);
}
