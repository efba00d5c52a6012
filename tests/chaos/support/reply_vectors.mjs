// Answers of providers, byte by byte, and what must become of them. Two corpora (outside of this repository, see
// AI_PROXY_SHARED) and a list of our own for what they lack.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../support/processes.mjs';
import { unable } from '../../support/skips.mjs';

const corpora = path.join(process.env.AI_PROXY_SHARED ?? path.join(root, '../shared'), 'data/corpora');
export const skipWithoutCorpora = unable(!existsSync(corpora) && `no corpora at ${corpora}: set AI_PROXY_SHARED`);

const answer = JSON.stringify({ id: 'c1', object: 'chat.completion', created: 1, model: 'mock', choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } });
const head = (...lines) => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const chunk = (bytes, size = bytes.length.toString(16)) => `${size}\r\n${bytes}\r\n`;
const hex = answer.length.toString(16);

// What a vector's answer may be: `answer` (the whole thing), `status` (an HTTP status), `event` (an error inside the stream).
export const verdictOf = ({ status, text, broken }, stream) => {
  if (broken) return 'broken';
  if (status !== 200) return String(status);
  if (!stream) return /"content":"hi"/.test(text) ? 'answer' : `other 200: ${text.slice(0, 100)}`;
  if (/^event: done$/m.test(text)) return /^event: error$/m.test(text) ? 'both endings' : 'answer';
  return /^event: error$/m.test(text) ? 'event' : 'neither ending';
};

// --- the own corpus: 79 by its README, of which a part may be elsewhere ----------------------------------------------------

// By A4 of the users' cases a terminator without a finish reason is no ending, so these are errors behind their event.
const unfinished = ['sse-multi-data', 'sse-no-space', 'sse-double-done', 'sse-unterminated-last', 'sse-huge-event', 'sse-endless-line', 'sse-error-event', 'sse-bad-json'];

function expectedOf({ id, gateway, stream }) {
  if (unfinished.includes(id)) return { verdicts: ['event', '502'] };
  if (id === 'sse-anthropic-error') return { verdicts: ['502', '503'] };
  if (/^502/.test(gateway)) return { verdicts: ['502'], pooled: /JSON|completion/.test(gateway) ? undefined : false };
  if (/^200 or 502/.test(gateway)) return { verdicts: ['answer', '502'], pooled: false };
  if (/^(fallback or )?429|Retry-After/.test(gateway)) return { verdicts: ['429'] };
  if (/^200/.test(gateway) || stream) return { verdicts: ['answer'] };
  throw new Error(`no verdict for ${id}: ${gateway}`);
}

export function ownCorpus() {
  const folder = path.join(corpora, 'http1-responses/own');
  return JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')).cases.map((one) => {
    const expected = expectedOf(one);
    // What is good HTTP and bad content may keep its connection; what is bad HTTP may not.
    if (expected.pooled === false && /^(status-204|html|json|sse)/.test(one.id)) delete expected.pooled;
    return { id: one.id, bytes: readFileSync(path.join(folder, one.file)), closes: one.after === 'close', stream: one.stream, ...expected };
  });
}

// --- llhttp's responses: none holds a completion, so none may become an answer ---------------------------------------------

export function llhttpCorpus() {
  const folder = path.join(corpora, 'http1-requests/llhttp');
  return JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')).response.map((one) => {
    const bytes = readFileSync(path.join(folder, one.file));
    const complete = one.expect === 'accept' && one.mode === 'response' && one.messages_completed === 1;
    const status = Number(/^\r?\n?HTTP\/1\.[01] ([45]\d\d)/.exec(bytes.toString('latin1'))?.[1]);
    return {
      id: path.basename(one.file, '.http'), bytes, closes: false, stream: false,
      verdicts: one.expect === 'reject' || !status ? ['502'] : ['502', '503', '504', String(status)],
      pooled: complete ? undefined : false,
    };
  });
}

// --- ours -------------------------------------------------------------------------------------------------------------------

const bad = (id, bytes, more = {}) => ({ id, bytes: Buffer.from(bytes, 'latin1'), closes: false, stream: false, verdicts: ['502'], pooled: false, ...more });
const good = (id, bytes, more = {}) => ({ ...bad(id, bytes), verdicts: ['answer'], pooled: undefined, ...more });
const chunked = (id, size, more) => bad(id, head('Transfer-Encoding: chunked') + chunk(answer, size) + chunk(''), more);
const length = (id, value) => bad(id, head(`Content-Length: ${value}`) + answer);
const field = (id, line) => bad(id, head(line, `Content-Length: ${answer.length}`) + answer);
const statusLine = (id, line) => bad(id, `${line}\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`);

export const ours = [
  good('chunked', head('Transfer-Encoding: chunked') + chunk(answer) + chunk('')),
  good('chunked-upper-case', head('Transfer-Encoding: CHUNKED') + chunk(answer, hex.toUpperCase()) + chunk('')),
  good('chunked-zeros-before', head('Transfer-Encoding: chunked') + chunk(answer, `0000${hex}`) + chunk('')),
  good('chunked-extension', head('Transfer-Encoding: chunked') + chunk(answer, `${hex};a=b;c="d"`) + chunk('')),
  good('chunked-trailer', `${head('Transfer-Encoding: chunked') + chunk(answer)}0\r\nX-Sum: 1\r\n\r\n`),
  chunked('chunk-minus', '-2'), chunked('chunk-plus', `+${hex}`), chunked('chunk-0x', `0x${hex}`), chunked('chunk-not-hex', 'g1'), chunked('chunk-empty-size', ''),
  chunked('chunk-blank-before', ` ${hex}`), chunked('chunk-wrap64', `1${'0'.repeat(16)}${hex}`), chunked('chunk-2e64', 'ffffffffffffffffff'), chunked('chunk-size-cr', `${hex}\r`),
  bad('chunk-short', head('Transfer-Encoding: chunked') + chunk(answer, (answer.length - 2).toString(16)) + chunk('')),
  bad('chunk-no-crlf', `${head('Transfer-Encoding: chunked')}${hex}\r\n${answer}${chunk('')}`),
  bad('chunk-extension-flood', `${head('Transfer-Encoding: chunked')}${hex};${'a'.repeat(200_000)}\r\n${answer}\r\n${chunk('')}`),
  bad('chunk-trailer-flood', `${head('Transfer-Encoding: chunked') + chunk(answer)}0\r\n${'X-A: b\r\n'.repeat(30_000)}\r\n`),
  length('cl-plus', `+${answer.length}`), length('cl-hex', `0x${hex}`), length('cl-word', 'many'), length('cl-empty', ''), length('cl-list-differs', `${answer.length}, 3`),
  length('cl-wrap64', `18446744073709551616${answer.length}`), length('cl-2e63', '9223372036854775808'), length('cl-blank-inside', '2 5'),
  bad('cl-short-body', head(`Content-Length: ${answer.length + 100}`) + answer, { closes: true }),
  field('te-chunked-twice', 'Transfer-Encoding: chunked, chunked'), field('te-identity', 'Transfer-Encoding: identity'), field('te-unknown', 'Transfer-Encoding: cow'), field('te-tab', 'Transfer-Encoding:\x0bchunked'),
  bad('te-http-1.0', `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(answer)}${chunk('')}`),
  field('field-blank-before-colon', 'X-A : b'), field('field-no-colon', 'X-A'), field('field-no-name', ': b'), field('field-nul', 'X-A: a\0b'), field('field-bare-cr', 'X-A: a\rX-B: c'), field('field-folded', 'X-A: a\r\n  b'), field('field-bare-lf', 'X-A: a\n'), field('encoding-gzip', 'Content-Encoding: gzip'), field('encoding-br', 'Content-Encoding: br'),
  statusLine('status-99', 'HTTP/1.1 099 OK'), statusLine('status-600', 'HTTP/1.1 600 OK'), statusLine('status-minus', 'HTTP/1.1 -200 OK'), statusLine('status-missing', 'HTTP/1.1'), statusLine('status-1000', 'HTTP/1.1 2000 OK'),
  statusLine('version-lower-case', 'http/1.1 200 OK'), statusLine('version-1', 'HTTP/1 200 OK'), statusLine('version-1.10', 'HTTP/1.10 200 OK'), statusLine('version-none', '200 OK'), statusLine('version-ftp', 'FTP/1.1 200 OK'),
  bad('http2-preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), bad('tls-alert', '\x15\x03\x01\x00\x02\x02\x28', { closes: true }), bad('ssh', 'SSH-2.0-OpenSSH_9.2\r\n', { closes: true }),
  bad('switching-protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
  bad('head-cut', 'HTTP/1.1 200 OK\r\nContent-Type: appl', { closes: true }),
  bad('interim-endless', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(20) + head(`Content-Length: ${answer.length}`) + answer),
  bad('redirect-307', `HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`, { pooled: undefined }),
  bad('status-304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n', { pooled: undefined }),
];
