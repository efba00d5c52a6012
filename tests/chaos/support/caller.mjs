// A caller whose end the test decides: it posts over its own socket, sees every read with its time, and goes away by FIN
// or RST when it is told to.
import net from 'node:net';

export class Caller {
  reads = [];   // {at: ms, bytes}
  text = '';

  // `gateway`: {url}. Resolves once the request has been given to the kernel.
  static async post({ url }, path, body, fields = {}) {
    const caller = new Caller();
    const { hostname, port } = new URL(url);
    const bytes = Buffer.from(JSON.stringify(body));
    const lines = Object.entries({ host: 'localhost', 'content-type': 'application/json', 'content-length': bytes.length, ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
    caller.socket = net.connect({ host: hostname, port, noDelay: true });
    caller.socket.on('data', (read) => {
      caller.reads.push({ at: performance.now(), bytes: read });
      caller.text += read.toString('latin1');
      caller.onChange?.();
    });
    caller.socket.on('end', () => { caller.ended = true; caller.onChange?.(); });
    caller.socket.on('error', (fault) => { caller.fault = fault; });
    caller.closed = new Promise((resolve) => caller.socket.once('close', resolve));
    caller.socket.once('close', () => { caller.ended = true; caller.onChange?.(); });
    await new Promise((resolve, reject) => {
      caller.socket.once('error', reject);
      caller.socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
      caller.socket.write(bytes, resolve);
    });
    return caller;
  }

  get status() {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1]);
  }

  // Resolves with the match once it stands in what has come.
  async saw(pattern, limit = 30_000) {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(reject, new Error(`no ${pattern} in ${limit} ms: ${this.text.slice(-500)}`)), limit);
      const settle = (how, value) => { clearTimeout(timer); this.onChange = undefined; how(value); };
      this.onChange = () => {
        const match = this.text.match(pattern);
        if (match) settle(resolve, match);
        else if (this.ended) settle(reject, new Error(`ended before ${pattern}: ${this.text.slice(-500)}`));
      };
      this.onChange();
    });
  }

  // Reads no more, until `read`.
  stopReading() { this.socket.pause(); }
  read() { this.socket.resume(); }

  leave(how) {
    if (how === 'RST') this.socket.resetAndDestroy();
    else { this.socket.end(); this.socket.destroy(); }   // FIN; what comes later meets a closed socket
  }
}
