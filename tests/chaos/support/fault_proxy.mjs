// A TCP proxy that does what a bad network does. Faults act on one direction: `up` are the bytes from who connects to the
// target, `down` those from the target back. They may be changed while connections are open.
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const heldMax = 256 * 1024;

// One direction of one connection.
//   latency, jitter: ms       each read leaves that much later
//   rate: bytes a second      slice, slicePause: so many bytes a write, so many ms between two
//   blackHole                 nothing leaves (and little is read); what is held leaves when it ends
//   resetAfter, cutAfter      after so many bytes: RST, or FIN, to both sides
//   flipAt                    the byte at this offset arrives inverted
class Way {
  held = [];
  heldBytes = 0;
  passed = 0;
  ended = false;

  constructor(pair, name, from, to) {
    Object.assign(this, { pair, name, from, to });
    from.on('data', (bytes) => {
      this.held.push({ bytes, at: performance.now() });
      this.heldBytes += bytes.length;
      if (this.heldBytes > heldMax) from.pause();
      this.wake?.();
    });
    from.on('end', () => { this.ended = true; this.wake?.(); });
  }

  get faults() {
    return this.pair.proxy.faults[this.name];
  }

  async run() {
    for (;;) {
      while (!this.pair.over && (this.faults.blackHole || (this.held.length === 0 && !this.ended))) {
        await new Promise((resolve) => { this.wake = resolve; });
      }
      if (this.pair.over) return;
      const next = this.held.shift();
      if (next === undefined) return void this.to.end();
      this.heldBytes -= next.bytes.length;
      await this.pass(next);
      if (this.heldBytes <= heldMax && !this.pair.over) this.from.resume();
    }
  }

  async pass({ bytes, at }) {
    const { latency = 0, jitter = 0, flipAt, resetAfter, cutAfter, rate } = this.faults;
    const due = at + latency + (jitter ? (2 * this.pair.proxy.unit() - 1) * jitter : 0) - performance.now();
    if (due > 0 && (latency || jitter)) await this.pair.wait(due);
    if (flipAt !== undefined && this.passed <= flipAt && flipAt < this.passed + bytes.length) {
      bytes = Buffer.from(bytes);
      bytes[flipAt - this.passed] ^= 0xff;
    }
    const end = resetAfter ?? cutAfter;
    if (end !== undefined && this.passed + bytes.length >= end) {
      await this.write(bytes.subarray(0, Math.max(0, end - this.passed)));
      // Those bytes are read first: Node (libuv) takes a reset right behind a short read for an end.
      if (resetAfter !== undefined) await this.pair.wait(20);
      return this.pair.break(resetAfter !== undefined);
    }
    const slice = this.faults.slice ?? (rate ? Math.max(1, Math.floor(rate / 20)) : bytes.length);
    for (let from = 0; from < bytes.length && !this.pair.over; from += slice) {
      const piece = bytes.subarray(from, from + slice);
      await this.write(piece);
      const rest = rate ? (1000 * piece.length) / rate : this.faults.slicePause ?? 0;
      if (slice < bytes.length || rate) await this.pair.wait(rest);
    }
  }

  write(bytes) {
    this.passed += bytes.length;
    this.pair.proxy.stats[this.name] += bytes.length;
    if (bytes.length === 0 || this.to.destroyed) return undefined;
    return new Promise((resolve) => this.to.write(bytes, resolve));
  }
}

class Pair {
  over = false;
  #ending = new AbortController();

  constructor(proxy, near, far) {
    Object.assign(this, { proxy, near, far });
    this.ways = [new Way(this, 'up', near, far), new Way(this, 'down', far, near)];
    for (const [one, other] of [[near, far], [far, near]]) {
      one.setNoDelay(true);
      one.on('error', () => this.break(true));
      one.on('close', () => { if (other.destroyed) this.done(); });
    }
    for (const way of this.ways) way.run();
  }

  // A wait that ends early when the connection does.
  async wait(milliseconds) {
    try { await pause(milliseconds, undefined, { signal: this.#ending.signal }); } catch { /* it is over */ }
  }

  done() {
    this.over = true;
    this.proxy.pairs.delete(this);
    this.#ending.abort();
    for (const way of this.ways) way.wake?.();
  }

  break(reset) {
    if (this.over) return;
    this.done();
    this.proxy.stats[reset ? 'reset' : 'cut'] += 1;
    for (const socket of [this.near, this.far]) {
      if (reset) socket.resetAndDestroy();
      else { socket.end(); socket.resume(); socket.once('end', () => socket.destroy()); }
    }
  }
}

export class FaultProxy {
  faults = { up: {}, down: {} };
  stats = { opened: 0, refused: 0, reset: 0, cut: 0, up: 0, down: 0 };
  pairs = new Set();

  // `chances`: where the jitter comes from; without one there is none.
  static async start(target, chances) {
    const proxy = new FaultProxy();
    proxy.target = new URL(target);
    proxy.unit = () => chances?.unit() ?? 0.5;
    await proxy.listen(0);
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  async listen(port) {
    this.server = net.createServer({ allowHalfOpen: true }, (socket) => this.connected(socket));
    await new Promise((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
  }

  connected(socket) {
    this.stats.opened += 1;
    socket.on('error', () => {});
    if (this.faults.resetsAll) {
      this.stats.refused += 1;
      return void socket.resetAndDestroy();
    }
    const far = net.connect({ port: Number(this.target.port), host: this.target.hostname, allowHalfOpen: true });
    this.pairs.add(new Pair(this, socket, far));
  }

  // Faults of one direction ('up', 'down'), in place of those before.
  set(way, faults) {
    this.faults[way] = faults;
    this.wakeAll();
  }

  // Every new connection is accepted and reset.
  resetNew() {
    this.faults.resetsAll = true;
  }

  // RST to every connection that is open now.
  resetOpen() {
    for (const pair of [...this.pairs]) pair.break(true);
  }

  // Nobody listens: the kernel refuses. `accept` ends it, on the same port.
  async refuse() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.resetOpen();
    await closed;
  }

  accept() {
    return this.listen(this.port);
  }

  clear() {
    this.faults = { up: {}, down: {} };
    this.wakeAll();
  }

  wakeAll() {
    for (const pair of this.pairs) for (const way of pair.ways) way.wake?.();
  }

  async stop() {
    if (this.server.listening) await this.refuse();
  }
}
