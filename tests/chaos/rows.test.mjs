// What docs/reliability.md and docs/security.md say is tested, is: each row of our reliability goals has its line, each line names
// tests that are there.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../support/processes.mjs';

const read = (file) => readFileSync(path.join(root, file), 'utf8');
const page = read('docs/reliability.md');
const numbered = (letter, from, to) => Array.from({ length: to - from + 1 }, (_, index) => `${letter}${from + index}`);

test('every row of docs/reliability.md has the test it names', () => {
  const rows = [...page.matchAll(/^\| ([A-Z]\d+[a-z]?) \|.*\| `([^`]+)`.* \|$/gm)];
  const missing = rows.filter(([, row, file]) => {
    const text = read(`tests/${file}`);
    // As a test's name, which a loop may put together.
    return !new RegExp(`['"\`]([A-Z]\\d+ )*${row}(\\b[^'"\`]* |')`).test(text);
  }).map(([, row, file]) => `${row} in ${file}`);
  assert.deepEqual(missing, []);
  // The rows of our goals; what has none yet is in the paragraph that says so.
  const goals = [...numbered('U', 1, 24), ...numbered('C', 1, 17), ...numbered('D', 1, 14), ...numbered('P', 1, 13)];
  const later = /^Not yet: (.*)$/m.exec(page)[1].match(/[A-Z]\d+/g);
  assert.deepEqual(later, ['C16', ...numbered('D', 5, 10)]);
  const told = new Set([...rows.map(([, row]) => row), ...later]);
  assert.deepEqual(goals.filter((row) => !told.has(row)), []);
});

// Of the third column of the checklist: files of tests, test suites of src/, and in italics what a test is called (… stands for the rest).
test('every line of the checklist of docs/security.md names tests that are there', () => {
  const lines = [...read('docs/security.md').matchAll(/^\| (S-\d+[^|]*) \| [^|]+ \| (.+) \|$/gm)];
  assert.ok(lines.length >= 35, `${lines.length} lines`);
  const sources = globSync('src/**/*_test.cpp', { cwd: root });
  const suites = sources.map(read).join('\n').replaceAll(/TEST(_[FP])?\((\w+), (\w+)\)/g, '$2.$3');
  const faults = [];
  let checked = 0;
  for (const [, line, shown] of lines) {
    let file;
    for (const [, quoted, title] of shown.matchAll(/`([^`]+)`|\*([^*]+)\*/g)) {
      const complain = () => faults.push(`${line}: ${quoted ?? title}`);
      if (title) {
        const text = read(file).replaceAll("\\'", "'");
        if (!title.split('…').every((part) => text.includes(part.trim()))) complain();
      } else if (/^(tests\/|chaos\/)/.test(quoted)) {
        file = quoted.startsWith('chaos/') ? `tests/${quoted}.test.mjs` : quoted;
        if (!existsSync(path.join(root, file))) complain();
      } else if (/_test$/.test(quoted)) {
        if (!sources.some((source) => source.endsWith(`/${quoted}.cpp`))) complain();
      } else if (/^[A-Z][a-z]\w+(\.\w+)?$/.test(quoted)) {
        if (!suites.includes(quoted)) complain();
      } else { continue; }
      ++checked;
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(checked >= 60, `${checked} names`);
});
