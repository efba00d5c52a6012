// Starts and stops the programs under test. Ports are 0 and read from what the program prints; nothing sleeps.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const binary = process.env.AI_PROXY_BINARY ?? path.join(root, 'build/release/ai-proxy');
// Sanitized programs are several times slower.
export const slow = process.env.AI_PROXY_SLOW === '1';

const startLimit = 30_000;

// Most tests look at what one call comes to: nothing is tried again, and no call leaves a trace for the next.
export const oneCallEach = { AI_PROXY_RETRIES: '0', AI_PROXY_PAUSE_WHEN_LIMITED: 'false' };

// The environment of a gateway: nothing of ours leaks in, every provider has a key.
export function gatewayEnvironment(extra = {}) {
  const keep = ['PATH', 'HOME', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LANG'];
  const environment = { OPENAI_API_KEY: 'sk-test-openai', ANTHROPIC_API_KEY: 'sk-test-anthropic', MISTRAL_API_KEY: 'sk-test-mistral' };
  for (const name of keep) if (process.env[name] !== undefined) environment[name] = process.env[name];
  return { ...environment, PORT: '0', AI_PROXY_THREADS: '2', ...oneCallEach, ...extra };
}

// A test that fails may leave its programs running, and they would keep this process, and so the whole run, alive.
const running = new Set();
after(() => { setTimeout(() => { for (const child of running) child.kill('SIGKILL'); }, 60_000).unref(); });

// A running program: its output so far, and the ways to end it.
export class Program {
  constructor(command, args, options) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    running.add(this.child);
    this.child.once('exit', () => running.delete(this.child));
    this.output = '';
    this.errors = '';
    this.child.stdout.on('data', (bytes) => { this.output += bytes; this.onOutput?.(); });
    this.child.stderr.on('data', (bytes) => { this.errors += bytes; this.onOutput?.(); });
    this.exited = once(this.child, 'exit').then(([code, signal]) => { this.ended = true; this.onOutput?.(); return { code, signal }; });
  }

  // Resolves with the match once the pattern stands in the output.
  async saw(pattern, limit = startLimit) {
    const find = () => (this.output + '\n' + this.errors).match(pattern);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(reject, new Error(`no ${pattern} within ${limit} ms in:\n${this.output}\n${this.errors}`)), limit);
      const done = (settle, value) => { clearTimeout(timer); this.onOutput = undefined; settle(value); };
      this.onOutput = () => {
        const match = find();
        if (match) done(resolve, match);
        else if (this.ended) done(reject, new Error(`ended before ${pattern}:\n${this.output}\n${this.errors}`));
      };
      this.onOutput();
    });
  }

  // The access lines so far, as objects.
  accessLines() {
    return this.output.split('\n').filter((line) => line.includes('"status"')).map((line) => JSON.parse(line));
  }

  // Ends it by SIGTERM and checks that it ended well (a sanitizer report would show in the exit code).
  async stop() {
    if (this.ended) return await this.exited;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 45_000);
    const result = await this.exited;
    clearTimeout(timer);
    if (result.code !== 0) throw new Error(`exit ${JSON.stringify(result)}\n${this.errors.slice(-6000)}`);
    return result;
  }
}

// A gateway on a free port; `url` is where it listens. It runs in an empty folder so that no .env is found.
export async function startGateway({ environment = {}, args = [], folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-')) } = {}) {
  const gateway = new Program(binary, args, { env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', ...environment }), cwd: folder });
  const [, url] = await gateway.saw(/"?url"?[:=] ?"?(http:\/\/[^"\s]+)/);
  gateway.url = url;
  gateway.folder = folder;
  return gateway;
}

export async function startSimulator(args = []) {
  const simulator = new Program(binary, ['simulate', '--port', '0', ...args], { env: gatewayEnvironment() });
  const [, url] = await simulator.saw(/on (http:\/\/\S+)/);
  simulator.url = url;
  return simulator;
}

// A port that nobody listens on at this moment: another may take it before it is used.
export const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

export function providersAt(url) {
  return { OPENAI_BASE_URL: url, ANTHROPIC_BASE_URL: url, MISTRAL_BASE_URL: url };
}

export async function postJson(url, body, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
