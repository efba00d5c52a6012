// Rows D13, D14 and P13, checklist S-80 and S-81: sinks that block, a machine that lacks something, a crash, and how the
// program was built.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Program, binary, gatewayEnvironment, root, slow, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { denied } from '../support/skips.mjs';
import { wire } from '../support/turns.mjs';
import { ask, closedLoop, counted, messages, openStream, quantile, unreadPipe, until } from './support/life.mjs';

const turn = { text: ['Once', ' upon'], reason: 'stop' };
let provider;
before(async () => {
  provider = await ScriptedProvider.start(async (request, out) => {
    if (!JSON.parse(request.body).stream) return out.whole(wire.openai.whole(turn));
    await out.beginStream();
    return out.piece(wire.openai.begin(turn) + wire.openai.texts(turn).join(''));  // and never more
  });
});
after(() => provider?.stop());
const question = (content) => ({ provider: 'openai', model: 'gpt-4o', messages: [{ role: 'user', content }] });

// --- D13: standard output is a pipe that nobody reads -----------------------------------------------------------------

test('D13 a full pipe as log: no request waits for it, lines are dropped and counted, the other sink goes on', async (context) => {
  const pipe = unreadPipe();
  const gateway = new Program('sh', ['-c', 'exec "$0" > "$1"', binary, pipe.path], { env: gatewayEnvironment({ OPENAI_BASE_URL: provider.url, AI_PROXY_LOG_FORMAT: 'json', AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' }) });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  const [, admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
  const agent = new http.Agent({ keepAlive: true });
  const wanted = slow ? 3000 : 8000;
  const load = closedLoop((lane, number) => ask(`${url}/v1/chat`, question(`${lane} ${number}`), { agent, headers: { 'x-request-id': `${lane}-${number}-`.padEnd(100, 'x') } }), 8);
  await until(() => load.outcomes.length >= wanted, 'enough lines to fill pipe, buffer and queue', 120_000);
  const outcomes = await load.stop();
  agent.destroy();
  assert.deepEqual(counted(outcomes), { 200: outcomes.length });
  const inside = outcomes.map(({ headers }) => Number(headers['x-ai-proxy-overhead-us']) / 1000);
  const [early, late] = [inside.slice(0, wanted / 10), inside.slice(-wanted / 10)].map((times) => quantile(times, 0.5));
  assert.ok(late < early * 5 + (slow ? 50 : 5), `median inside ${early} ms before the pipe was full, ${late} ms after`);
  const { lines_in_all: lines } = await until(() => messages({ errors: gateway.errors }).find(({ message }) => /log lines were dropped/.test(message)), 'it says so on standard error');
  assert.ok(Number(lines) > 0);
  assert.ok(Number(/^ai_proxy_log_lines_dropped_total (\d+)$/m.exec((await ask(`${admin}/metrics`)).text)[1]) >= Number(lines));
  context.diagnostic(`${outcomes.length} requests, median inside ${early.toFixed(2)} ms, later ${late.toFixed(2)} ms`);
  gateway.child.kill('SIGTERM');
  assert.equal((await gateway.exited).code, 0);
  pipe.end();
});

// The same for standard error, where messages go: a refused reload says a hundred of them.
test('D13 a full pipe as standard error: no request waits for it, lines are dropped and counted, the other sink goes on', async (context) => {
  const pipe = unreadPipe();
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-stderr-'));
  const file = path.join(folder, 'config.yaml');
  writeFileSync(file, '# nothing yet\n');
  const gateway = new Program('sh', ['-c', 'exec "$0" --config config.yaml 2> "$1"', binary, pipe.path], {
    cwd: folder,
    env: gatewayEnvironment({ OPENAI_BASE_URL: provider.url, AI_PROXY_LOG_FORMAT: 'json', AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' }),
  });
  let told = '';
  const saw = (pattern) => until(() => { told += pipe.read(); return pattern.exec(told); }, String(pattern));
  const [, url] = await saw(/"url":"(http:[^"]+)/);
  const [, admin] = await saw(/admin listening.*?"address":"(http:[^"]+)"/);
  const metric = async (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await ask(`${admin}/metrics`)).text)[1]);
  const agent = new http.Agent({ keepAlive: true });
  const load = closedLoop((lane, number) => ask(`${url}/v1/chat`, question(`${lane} ${number}`), { agent }), 4);
  await until(() => load.outcomes.length >= 200, 'the load runs');
  const early = load.outcomes.length;

  pipe.fill();
  writeFileSync(file, Array.from({ length: 100 }, (_, index) => `unknown_${index}_${'x'.repeat(40)}: 1\n`).join(''));
  const reloads = 40;
  for (let round = 1; round <= reloads; ++round) {
    gateway.child.kill('SIGHUP');
    await until(async () => await metric('ai_proxy_config_reload_failed_total') >= round, 'the reload is refused');
  }
  await until(async () => await metric('ai_proxy_log_lines_dropped_total') > 0, 'lines are dropped');
  const before = load.outcomes.length;
  await until(() => load.outcomes.length >= before + 200, 'requests go on');
  const outcomes = await load.stop();
  agent.destroy();
  assert.deepEqual(counted(outcomes), { 200: outcomes.length });
  const inside = outcomes.map(({ headers }) => Number(headers['x-ai-proxy-overhead-us']) / 1000);
  const [calm, full] = [inside.slice(0, early), inside.slice(early)].map((times) => quantile(times, 0.5));
  assert.ok(full < calm * 5 + (slow ? 50 : 5), `median inside ${calm} ms before the pipe was full, ${full} ms after`);
  await until(() => gateway.accessLines().length === outcomes.length, 'every request has its line on standard output');
  // Who reads again finds what is new.
  told = pipe.read() && '';
  writeFileSync(file, '# good again\n');
  await saw(/configuration reloaded/);
  const dropped = await metric('ai_proxy_log_lines_dropped_total');
  context.diagnostic(`${outcomes.length} requests, median inside ${calm.toFixed(2)} ms, later ${full.toFixed(2)} ms, ${dropped} lines dropped`);
  gateway.child.kill('SIGTERM');
  assert.equal((await gateway.exited).code, 0);
  pipe.end();
});

// --- D14: what the machine lacks ---------------------------------------------------------------------------------------

const nothing = mkdtempSync(path.join(tmpdir(), 'ai-proxy-nothing-'));
const started = (environment, args = []) => spawnSync(binary, args, { env: gatewayEnvironment(environment), cwd: nothing, encoding: 'utf8', timeout: 30_000 });

test('D14 no bundle of trusted certificates: a clear error and exit 2', () => {
  const { status, stderr } = started({ SSL_CERT_FILE: '/nonexistent', SSL_CERT_DIR: '/nonexistent' });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /no bundle of trusted certificates\. Install ca-certificates/);
});

test('D14 a CA file that is missing or holds none: named, exit 2', () => {
  for (const [file, words] of [['/nonexistent.pem', /AI_PROXY_CA_FILE: .*nonexistent\.pem/], [path.join(root, 'README.md'), /AI_PROXY_CA_FILE: the file holds no certificate/]]) {
    const { status, stderr } = started({ AI_PROXY_CA_FILE: file });
    assert.equal(status, 2, stderr);
    assert.match(stderr, words);
  }
});

// A mount namespace in which the files are really gone.
const hidden = (script) => ['-rm', 'sh', '-c', script];
const withoutNamespaces = denied(spawnSync('unshare', hidden('true')).status !== 0 && 'no mount namespaces here (unshare -rm)');
const empty = mkdtempSync(path.join(tmpdir(), 'ai-proxy-empty-'));

test('D14 /etc/ssl is empty: a clear error and exit 2', { skip: withoutNamespaces }, () => {
  const { status, stderr } = spawnSync('unshare', hidden(`mount --bind ${empty} /etc/ssl && exec ${binary}`), { env: gatewayEnvironment(), cwd: nothing, encoding: 'utf8', timeout: 30_000 });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /no bundle of trusted certificates/);
});

test('D14 without /etc/hosts and a resolver the program starts, and localhost is this machine', { skip: withoutNamespaces }, async () => {
  const port = new URL(provider.url).port;
  const gateway = new Program('unshare', hidden(`for file in hosts resolv.conf nsswitch.conf; do [ ! -e /etc/$file ] || mount --bind /dev/null /etc/$file; done; exec ${binary}`),
    { env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', OPENAI_BASE_URL: `http://localhost:${port}`, ANTHROPIC_BASE_URL: 'http://nowhere.invalid' }), cwd: nothing });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  assert.equal((await ask(`${url}/v1/chat`, question('hello'))).status, 200);
  const unknown = await ask(`${url}/v1/chat`, { ...question('hello'), provider: 'anthropic', model: 'claude-sonnet-4-5' });
  assert.deepEqual([unknown.status, JSON.parse(unknown.text).details.code], [502, 'provider_unreachable']);
  await gateway.stop();
});

test('D14 with no device at all, /dev/urandom among them, the program starts, and chance is chance', { skip: withoutNamespaces }, async () => {
  const gateway = new Program('unshare', hidden(`mount -t tmpfs none /dev && exec ${binary}`),
    { env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', OPENAI_BASE_URL: provider.url }), cwd: nothing });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  const ids = new Set();
  for (let round = 0; round < 20; ++round) {
    const { status, headers } = await ask(`${url}/v1/chat`, question('hello'));
    assert.equal(status, 200);
    ids.add(headers['x-request-id']);
  }
  assert.equal(ids.size, 20);
  await gateway.stop();
});

// --- P13: a crash -------------------------------------------------------------------------------------------------------

const canary = 'CANARY-PROMPT-7f3a';
const key = 'sk-CANARY-KEY-91bd';
// The sanitizers report crashes themselves.
const ownHandler = slow ? 'a sanitizer reports crashes itself' : false;

async function crashed(signal, environment = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-crash-'));
  const gateway = new Program('sh', ['-c', 'ulimit -c unlimited; exec "$0"', binary], { cwd: folder, env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: key, ...environment }) });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  const stream = openStream(`${url}/v1/chat`, question(canary));
  await stream.begun;
  gateway.child.kill(signal);
  const ended = await gateway.exited;
  const cut = await stream.ended;
  assert.equal(cut.complete, false, 'the caller sees a cut connection');
  return { gateway, ended, cores: readdirSync(folder).filter((name) => name.startsWith('core')) };
}

for (const signal of ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL']) {
  test(`P13 ${signal}: a stack, no prompt, no key, no core, and the signal for the supervisor`, { skip: ownHandler }, async () => {
    const { gateway, ended, cores } = await crashed(signal);
    assert.deepEqual(ended, { code: null, signal });
    assert.match(gateway.errors, new RegExp(`ai-proxy \\d+\\.\\d+\\.\\d+ crashed: ${signal}\\.`));
    assert.ok(gateway.errors.match(/\[0x[0-9a-f]+\]/g)?.length >= 3, gateway.errors);
    for (const secret of [canary, key]) assert.ok(!(gateway.output + gateway.errors).includes(secret));
    assert.deepEqual(cores, []);
  });
}

test('P13 S-55 a core is written only when it is asked for', { skip: ownHandler || denied(!/^core/.test(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')) && 'cores go elsewhere on this machine (core_pattern)') }, async () => {
  const { ended, cores } = await crashed('SIGSEGV', { AI_PROXY_CORE_DUMPS: 'true' });
  assert.equal(ended.signal, 'SIGSEGV');
  assert.equal(cores.length, 1, 'with core_dumps there is one: so its absence above means something');
});

// --- S-51, S-80, S-81 ---------------------------------------------------------------------------------------------------

test('S-51 no key in the command line or, for others, in the environment of the process', async () => {
  const gateway = await startGateway({ environment: { OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: key } });
  assert.ok(!readFileSync(`/proc/${gateway.child.pid}/cmdline`, 'utf8').includes(key));
  assert.equal(statSync(`/proc/${gateway.child.pid}/environ`).mode & 0o077, 0);
  await gateway.stop();
});

test('S-80 what the program writes is for its user alone', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-mask-'));
  const file = path.join(folder, 'own.log');
  const gateway = new Program('sh', ['-c', 'umask 000; exec "$0"', binary], { cwd: folder, env: gatewayEnvironment({ OPENAI_BASE_URL: provider.url, AI_PROXY_LOG_FILE: 'own.log', AI_PROXY_LOG_FORMAT: 'json' }) });
  await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('"listening"'), 'the log is written');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await gateway.stop();
});

test('S-80 it runs as nobody, without a capability, with a root that is read-only', { skip: denied(process.getuid() !== 0 && 'only root can become nobody') }, async () => {
  const gateway = new Program('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', binary], { env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', OPENAI_BASE_URL: provider.url }), cwd: '/' });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  assert.equal((await ask(`${url}/v1/chat`, question('hello'))).status, 200);
  assert.match(readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8'), /NoNewPrivs:\t1/);
  await gateway.stop();
});

test('S-81 the binary is hardened: PIE, RELRO with immediate binding, no executable stack, stack protector, fortified calls, branch targets', { skip: ownHandler }, () => {
  const readelf = (...options) => spawnSync('readelf', ['-W', ...options, binary], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout;
  const headers = readelf('-h', '-l', '-d');
  assert.match(headers, /Type:\s+DYN/, 'position independent');
  assert.match(headers, /GNU_RELRO/);
  assert.match(headers, /FLAGS.*BIND_NOW|\(BIND_NOW\)|Flags:.*\bNOW\b/, 'bound at the start');
  assert.match(headers, /GNU_STACK.*\sRW\s/, 'the stack is not executable');
  assert.doesNotMatch(headers, /(RPATH|RUNPATH|TEXTREL)/);
  assert.doesNotMatch(headers, /LOAD.*\sRWE\s/, 'nothing is writable and executable');
  const symbols = readelf('--dyn-syms');
  assert.match(symbols, /__stack_chk_fail/);
  assert.match(symbols, /__(memcpy|snprintf|vsnprintf|read|recv|memmove|memset|strcpy|fprintf|fdelt)_chk/);
  if (process.arch === 'x64') {
    const code = spawnSync('objdump', ['-d', '--no-show-raw-insn', '--section=.text', binary], { encoding: 'utf8', maxBuffer: 1 << 30 }).stdout;
    assert.ok(code.split('endbr64').length > 1000, 'indirect branches have their marked targets');
  }
});
