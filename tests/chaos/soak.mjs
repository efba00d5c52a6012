// `./dev chaos soak [MINUTES]`: a gateway under a third of the load it could bear, with a random fault at one of its providers
// every five seconds, callers that leave, and reloads. No request may fail but those that met a fault; memory, descriptors and
// threads stay flat. AI_PROXY_BINARY may be a sanitized build (then AI_PROXY_SLOW=1).
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { slow, startGateway } from '../support/processes.mjs';
import { post } from '../support/sent.mjs';
import { FaultProxy } from './support/fault_proxy.mjs';
import { FaultyProvider } from './support/faulty_provider.mjs';
import { figuresOf, mebibytes } from './support/figures.mjs';
import { load, percentile } from './support/load.mjs';
import { Chances } from './support/scale.mjs';
import { asItComes, configurationFile, doors, providers, question } from './support/scene.mjs';
import { Caller } from './support/caller.mjs';
import { faults } from './support/soak_faults.mjs';
import { until } from './support/waiting.mjs';

const minutes = Number(process.argv[2] ?? 10);
const runningMax = 2000;
const every = 5000, lastsFrom = 500, lastsTo = 2500;
// How long after a fault its traces may still be met: connections that broke, a limit that was asked for, back-off.
const grace = slow ? 5000 : 2500;
// How long the gateway waits for a provider that hangs. Those requests, and the places they hold, outlast their fault.
const patienceSeconds = 10;
const hanging = new Set(['no answer', 'silence in answers', 'black hole', 'black hole on the way up', 'slow bytes']);
// Providers and callers are this process. When the machine does not let it run, its providers are silent too.
// Connections come and go while they are counted.
const descriptorsSlack = 4;
const standstill = 1000, standstillShare = 0.2;
const pairs = Object.keys(doors).flatMap((door) => providers.map((provider) => ({ door, provider })));

// Its agent tells how many connections it keeps open.
function poster(lanes = 64) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: lanes });
  return { agent, post: (url, body, headers) => post(url, body, headers, { agent }), end: () => agent.destroy() };
}

class Soak {
  windows = [];    // {provider, name, from, to}
  results = [];    // {provider, from, to, good, what}
  samples = [];    // figures in quiet moments
  stood = 0;       // ms in which this process did not run

  async start(chances) {
    this.chances = chances;
    this.places = {};
    for (const name of providers) {
      const provider = await FaultyProvider.start();
      this.places[name] = { name, provider, proxy: await FaultProxy.start(provider.url, chances) };
    }
    const { folder, file } = configurationFile({ limits: { connections_per_client: 0, provider: { first_byte: `${patienceSeconds}s`, silence: `${patienceSeconds}s`, idle: '5s' } } });
    const urls = Object.fromEntries(providers.map((name) => [`${name.toUpperCase()}_BASE_URL`, this.places[name].proxy.url]));
    this.gateway = await startGateway({ folder, args: ['--config', file], environment: { ...urls, ...asItComes } });
    this.poster = poster(Infinity);
  }

  // One request of the mix; whether it was answered as it should be.
  async ask(running = new Set()) {
    const { door, provider } = this.chances.pick(pairs), stream = this.chances.unit() < 0.5;
    const model = stream ? this.chances.pick(['ok', 'stream:10:5', 'stream:30:10']) : 'ok';
    const from = performance.now(), place = { provider, from };
    running.add(place);
    let what;
    try {
      const { status, text, broken } = await this.poster.post(this.gateway.url + doors[door], question(door, provider, model, { stream }), {});
      const ended = stream ? /event: done|message_stop|\[DONE\]/.test(text) : /"stop"|"end_turn"/.test(text);
      if (status !== 200 || broken || !ended) what = `${status} ${broken ? 'broken ' : ''}${text.slice(-300)}`;
    } catch (fault) { what = fault.message; } finally { running.delete(place); }
    const result = { provider, from, to: performance.now(), good: what === undefined, what: what && `${door} ${model}: ${what}`, pure: model === 'ok' };
    if (!result.good && this.firstOutside === undefined && !this.excusedBy(result)) this.firstOutside = this.standing(running);
    return result;
  }

  // Requests at `rate` a second, whether the ones before have been answered or not.
  async drive(rate, end) {
    const running = new Set(), asked = new Set();
    for (let next = performance.now(); performance.now() < end; next += 1000 / rate) {
      const wait = next - performance.now();
      if (wait > 0) await pause(wait);
      else if (wait < -standstill) next = performance.now();   // what was not asked while this process stood is not asked all at once
      if (running.size >= runningMax) throw new Error(`requests pile up: ${this.standing(running)}`);
      const one = this.ask(running).then((result) => { this.results.push(result); });
      asked.add(one);
      one.finally(() => asked.delete(one));
    }
    await Promise.all(asked);
  }

  // Who waits for what, when too many do.
  standing(running) {
    const byProvider = {};
    for (const { provider } of running) byProvider[provider] = (byProvider[provider] ?? 0) + 1;
    const oldest = Math.max(...[...running].map(({ from }) => performance.now() - from));
    const connections = Object.values(this.places).map(({ name, provider, proxy }) => {
      const held = (way) => [...proxy.pairs].filter((pair) => pair.ways[way].heldBytes > 0).length;
      const calls = provider.calls.filter(({ done, goneAt }) => !done && goneAt === undefined).length;
      return `${name}: ${proxy.pairs.size} through the proxy (bytes held up in ${held(0)}, down in ${held(1)}), ${provider.open} at the provider with ${calls} calls`;
    });
    return `${JSON.stringify(byProvider)}, the oldest ${oldest.toFixed(0)} ms; ${connections.join('; ')}; ${JSON.stringify(figuresOf(this.gateway))}; ${JSON.stringify(this.windows.slice(-3))}`;
  }

  async disturb(end) {
    while (performance.now() + every < end) {
      const begun = performance.now(), lasts = this.chances.integer(lastsFrom, lastsTo);
      const kind = this.chances.unit();
      if (kind < 0.1) this.gateway.child.kill('SIGHUP');
      else if (kind < 0.2) await this.leavers();
      else {
        const name = this.chances.pick(Object.keys(faults)), place = this.places[this.chances.pick(providers)];
        const window = { provider: place.name, name, from: performance.now(), to: Infinity };
        this.windows.push(window);
        await faults[name].begin(place, this.chances);
        await pause(lasts);
        await faults[name].end(place);
        window.to = performance.now() + grace + (hanging.has(name) ? patienceSeconds * 1000 : 0);
      }
      await pause(Math.max(0, begun + every - 200 - performance.now()));
      this.sample();
      await pause(Math.max(0, begun + every - performance.now()));
    }
  }

  // What the gateway holds; `own`: descriptors beside the connections that callers and providers keep open.
  sample() {
    const figures = figuresOf(this.gateway);
    const { sockets, freeSockets } = this.poster.agent;
    const callers = [...Object.values(sockets), ...Object.values(freeSockets)].reduce((sum, list) => sum + list.length, 0);
    const connections = Object.values(this.places).reduce((sum, { proxy }) => sum + proxy.pairs.size, 0);
    this.samples.push({ ...figures, own: figures.descriptors - callers - connections });
  }

  // Notes when this process stood still.
  async watch(end) {
    for (let last = performance.now(); last < end;) {
      await pause(100);
      const now = performance.now();
      if (now - last > standstill) {
        this.stood += now - last;
        for (const provider of providers) this.windows.push({ provider, name: 'this process stood still', from: last, to: now + grace });
      }
      last = now;
    }
  }

  async leavers() {
    const { door, provider } = this.chances.pick(pairs);
    const callers = await Promise.all(Array.from({ length: 20 }, () => Caller.post(this.gateway, doors[door], question(door, provider, 'stream:1000:10', { stream: true }))));
    await pause(200);
    for (const caller of callers) caller.leave(this.chances.pick(['FIN', 'RST']));
  }

  excusedBy({ provider, from, to }) {
    return this.windows.find((window) => window.provider === provider && from < window.to && window.from < to)?.name;
  }

  async openSockets() {
    return figuresOf(this.gateway).sockets - Object.values(this.places).reduce((sum, { proxy }) => sum + proxy.pairs.size, 0);
  }

  async stop() {
    this.poster.end();
    try { await this.gateway.stop(); } finally {
      for (const { proxy, provider } of Object.values(this.places)) { await proxy.stop(); await provider.stop(); }
    }
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const between = (list, from, to) => list.slice(Math.floor(list.length * from), Math.ceil(list.length * to));

test(`soak of ${minutes} minutes`, async (context) => {
  const soak = new Soak(), say = (line) => context.diagnostic(line);
  await soak.start(new Chances(context));
  try {
    // What this driver, the providers and the gateway can do together on this machine, of the same mix. Enough at a time that the
    // pace of the streams does not count; a driver with too much to do accepts next to no connections.
    const total = 3000, begun = performance.now();
    await load(total, 256, async () => ({ status: (await soak.ask()).good ? 200 : 'failed' }));
    const capacity = (1000 * total) / (performance.now() - begun), rate = Math.max(5, 0.3 * capacity);
    soak.poster.end();
    soak.poster = poster(Infinity);
    say(`${capacity.toFixed(0)} requests/s at most, ${rate.toFixed(0)} from now on`);
    const idleSockets = await soak.openSockets();
    const end = performance.now() + minutes * 60_000;
    await Promise.all([soak.drive(rate, end), soak.disturb(end), soak.watch(end)]);

    const { results, windows, samples } = soak;
    const failed = results.filter(({ good }) => !good);
    const unexcused = failed.filter((result) => !soak.excusedBy(result));
    const byFault = {};
    for (const result of failed) { const name = soak.excusedBy(result) ?? 'NO FAULT'; byFault[name] = (byFault[name] ?? 0) + 1; }
    const quiet = results.filter((result) => result.pure && result.good && !soak.excusedBy(result)).map(({ from, to }) => to - from).sort((a, b) => a - b);
    const share = soak.stood / (minutes * 60_000);
    say(`${results.length} requests, ${windows.filter(({ name }) => name in faults).length} faults, ${failed.length} failed in a fault's window, ${unexcused.length} outside`);
    for (const [name, count] of Object.entries(byFault)) say(`  ${name}: ${count} failed, ${windows.filter((window) => window.name === name).length} times`);
    say(`answers without a fault: ${percentile(quiet, 0.5).toFixed(2)} ms median, ${percentile(quiet, 0.99).toFixed(2)} ms 99 %`);
    const resident = samples.map(({ residentBytes }) => residentBytes), early = median(between(resident, 0.2, 0.5)), late = median(between(resident, 0.7, 1));
    say(`memory ${mebibytes(resident[0])} at first, ${mebibytes(early)} early, ${mebibytes(late)} late, ${mebibytes(Math.max(...resident))} at most`);
    say(`descriptors ${Math.min(...samples.map(({ descriptors }) => descriptors))} to ${Math.max(...samples.map(({ descriptors }) => descriptors))}, threads ${[...new Set(samples.map(({ threads }) => threads))].join(', ')}`);
    const own = samples.map((sample) => sample.own), ownEarly = median(between(own, 0.2, 0.5)), ownLate = median(between(own, 0.7, 1));
    say(`descriptors of its own ${ownEarly} early, ${ownLate} late, ${Math.min(...own)} to ${Math.max(...own)}`);
    say(`this process stood still for ${(100 * share).toFixed(1)} % of the time`);
    if (soak.firstOutside !== undefined) say(`as the first failed outside: ${soak.firstOutside}`);
    assert.ok(share < standstillShare, 'the machine is too busy to tell');
    assert.deepEqual(unexcused.slice(0, 10).map(({ provider, what, from, to }) => ({ provider, what, from, to })), [], 'no error outside of a fault\'s window');
    assert.equal(new Set(samples.map(({ threads }) => threads)).size, 1);
    // What a fault cost for ever would have been paid once for each.
    assert.ok(ownLate - ownEarly <= descriptorsSlack, `descriptors grow: ${own}`);
    // A sanitizer keeps what was freed.
    if (!slow) assert.ok(late - early < 4 * 2 ** 20, `memory grows: ${mebibytes(late - early)}`);
    soak.poster.end();
    soak.poster = poster();
    let left;
    await until(async () => { left = await soak.openSockets(); return left <= idleSockets; }, () => `${left} sockets are left of ${idleSockets}`, 20_000);
    say(`sockets besides the providers' own: ${idleSockets} before, ${left} after`);
    const { status } = await soak.poster.post(soak.gateway.url + doors.native, question('native', 'openai', 'ok'), {});
    assert.equal(status, 200);
  } finally { await soak.stop(); }
});
