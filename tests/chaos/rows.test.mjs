// docs/reliability.md names the file that tests each row: there must be such a test in it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../support/processes.mjs';

test('every row of docs/reliability.md has the test it names', () => {
  const rows = [...readFileSync(path.join(root, 'docs/reliability.md'), 'utf8').matchAll(/^\| ([A-Z]\d+[a-z]?) \|.*\| `([^`]+)` \|$/gm)];
  assert.ok(rows.length >= 20, `${rows.length} rows`);
  const missing = rows.filter(([, row, file]) => {
    const text = readFileSync(path.join(root, 'tests', file), 'utf8');
    // As a test's name, which a loop may put together.
    return !new RegExp(`['"\`]([A-Z]\\d+ )*${row}(\\b[^'"\`]* |')`).test(text);
  }).map(([, row, file]) => `${row} in ${file}`);
  assert.deepEqual(missing, []);
});
