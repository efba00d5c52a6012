// The recorded provider traffic, read from where it lies (AI_PROXY_SHARED). Without it the tests that need it skip,
// except where nothing may (skips.mjs).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './processes.mjs';
import { unable } from './skips.mjs';

export const shared = path.resolve(process.env.AI_PROXY_SHARED ?? path.join(root, '../shared'));
const folder = path.join(shared, 'data/traffic');
const present = existsSync(path.join(folder, 'INDEX.jsonl'));

// For node:test's `skip` option: false, or why.
export const skipWithoutShared = unable(!present && `no recordings in ${folder}: set AI_PROXY_SHARED`);

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
