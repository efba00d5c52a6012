// The process: commands and exit codes, reload without a cut stream, drain.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Program, binary, gatewayEnvironment, root, postJson, startGateway, startSimulator } from './support/processes.mjs';
import { foldNative } from './support/sse.mjs';

let simulator, slowSimulator;
before(async () => {
  simulator = await startSimulator();
  slowSimulator = await startSimulator(['--chunk-pause', '100']);
});
after(async () => {
  await simulator.stop();
  await slowSimulator.stop();
});

const folder = () => mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
const run = (args, options = {}) => spawnSync(binary, args, { encoding: 'utf8', env: gatewayEnvironment(options.environment), cwd: options.cwd ?? folder(), input: options.input });
const question = { provider: 'openai', model: 'gpt-4o', messages: [{ role: 'user', content: 'Tell me a story' }] };
const configuration = (url, more = '') => `providers:\n  openai:\n    base_url: ${url}/openai\n${more}`;

test('--version, --help, models', () => {
  assert.match(run(['--version']).stdout, /^ai-proxy \d+\.\d+\.\d+/);
  assert.match(run(['--help']).stdout, /--demo/);
  const models = run(['models']);
  assert.equal(models.status, 0);
  assert.match(models.stdout, /gpt-4o/);
  assert.ok(JSON.parse(run(['models', '--json']).stdout));
});

test('wrong usage and wrong configuration exit with 2 and the reason', () => {
  assert.equal(run(['--no-such-option']).status, 2);
  const port = run([], { environment: { PORT: 'eighty' } });
  assert.equal(port.status, 2);
  assert.match(port.stderr, /PORT/);
  const host = run([], { environment: { HOST: '0.0.0.0' } });
  assert.equal(host.status, 2);
  assert.match(host.stderr, /AI_PROXY_ALLOW_ANONYMOUS/);
  const cwd = folder();
  writeFileSync(path.join(cwd, 'c.yaml'), 'server:\n  port: 8080\n  prot: 1\n');
  const check = run(['check', '--config', 'c.yaml'], { cwd });
  assert.equal(check.status, 2);
  assert.match(check.stderr, /c\.yaml:3:3: .*prot/);
});

test('check says what is configured; .env is read, the environment wins', () => {
  const cwd = folder();
  writeFileSync(path.join(cwd, '.env'), 'PORT=eighty\n');
  assert.equal(run(['check'], { cwd, environment: { PORT: '8081' } }).status, 0);
  assert.equal(spawnSync(binary, ['check'], { cwd, env: {}, encoding: 'utf8' }).status, 2);
});

test('price goes on after a broken line', () => {
  const usage = '{"provider":"openai","model":"gpt-4o","usage":{"prompt_tokens":10,"completion_tokens":25},"context":{}}';
  const { stdout, status } = run(['price', '--json'], { input: `${usage}\nnot json\n${usage.replace('gpt-4o', 'nobody-knows')}\n` });
  assert.equal(status, 0);
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, 3);
  assert.equal(lines[0].total_cost_usd, '0.000275');
  assert.ok(lines[1].error);
  assert.equal(lines[2].total_cost_usd, null);
});

test('price uses the price file that the gateway would use', () => {
  const cwd = folder();
  const prices = JSON.parse(readFileSync(path.join(root, 'data/prices.json'), 'utf8'));
  prices.models.find((model) => model.model === 'gpt-4o').prices.input = '5';
  writeFileSync(path.join(cwd, 'prices.json'), JSON.stringify(prices));
  const line = '{"provider":"openai","model":"gpt-4o","usage":{"prompt_tokens":10,"completion_tokens":25}}';
  const { status, stdout, stderr } = run(['price'], { cwd, environment: { AI_PROXY_PRICES: 'prices.json' }, input: line });
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).input_cost_usd, '0.000050');
});

async function withConfiguredGateway(text, body) {
  const cwd = folder();
  const file = path.join(cwd, 'config.yaml');
  writeFileSync(file, text);
  const gateway = await startGateway({ folder: cwd, args: ['--config', file] });
  try { await body(gateway, file); } finally { await gateway.stop(); }
}

test('a changed file is taken over, a running stream is not cut', async () => {
  await withConfiguredGateway(configuration(slowSimulator.url), async (gateway, file) => {
    const stream = postJson(`${gateway.url}/v1/chat`, { ...question, stream: true });
    writeFileSync(file, configuration(simulator.url, 'aliases:\n  my-model: openai/gpt-4o-mini\n'));
    await gateway.saw(/configuration reloaded/);
    const { status, text } = await postJson(`${gateway.url}/v1/chat`, { model: 'my-model', messages: question.messages });
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).model, 'gpt-4o-mini');
    assert.equal(foldNative((await stream).text).last.event, 'done');
  });
});

test('SIGHUP reloads; a broken file is refused with its line and the old one stays', async () => {
  await withConfiguredGateway(configuration(simulator.url), async (gateway, file) => {
    writeFileSync(file, 'providers:\n  openai:\n    base_url: [\n');
    gateway.child.kill('SIGHUP');
    await gateway.saw(/config\.yaml:\d+/);
    await gateway.saw(/old configuration stays/);
    assert.equal((await postJson(`${gateway.url}/v1/chat`, question)).status, 200);
  });
});

test('P7 a .env that is there and cannot be read is refused: at the start, and on a reload the old keys stay', async () => {
  const cwd = folder(), file = path.join(cwd, '.env');
  const environment = gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', OPENAI_BASE_URL: `${simulator.url}/openai` });
  delete environment.OPENAI_API_KEY;
  writeFileSync(path.join(cwd, 'good'), 'OPENAI_API_KEY=sk-of-dotenv\n');
  // Root may read every file, so these are what not even root can read.
  mkdirSync(path.join(cwd, 'folder'));
  writeFileSync(path.join(cwd, 'large'), '');
  truncateSync(path.join(cwd, 'large'), 64 * 1024 * 1024 + 1);
  const unreadable = { folder: /\.env: there is no such file: what has its name is a directory/, large: /\.env: the file is larger than 64 MiB/ };
  // At once: nobody looks while there is none.
  const become = (what) => { symlinkSync(what, `${file}.new`); renameSync(`${file}.new`, file); };
  for (const [what, fault] of Object.entries(unreadable)) {
    become(what);
    for (const args of [[], ['check']]) {
      const { status, stderr } = spawnSync(binary, args, { cwd, env: environment, encoding: 'utf8', timeout: 20_000 });
      assert.equal(status, 2, stderr);
      assert.match(stderr, fault);
    }
  }

  become('good');
  const gateway = new Program(binary, [], { cwd, env: environment });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  const statusOfChat = async () => (await postJson(`${url}/v1/chat`, question)).status;
  // A changed file is noticed as well: only what the signal led to is waited for.
  const reload = async (ending) => {
    gateway.errors = '';
    gateway.child.kill('SIGHUP');
    await gateway.saw(new RegExp(`${ending}","cause":"SIGHUP"`));
  };
  assert.equal(await statusOfChat(), 200);
  for (const [what, fault] of Object.entries(unreadable)) {
    become(what);
    await reload('the old configuration stays');
    assert.match(gateway.errors, fault);
    assert.equal(await statusOfChat(), 200);
    assert.match(await (await fetch(`${url}/readyz`)).text(), /"configuration":"the last reload was refused/);
    become('good');
    await reload('configuration reloaded');
    assert.equal(await statusOfChat(), 200);
  }
  // One that is gone is none.
  rmSync(file);
  await reload('configuration reloaded');
  assert.equal(await statusOfChat(), 503);
  await gateway.stop();
});

test('SIGTERM drains: the running stream finishes, readyz turned, exit 0', async () => {
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: slowSimulator.url } });
  const response = await fetch(`${gateway.url}/v1/chat?stream=true`, { method: 'POST', body: JSON.stringify(question) });
  const reader = response.body.getReader();
  let text = new TextDecoder().decode((await reader.read()).value);
  gateway.child.kill('SIGTERM');
  await gateway.saw(/draining/);
  const statusOf = async (path, options) => { const answer = await fetch(gateway.url + path, options); return [answer.status, await answer.text()]; };
  assert.deepEqual(await statusOf('/readyz'), [503, '{"status":"draining"}']);
  assert.equal((await statusOf('/livez'))[0], 200);
  const [status, refusal] = await statusOf('/v1/chat', { method: 'POST', body: JSON.stringify(question) });
  assert.deepEqual([status, JSON.parse(refusal).details.code, JSON.parse(refusal).details.retryable], [503, 'overloaded', true]);
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value);
  assert.equal(foldNative(text).last.event, 'done');
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
});

test('a port that another gateway has is refused, exit 2', async () => {
  const gateway = await startGateway();
  const second = spawnSync(binary, ['--port', new URL(gateway.url).port], { encoding: 'utf8', env: gatewayEnvironment(), timeout: 10_000 });
  assert.equal(second.status, 2, second.stderr);
  assert.match(second.stderr, /Cannot listen on 127\.0\.0\.1 port \d+/);
  await gateway.stop();
});

test('a provider without a key is named once at the start', async () => {
  const gateway = await startGateway({ environment: { MISTRAL_API_KEY: '' } });
  await gateway.saw(/no key/);
  await gateway.stop();
  const lines = gateway.errors.trim().split('\n').map((line) => JSON.parse(line)).filter((line) => /no key/.test(line.message));
  assert.deepEqual(lines.map(({ level, provider, variable }) => [level, provider, variable]), [['warn', 'mistral', 'MISTRAL_API_KEY']]);
});

test('after the drain time the rest gets an error event, exit 0', async () => {
  const endless = await startSimulator(['--chunk-pause', '500', '--chunks', '200', '--reply-bytes', '4000']);
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: endless.url, AI_PROXY_DRAIN_SECONDS: '1' } });
  const response = await fetch(`${gateway.url}/v1/chat?stream=true`, { method: 'POST', body: JSON.stringify(question) });
  const reader = response.body.getReader();
  let text = new TextDecoder().decode((await reader.read()).value);
  gateway.child.kill('SIGTERM');
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value);
  const { last, endings } = foldNative(text);
  assert.deepEqual([endings, last.event, last.value.details.code], [1, 'error', 'overloaded']);
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  await endless.stop();
});

test('a second SIGTERM ends at once', async () => {
  const endless = await startSimulator(['--chunk-pause', '500', '--chunks', '200', '--reply-bytes', '4000']);
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: endless.url } });
  const response = await fetch(`${gateway.url}/v1/chat?stream=true`, { method: 'POST', body: JSON.stringify(question) });
  await response.body.getReader().read();
  gateway.child.kill('SIGTERM');
  await gateway.saw(/draining/);
  gateway.child.kill('SIGTERM');
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  await endless.stop();
});

test('a client that goes away closes the provider connection', async () => {
  const endless = await startSimulator(['--chunk-pause', '200', '--chunks', '200', '--reply-bytes', '4000']);
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: endless.url } });
  const abort = new AbortController();
  const response = await fetch(`${gateway.url}/v1/chat?stream=true`, { method: 'POST', body: JSON.stringify(question), signal: abort.signal, headers: { 'x-request-id': 'gone' } });
  await response.body.getReader().read();
  abort.abort();
  await gateway.saw(/"request_id":"gone".*\n/);
  assert.equal(gateway.accessLines().find((line) => line.request_id === 'gone').status, 499);
  await gateway.stop();
  await endless.stop();
});
