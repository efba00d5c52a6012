// The snippets of docs/sdks.md, taken from its text and run against the demo providers, so that they cannot rot.
// JavaScript and curl always; Python where its packages are installed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { root, startGateway } from '../support/processes.mjs';

const page = readFileSync(path.join(root, 'docs/sdks.md'), 'utf8');

// Every snippet of a language, with the heading it stands under.
function snippets(language) {
  const found = [];
  let heading = '';
  for (const [, title, word, text] of page.matchAll(/^## ([^\n]*)$|^```(\w+)\n(.*?)^```$/gms)) {
    if (title !== undefined) heading = title;
    else if (word === language) found.push({ heading, text });
  }
  return found;
}

let gateway;
before(async () => {
  gateway = await startGateway({ args: ['--demo'], environment: { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', MISTRAL_API_KEY: '' } });
});
after(() => gateway.stop());

// What it prints. It runs in this folder, whose packages it finds, and without keys of ours.
async function run(command, args, text) {
  const here = text.replaceAll('http://localhost:8080', gateway.url);
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME, AI_SDK_LOG_WARNINGS: 'false' };
  const child = spawn(command, [...args, here], { cwd: path.join(root, 'tests/sdk'), env: environment, stdio: ['ignore', 'pipe', 'pipe'], timeout: 90_000 });
  let output = '';
  let errors = '';
  child.stdout.on('data', (bytes) => { output += bytes; });
  child.stderr.on('data', (bytes) => { errors += bytes; });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, `${text}\n${output}${errors}`);
  return output;
}

// The demo providers answer "Hello! …" to a greeting; a snippet prints as many answers as it asks for.
const answers = (output) => [...output.matchAll(/Hello/g)].length;

test('the page has a snippet for every SDK', () => {
  assert.deepEqual(snippets('js').map(({ heading }) => heading), ['openai', 'Anthropic', 'Mistral', 'Vercel AI SDK', 'LangChain']);
  assert.deepEqual(snippets('python').map(({ heading }) => heading), ['openai', 'Anthropic', 'Mistral', 'LangChain']);
  assert.equal(snippets('bash').length, 2);
});

for (const { heading, text } of snippets('js')) {
  test(`JavaScript: ${heading}`, async () => {
    const asked = [...text.matchAll(/"Hello"/g)].length;
    assert.ok(asked > 0);
    assert.ok(answers(await run(process.execPath, ['--input-type=module', '-e'], text)) >= asked);
  });
}

for (const { heading, text } of snippets('python')) {
  const [, module] = /^from ([\w.]+) import/.exec(text);
  const missing = spawnSync('python3', ['-c', `import ${module}`]).status !== 0;
  test(`Python: ${heading}`, { skip: missing && `no Python package ${module}` }, async () => {
    assert.ok(answers(await run('python3', ['-c'], text)) >= 1);
  });
}

for (const { text } of snippets('bash')) {
  test(`curl: ${/http\S+/.exec(text)[0]}`, async () => {
    const answer = JSON.parse(await run('bash', ['-c'], text));
    assert.match(JSON.stringify(answer), /Hello/);
    assert.equal(answer.error, undefined);
  });
}

test('the settings of opencode are JSON, and every base URL is one of the table', () => {
  for (const { text } of snippets('json')) JSON.parse(text);
  const allowed = /^http:\/\/localhost:8080(\/v1(\/(chat(\/completions)?|messages))?|\/mistral)?$/;
  for (const [url] of page.matchAll(/http:\/\/localhost:8080[\w/.]*/g)) assert.match(url, allowed);
});
