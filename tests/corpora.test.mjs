// The HTTP request corpora, vector by vector, over raw sockets: broken, hostile and merely odd requests. After each the server must still answer.
// Which of several legal answers is ours stands in docs/decisions/0003-http-requests.md.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { statuses, talk, vectorsOf } from './support/http_vectors.mjs';
import { providersAt, root, slow, startGateway, startSimulator } from './support/processes.mjs';
import { unable } from './support/skips.mjs';

const folder = path.join(process.env.AI_PROXY_SHARED ?? path.join(root, '../shared'), 'data/corpora/http1-requests');
const available = existsSync(path.join(folder, 'own/manifest.json'));
const absent = unable(!available && `no HTTP request corpora at ${folder}: set AI_PROXY_SHARED`);
const atOnce = slow ? 4 : 12;
// What may be answered late on a busy machine is sent a second time, alone and with more patience.
const patience = { answerLimit: 2000, quiet: slow ? 1000 : 250 };
const morePatience = { answerLimit: 4000, quiet: 1500 };

let gateway, simulator, port;
before(async () => {
  if (!available) return;
  simulator = await startSimulator();
  // The model that the vectors ask for.
  const cwd = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  writeFileSync(path.join(cwd, 'config.yaml'), 'aliases:\n  mock: openai/gpt-4o\n');
  gateway = await startGateway({ folder: cwd, args: ['--config', 'config.yaml'], environment: providersAt(simulator.url) });
  port = Number(new URL(gateway.url).port);
});
after(async () => {
  await gateway?.stop();
  await simulator?.stop();
});

async function isAlive() {
  const { answers } = await talk(port, [Buffer.from('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')], morePatience);
  return statuses(answers[0])[0] === 200;
}

async function sendOne(vector, limits) {
  const { answers, closed } = await talk(port, vector.pieces, limits);
  const verdict = (await isAlive()) ? vector.verdict(answers, closed) : 'DEAD';
  return { vector, verdict, codes: answers.flatMap((answer) => statuses(answer ?? '')), closed };
}

async function judged(vectors) {
  const waiting = [...vectors], results = [];
  const work = async () => { for (let vector = waiting.shift(); vector; vector = waiting.shift()) results.push(await sendOne(vector, patience)); };
  await Promise.all(Array.from({ length: atOnce }, work));
  for (const [index, result] of results.entries()) {
    if (result.verdict === 'FAIL') results[index] = await sendOne(result.vector, morePatience);
  }
  return results;
}

const line = ({ vector, verdict, codes, closed }) =>
  `${verdict} ${vector.id}: expected ${vector.expect}, got [${codes.slice(0, 4)}]${closed ? ', closed' : ''} (${vector.why})`;

// How many vectors there are, and how many wait for what is not built yet, so that a corpus that shrinks does not pass unnoticed.
for (const [corpus, count, open] of [['own', 110, 7], ['llhttp', 133, 0], ['http11probe', 206, 0]]) {
  test(`HTTP requests: ${corpus}`, { skip: absent }, async (context) => {
    const results = await judged(vectorsOf(corpus, folder));
    const countOf = (verdict) => results.filter((result) => result.verdict === verdict).length;
    context.diagnostic(`${corpus}: ${['PASS', 'WARN', 'OPEN', 'FAIL', 'DEAD'].map((verdict) => `${countOf(verdict)} ${verdict}`).join(', ')} of ${results.length}`);
    for (const result of results) if (result.verdict === 'WARN' || result.verdict === 'OPEN') context.diagnostic(line(result));
    assert.deepEqual([results.length, countOf('OPEN')], [count, open]);
    assert.deepEqual(results.filter(({ verdict }) => verdict === 'FAIL' || verdict === 'DEAD').map(line), []);
  });
}

test('HTTP requests: nothing of a credential stands in the log', { skip: absent }, async () => {
  await gateway.saw(/"status":200/);
  assert.doesNotMatch(gateway.output + gateway.errors, /sk-test|pg_sleep|' OR '1'|kkkkkkkk/);
});
