// The recorded exchanges of every operation that has a door, with the exact text of what was sent and answered.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { shared, skipWithoutShared } from './recordings.mjs';
import { rawMember, spanOf, withMember } from './raw_json.mjs';

const folder = path.join(shared, 'data/traffic');

// Where each operation of each provider has its own door, and the provider's own path.
const paths = {
  'chat.completions': '/v1/chat/completions', responses: '/v1/responses', embeddings: '/v1/embeddings',
  messages: '/v1/messages', count_tokens: '/v1/messages/count_tokens',
};

export const providerPath = (entry) => paths[entry.endpoint];
export const doorPath = (entry) => (entry.provider === 'mistral' ? '/mistral' : '') + paths[entry.endpoint];

// Index lines with their request present: provider, kind (json, stream, error), file …
export function doorRecordings() {
  if (skipWithoutShared) return [];
  return readFileSync(path.join(folder, 'INDEX.jsonl'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
    .filter((entry) => entry.endpoint in paths && entry.request_present)
    .map((entry) => {
      const [provider, kind] = entry.file.split('/');
      return { ...entry, provider, kind };
    })
    .filter((entry) => loadExact(entry.file).request !== 'null');
}

// {request, requestHeaders, status, headers, answer}: request and answer as exact texts.
export function loadExact(file) {
  const text = readFileSync(path.join(folder, file), 'utf8');
  const { request, response } = JSON.parse(text);
  const streamed = response.sse_raw !== undefined;
  const answer = streamed ? response.sse_raw : typeof response.body === 'string' ? response.body : rawMember(text, 'response', 'body');
  return {
    request: rawMember(text, 'request', 'body') ?? 'null', requestHeaders: request?.headers ?? {},
    status: response.status, headers: response.headers ?? {}, answer, streamed,
  };
}

// The same request for another model: every other byte stays.
export const asksFor = (request, model) => withMember(request, 'model', JSON.stringify(model));
export const modelOf = (request) => (spanOf(request, 'model') ? JSON.parse(rawMember(request, 'model')) : undefined);

// What a caller who did not ask for usage must still get of a recorded OpenAI stream, and what every caller gets:
// no comments, an end.
export function shownStream(entry, request, answer) {
  if (entry.endpoint !== 'chat.completions') return answer;
  const asked = entry.provider === 'mistral' || JSON.parse(request).stream_options?.include_usage === true;
  const blocks = answer.split(/(?<=\n\n|\r\n\r\n)/);
  const shown = blocks.map((block) => {
    const line = /^data: (\{.*\})\r?\n/.exec(block);
    if (asked || !line) return block;
    const value = JSON.parse(line[1]);
    if (value.usage && value.choices?.length === 0) return '';
    const span = spanOf(line[1], 'usage');
    if (!span) return block;
    const before = line[1].slice(0, span.begin).replace(/,?\s*"usage"\s*:\s*$/, '');
    return block.replace(line[1], () => before + line[1].slice(span.end));
  }).join('');
  return /data: ?\[DONE\]/.test(shown) ? shown : `${shown}data: [DONE]\n\n`;
}
