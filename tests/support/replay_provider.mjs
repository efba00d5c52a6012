// A provider that plays recorded answers over a real socket. A request says which one in a message: the text
// "replay:FILE", optionally with how to cut the bytes: "replay:FILE cut:117" or "replay:FILE drip" (one byte per write).
// "truncate:N" sends only the first N bytes and closes; every request's bytes are kept for the tests to look at.
import net from 'node:net';
import { load } from './recordings.mjs';

const marker = /replay:(\S+?\.json)((?: [a-z]+(?::\d+)?)*)/;

export class ReplayProvider {
  static async start() {
    const provider = new ReplayProvider();
    provider.server = net.createServer((socket) => provider.serve(socket));
    await new Promise((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
    provider.url = `http://127.0.0.1:${provider.server.address().port}`;
    return provider;
  }

  requests = [];
  sockets = new Set();
  bodies = new Map();

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }

  serve(socket) {
    socket.setNoDelay(true);
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    let held = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      for (;;) {
        const end = held.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = held.subarray(0, end).toString('latin1');
        const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        if (held.length < end + 4 + length) return;
        const body = held.subarray(end + 4, end + 4 + length).toString('utf8');
        held = held.subarray(end + 4 + length);
        this.requests.push({ head, body });
        this.answer(socket, body).catch(() => socket.destroy());
      }
    });
  }

  recording(file) {
    if (!this.bodies.has(file)) this.bodies.set(file, load(file));
    return this.bodies.get(file);
  }

  async answer(socket, body) {
    const [, file, how] = marker.exec(body) ?? [];
    if (!file) return void socket.end('HTTP/1.1 500 No Marker\r\nContent-Length: 0\r\n\r\n');
    const { response } = this.recording(file);
    const streamed = response.sse_raw !== undefined;
    const payload = Buffer.from(streamed ? response.sse_raw : typeof response.body === 'string' ? response.body : JSON.stringify(response.body));
    const kept = /^(x-request-id|request-id|mistral-correlation-id|retry-after(-ms)?|x-should-retry|openai-.*|anthropic-.*)$/i;
    const fields = Object.entries(response.headers ?? {}).filter(([name]) => kept.test(name))
      .map(([name, value]) => `${name}: ${Array.isArray(value) ? value[0] : value}\r\n`).join('');
    const type = streamed ? 'text/event-stream; charset=utf-8' : 'application/json';
    const chunked = streamed;
    socket.write(`HTTP/1.1 ${response.status} Recorded\r\nContent-Type: ${type}\r\n${fields}` +
      (chunked ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${payload.length}\r\n\r\n`));
    if (!chunked) return void socket.write(payload);

    const option = (name) => Number(new RegExp(`${name}:(\\d+)`).exec(how)?.[1] ?? NaN);
    const truncated = option('truncate');
    const cut = option('cut');
    const sent = Number.isNaN(truncated) ? payload : payload.subarray(0, truncated);
    const pieces = how.includes('drip') ? Array.from(sent, (byte) => Buffer.from([byte])) : Number.isNaN(cut) ? [sent] : [sent.subarray(0, cut), sent.subarray(cut)];
    for (const [index, piece] of pieces.entries()) {
      if (piece.length === 0) continue;
      // A piece of its own for the reader: the one before has left, and the event loop has turned.
      if (index > 0) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]), resolve));
    }
    if (!Number.isNaN(truncated)) return void socket.end();
    socket.write('0\r\n\r\n');
  }
}
