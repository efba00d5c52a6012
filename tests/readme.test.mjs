// The README's examples, taken from its text and run against the demo providers, so that they cannot rot.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { binary, root, startGateway } from './support/processes.mjs';
import { foldNative } from './support/sse.mjs';

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const blocks = (language) => [...readme.matchAll(new RegExp('```' + language + '\\n(.*?)```', 'gs'))].map(([, text]) => text);

let gateway;
before(async () => {
  gateway = await startGateway({ args: ['--demo'], environment: { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', MISTRAL_API_KEY: '' } });
});
after(() => gateway.stop());

function run(command, args) {
  const here = (text) => text.replaceAll('http://localhost:8080', gateway.url);
  const environment = { ...process.env, PATH: `${path.dirname(binary)}:${process.env.PATH}` };
  const result = spawnSync(command, args.map(here), { encoding: 'utf8', env: environment, timeout: 60_000 });
  assert.equal(result.status, 0, `${args.at(-1)}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

const bash = blocks('bash');

test('the README has the examples it should have', () => {
  assert.deepEqual([bash.length, blocks('js').length, blocks('python').length], [4, 1, 1]);
});

test('first request with curl', () => {
  const answer = JSON.parse(run('bash', ['-c', bash[0]]));
  assert.deepEqual(Object.keys(answer), ['provider', 'model', 'message', 'finish_reason', 'usage', 'cost', 'latency_ms']);
  assert.match(answer.message.content, /Hello/);
  assert.match(answer.cost.estimated_cost_usd, /^0\.\d{6,}$/);
});

test('streaming with curl', () => {
  const folded = foldNative(run('bash', ['-c', bash[1]]));
  assert.ok(folded.chunks > 3);
  assert.equal(folded.last.event, 'done');
  assert.ok(folded.last.value.usage.completion_tokens > 0);
});

test('a faulty request with curl lists every fault as the README shows', () => {
  const answer = JSON.parse(run('bash', ['-c', bash[2]]));
  const shown = JSON.parse(readme.slice(readme.indexOf('"error": "Invalid request"') - 4).match(/\{.*?\n\}/s)[0]);
  assert.equal(answer.error, shown.error);
  assert.deepEqual(answer.details, shown.details);
  assert.deepEqual(Object.keys(answer.expectedSchema), Object.keys(shown.expectedSchema));
});

test('price on the command line', () => {
  const answer = JSON.parse(run('bash', ['-c', bash[3]]));
  assert.deepEqual([answer.input_cost_usd, answer.output_cost_usd, answer.total_cost_usd], ['0.000025', '0.000250', '0.000275']);
});

test('JavaScript', () => {
  assert.match(run(process.execPath, ['--input-type=module', '-e', blocks('js')[0]]), /Hello[^]*cost in USD: 0\.\d+/);
});

test('Python', () => {
  assert.match(run('python3', ['-c', blocks('python')[0]]), /Hello[^]*cost in USD: 0\.\d+/);
});
