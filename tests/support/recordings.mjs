// The recorded provider traffic, read from where it lies (AI_PROXY_SHARED). Without it the tests that need it skip,
// except where skipping is forbidden (CI).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './processes.mjs';

export const shared = path.resolve(process.env.AI_PROXY_SHARED ?? path.join(root, '../shared'));
const folder = path.join(shared, 'data/traffic');
const present = existsSync(path.join(folder, 'INDEX.jsonl'));
if (!present && process.env.AI_PROXY_NO_SKIP === '1') throw new Error(`no recordings in ${folder}`);

// For node:test's `skip` option: false, or why.
export const skipWithoutShared = present ? false : 'the recorded traffic is not at hand (AI_PROXY_SHARED)';

const chatEndpoints = new Set(['chat.completions', 'messages']);

export function load(file) {
  return JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
}

// Index lines of every recorded chat exchange: provider, kind (json, stream, error), file …
export function chatRecordings() {
  if (!present) return [];
  return readFileSync(path.join(folder, 'INDEX.jsonl'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
    .filter((entry) => chatEndpoints.has(entry.endpoint))
    .map((entry) => {
      const [provider, kind] = entry.file.split('/');
      return { ...entry, provider, kind };
    });
}
