// What the tests of dependencies and of the process's life need: load that counts what became of every request, streams and
// connections watched byte by byte, seeded chance, and what a process holds.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, readdirSync, writeSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allowance, keeps } from './promise.mjs';
import { full, seed } from './scale.mjs';

export { allowance, full, keeps, seed };

// Mulberry32: the same seed, the same run.
export function chance(from = seed) {
  let state = from >>> 0;
  return (below = 1) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value = (value + Math.imul(value ^ (value >>> 7), value | 61)) ^ value;
    const fraction = ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
    return below === 1 ? fraction : Math.floor(fraction * below);
  };
}

export async function until(condition, what, limit = 60_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// One request on `agent` (false: a connection of its own). Never rejects: {status, headers, text, complete, ms} or {fault, ms}.
export function ask(url, body, { agent = false, method = body === undefined ? 'GET' : 'POST', headers = {}, onFirst, signal } = {}) {
  const begin = performance.now();
  const done = (outcome) => ({ ms: performance.now() - begin, ...outcome });
  return new Promise((resolve) => {
    const request = http.request(url, { method, agent, signal, headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece) => { text += piece; onFirst?.(text); onFirst = undefined; });
      const finish = (fault) => resolve(done({ status: response.statusCode, headers: response.headers, text, complete: response.complete, fault }));
      response.on('end', () => finish(undefined));
      response.on('error', (fault) => finish(fault.code ?? fault.message));
    });
    request.on('error', (fault) => resolve(done({ fault: fault.code ?? fault.message })));
    request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

// A stream that is being read: `begun` resolves with its first text, `ended` with what became of it.
export function openStream(url, body, options = {}) {
  let onFirst;
  const first = new Promise((resolve) => { onFirst = resolve; });
  const ended = ask(url, { ...body, stream: true }, { ...options, onFirst });
  return { begun: Promise.race([first, ended.then(({ fault, status, text }) => { throw new Error(`no stream: ${fault ?? status} ${text}`); })]), ended };
}

// A test that fails must not leave its load to those after it.
const loads = new Set();
export const stopLoads = () => Promise.all([...loads].map((load) => load.stop()));

// Requests one after another in several lanes until stop(); every outcome is kept.
export function closedLoop(make, lanes) {
  const outcomes = [];
  let going = true;
  const running = Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (let number = 0; going; ++number) {
      const outcome = await make(lane, number).catch((fault) => { going = false; throw fault; });
      outcomes.push(outcome);
      // Who is refused does not ask again at once.
      if (outcome.fault) await pause(20);
    }
  }));
  const load = { outcomes, async stop() { loads.delete(load); going = false; await running; return outcomes; } };
  loads.add(load);
  return load;
}

// `rate` requests a second, whether or not the ones before have been answered, until stop(). `sent` counts those that really
// went out.
export function openLoop(make, rate) {
  const outcomes = [];
  const flying = new Set();
  const begin = performance.now();
  let turn = 0;
  const timer = setInterval(() => {
    // Where the machine cannot keep up, more at once would only measure the machine.
    for (const due = (performance.now() - begin) / 1000 * rate; turn < due; ++turn) {
      if (flying.size >= 200) continue;
      const one = make(turn).then((outcome) => { outcomes.push(outcome); flying.delete(one); });
      flying.add(one);
      load.sent += 1;
    }
  }, 5);
  const load = {
    outcomes,
    sent: 0,
    async stop() { loads.delete(load); clearInterval(timer); await Promise.all(flying); return outcomes; },
  };
  loads.add(load);
  return load;
}

// A deed that has several promised times (`measure(try)` gives them by name): each of them must be kept by one of some tries, and
// the deed is done again only for those that were not.
export async function keepsAll(limits, measure, options = {}) {
  const deeds = [];
  for (const [name, limit] of Object.entries(limits)) {
    const done = async (attempt) => {
      while (deeds.length <= attempt) deeds.push(await measure(deeds.length));
      return deeds[attempt][name];
    };
    await keeps(limit, done, { what: name, ...options[name] });
  }
}

export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

export function counted(outcomes) {
  const counts = {};
  for (const { status, fault } of outcomes) counts[fault ?? status] = (counts[fault ?? status] ?? 0) + 1;
  return counts;
}

// A client's connection whose every byte the test decides.
export class Caller {
  static async to(url) {
    const caller = new Caller();
    const { hostname, port } = new URL(url);
    caller.socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: false });
    caller.received = '';
    caller.socket.on('data', (bytes) => { caller.received += bytes.toString('latin1'); });
    caller.socket.on('error', () => {});
    caller.closed = new Promise((resolve) => caller.socket.once('close', () => resolve(performance.now())));
    await once(caller.socket, 'connect');
    return caller;
  }

  send(text) { this.socket.write(text); }

  // The next answer with a Content-Length, taken off what was received.
  async answer() {
    const whole = await until(() => {
      const end = this.received.indexOf('\r\n\r\n');
      if (end < 0) return this.socket.destroyed ? { closed: true } : null;
      const head = this.received.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (this.received.length < end + 4 + length) return null;
      const body = this.received.slice(end + 4, end + 4 + length);
      this.received = this.received.slice(end + 4 + length);
      return { status: Number(head.split(' ')[1]), head, body };
    }, 'an answer');
    if (whole.closed) throw new Error(`closed without an answer: ${JSON.stringify(this.received)}`);
    return whole;
  }

  end() { this.socket.destroy(); }
}

// A pipe that is open and that nobody reads but the test: its path, what stands in it, how it becomes full, and how it ends.
export function unreadPipe() {
  const path = join(mkdtempSync(join(tmpdir(), 'ai-proxy-pipe-')), 'pipe');
  if (spawnSync('mkfifo', [path]).status !== 0) throw new Error('mkfifo');
  const held = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const untilItWouldWait = (deed) => {
    try { for (;;) deed(); } catch (fault) { if (fault.code !== 'EAGAIN') throw fault; }
  };
  return {
    path,
    read() {
      let text = '';
      const bytes = Buffer.alloc(65536);
      untilItWouldWait(() => { text += bytes.toString('utf8', 0, readSync(held, bytes)); });
      return text;
    },
    fill() {
      for (const size of [4096, 1]) untilItWouldWait(() => writeSync(held, Buffer.alloc(size, '.')));
    },
    end: () => closeSync(held),
  };
}

// Resident memory in KiB, open descriptors, and the processor's time used, of a process.
export const residentKiB = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
export function cpuMilliseconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;  // clock ticks are 10 ms (USER_HZ)
}
export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

// The log's messages (not access lines) so far, as objects.
export const messages = (program) => program.errors.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
