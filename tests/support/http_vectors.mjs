// The HTTP request vectors of the corpora: how each is sent over a raw socket, and how the answer is judged. The verdicts are those of the
// corpora's own runner: what passed the parser counts as accepted, whatever the route then said to it.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const key = 'sk-test';
const routed = (status) => (status >= 200 && status < 400) || [401, 403, 404, 405, 415, 422].includes(status);
const isFault = (status) => status >= 500 && status < 600 && ![501, 505].includes(status);

export const statuses = (text) => [...text.matchAll(/HTTP\/\d\.\d (\d{3})/g)].map(([, status]) => Number(status));
const finals = (codes) => codes.filter((status) => status >= 200 || status === 101);

// Sends one piece after the other, each once the answer to the one before has settled. Gives the answers piece by piece (null: the connection
// was closed before), and whether the server closed it.
export async function talk(port, pieces, { answerLimit, quiet }) {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let received = '', closed = false, wake = () => {};
  socket.on('data', (bytes) => { received += bytes.toString('latin1'); wake(); });
  for (const event of ['end', 'close', 'error']) socket.on(event, () => { closed = true; wake(); });
  const settle = async (begin) => {
    const end = Date.now() + answerLimit;
    while (!closed && Date.now() < end) {
      const seen = received.length;
      const patience = Math.min(seen > begin ? quiet : answerLimit, end - Date.now());
      await new Promise((resolve) => { const timer = setTimeout(resolve, patience); wake = () => { clearTimeout(timer); resolve(); }; });
      if (received.length === seen) return;
    }
  };
  const answers = [];
  for (const piece of pieces) {
    if (closed) { answers.push(null); continue; }
    const begin = received.length;
    if (!socket.destroyed) socket.write(piece, () => {});
    await settle(begin);
    answers.push(received.slice(begin));
  }
  socket.destroy();
  return { answers, closed };
}

function judge(expected, codes, closed, allowed) {
  const first = finals(codes)[0];
  const refused = first === undefined ? closed : first >= 400 && (!allowed || !routed(first) || allowed.includes(first));
  switch (expected) {
    case 'accept': return first !== undefined && (routed(first) || allowed?.includes(first)) ? 'PASS' : 'FAIL';
    case 'reject': return refused && !isFault(first) ? 'PASS' : 'FAIL';
    case 'prefer_reject': return refused ? 'PASS' : routed(first) ? 'WARN' : 'FAIL';
    case 'either': return (first === undefined && !closed) || isFault(first) || first === 101 ? 'FAIL' : 'PASS';
    case 'incomplete': return [undefined, 400, 408].includes(first) ? 'PASS' : 'FAIL';
    case 'first_only': return finals(codes).length === 1 ? 'PASS' : 'FAIL';
    default: throw new Error(`no such expectation: ${expected}`);
  }
}

// How many answers these must have, and which may have one at most: what follows is no second request.
const exactly = { 'pipeline-100': 100, 'pipeline-post-get': 2 };
const atMostOne = ['te-and-cl-smuggle', 'pipeline-after-error', 'cl-get-body-as-request'];

// Decided otherwise than the vectors would have it (docs/decisions/0003-http-requests.md).
const alsoRefused = { 'te-gzip': 415 };
// What they ask for needs keys of our own for callers, which there are not yet: no credential is looked at.
const needsCallerKeys = /^auth-/;

function judgeOwn(vector, codes, closed) {
  const count = finals(codes).length;
  if (needsCallerKeys.test(vector.id)) return count === 1 && routed(codes[0]) ? 'OPEN' : judge(vector.expect, codes, closed, vector.status);
  if (codes[0] === alsoRefused[vector.id] && closed) return count === 1 ? 'PASS' : 'FAIL';
  const wrongCount = atMostOne.includes(vector.id) ? count > 1 : exactly[vector.id] !== undefined && count !== exactly[vector.id];
  return wrongCount ? 'FAIL' : judge(vector.expect, codes, closed, vector.status);
}

// What only the head or the body of an answer shows, where the vectors ask for it.
const headField = (answer, name) => new RegExp(`^${name}: *(.+)$`, 'im').exec(answer.split('\r\n\r\n')[0])?.[1];
const shown = {
  'COMP-405-ALLOW': (answer) => headField(answer, 'allow') !== undefined,
  'COMP-CONTENT-TYPE': (answer) => headField(answer, 'content-type') !== undefined,
  'COMP-DATE-HEADER': (answer) => headField(answer, 'date') !== undefined,
  'COMP-DATE-FORMAT': (answer) => /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r?$/.test(headField(answer, 'date')),
  'COMP-HEAD-NO-BODY': (answer) => answer.endsWith('\r\n\r\n') && answer.indexOf('\r\n\r\n') === answer.length - 4,
};

function judgeProbe(vector, answer, closed) {
  const first = finals(statuses(answer))[0];
  if (first === undefined) return { Pass: 'PASS', Warn: 'WARN' }[vector.no_response[closed ? 'closedbyserver' : 'timedout']] ?? 'FAIL';
  if (shown[vector.id] && !shown[vector.id](answer)) return 'FAIL';
  const passing = (closed && vector.pass_status_if_closed) || vector.pass_status;
  const warning = (closed && vector.warn_status_if_closed) || vector.warn_status;
  // Read, and then refused by the route: for the parser that is as good as 200.
  const meant = [401, 403, 404, 405, 422].includes(first) || (first >= 300 && first < 400) ? 200 : first;
  const isRefusal = passing.includes(400) && [413, 414, 431, 501, 505].includes(first);
  if (passing.includes(first) || passing.includes(meant) || isRefusal) return 'PASS';
  return warning.includes(first) || warning.includes(meant) || !vector.scored ? 'WARN' : 'FAIL';
}

function judgeSequence(rule, answers, closed) {
  const codes = answers.map((answer) => statuses(answer ?? ''));
  const first = finals(codes[0])[0];
  const second = codes[1]?.length > 0;
  switch (rule) {
    case 'no_extra_response': return finals(codes[0]).length < 2 && ([400, 501].includes(first) || closed) ? 'PASS' : 'FAIL';
    case 'reject_or_close': return [400, 501].includes(first) || !second ? 'PASS' : 'FAIL';
    case 'no_poisoning': return first === 400 || !second || (codes[1].length === 1 && codes[1][0] !== 400) ? 'PASS' : 'WARN';
    case 'expect_100': return [400, 417].includes(first) || !second || finals(codes[1])[0] !== 400 ? 'PASS' : 'WARN';
    case 'pipeline': return first !== undefined && routed(first) && second ? 'PASS' : 'WARN';
    default: throw new Error(`no such rule: ${rule}`);
  }
}

// Every vector of a corpus: { id, pieces, why, verdict(answers, closed) }.
export function vectorsOf(corpus, folder) {
  const read = (file) => Buffer.from(readFileSync(path.join(folder, corpus, file)).toString('latin1').replaceAll('{{KEY}}', key), 'latin1');
  const manifest = JSON.parse(readFileSync(path.join(folder, corpus, 'manifest.json'), 'utf8'));
  if (corpus === 'own') {
    return manifest.cases.map((vector) => ({ id: vector.id, why: vector.why, expect: vector.expect, pieces: [read(vector.file)],
      verdict: (answers, closed) => judgeOwn(vector, statuses(answers[0]), closed) }));
  }
  if (corpus === 'llhttp') {
    return manifest.request.filter((vector) => vector.mode === 'request' && vector.gateway_expect_with_host !== 'n/a').map((vector) => {
      const expect = vector.file_with_host ? vector.gateway_expect_with_host : vector.gateway_expect;
      return { id: vector.id, why: vector.title, expect, pieces: [read(vector.file_with_host ?? vector.file)],
        verdict: (answers, closed) => judge(expect, statuses(answers[0]), closed) };
    });
  }
  return manifest.cases.map((vector) => {
    const pieces = vector.kind === 'single' ? [read(vector.file)] : vector.steps.map((step) => Buffer.concat(step.parts.map((part) => read(part.file))));
    return { id: vector.id, why: vector.expected_text ?? vector.description, expect: vector.gateway_expect, pieces,
      verdict: (answers, closed) => (vector.kind === 'single' ? judgeProbe(vector, answers[0], closed) : judgeSequence(vector.rule, answers, closed)) };
  });
}
