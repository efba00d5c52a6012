// A provider whose every byte the test decides, over a real socket: whole answers, streams in any pieces, half-closes,
// resets, silence. `answer` is called for each request; all requests are kept.
import net from 'node:net';
import tls from 'node:tls';

const crlf = '\r\n';

// One answer to one request. What is written stands on the wire as it is given.
export class Answering {
  constructor(socket) {
    this.socket = socket;
  }

  // Resolves once the other side has closed.
  closed() {
    return new Promise((resolve) => { if (this.socket.destroyed) resolve(); else this.socket.once('close', resolve); });
  }

  write(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, resolve));
  }

  begin(status, fields, type = 'application/json') {
    const lines = Object.entries({ 'content-type': type, ...fields }).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}${crlf}`));
    return this.write(`HTTP/1.1 ${status} Scripted${crlf}${lines.join('')}${crlf}`);
  }

  // A whole body: text, bytes, or a value that becomes JSON.
  async whole(body, { status = 200, fields = {}, type } = {}) {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    await this.begin(status, { ...fields, 'content-length': bytes.length }, type);
    await this.write(bytes);
  }

  beginStream(fields = {}) {
    return this.begin(200, { ...fields, 'transfer-encoding': 'chunked' }, 'text/event-stream; charset=utf-8');
  }

  async piece(bytes) {
    if (bytes.length === 0) return;
    const all = Buffer.from(bytes);
    await this.write(Buffer.concat([Buffer.from(all.length.toString(16) + crlf), all, Buffer.from(crlf)]));
  }

  // The event loop has turned: what was written before is a read of its own for the other side.
  turn() {
    return new Promise((resolve) => setImmediate(resolve));
  }

  endStream() {
    return this.write(`0${crlf}${crlf}`);
  }

  // A whole stream; `cuts` are the offsets where one write ends and the next begins.
  async stream(text, { cuts = [], fields = {} } = {}) {
    await this.beginStream(fields);
    const bytes = Buffer.from(text);
    for (const [index, from] of [0, ...cuts].entries()) {
      if (index > 0) await this.turn();
      await this.piece(bytes.subarray(from, cuts[index] ?? bytes.length));
    }
    await this.endStream();
  }

  fin() {
    this.socket.end();
  }

  reset() {
    this.socket.resetAndDestroy();
  }
}

function parseHead(head) {
  const [line, ...lines] = head.split(crlf);
  const [method, path] = line.split(' ');
  const fields = new Map();
  for (const field of lines) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    fields.set(name, fields.has(name) ? `${fields.get(name)}, ${field.slice(colon + 1).trim()}` : field.slice(colon + 1).trim());
  }
  return { method, path, fields };
}

export class ScriptedProvider {
  // With `secure` (the options of tls.createServer) it speaks TLS, as `localhost`.
  static async start(answer, { secure, address = '127.0.0.1' } = {}) {
    const provider = new ScriptedProvider();
    provider.answer = answer;
    const serve = (socket) => provider.serve(socket);
    provider.server = secure ? tls.createServer(secure, serve) : net.createServer(serve);
    provider.server.on('connection', () => { provider.connections += 1; });
    await new Promise((resolve) => provider.server.listen(0, address, resolve));
    provider.port = provider.server.address().port;
    provider.url = secure ? `https://localhost:${provider.port}` : `http://${address}:${provider.port}`;
    return provider;
  }

  requests = [];
  faults = [];
  connections = 0;
  received = 0; // bytes, after decryption
  sockets = new Set();

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }

  serve(socket) {
    socket.setNoDelay(true);
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    let held = [];
    socket.on('data', (bytes) => {
      this.received += bytes.length;
      held.push(bytes);
      for (;;) {
        const all = held.length === 1 ? held[0] : Buffer.concat(held);
        held = [all];
        const end = all.indexOf(crlf + crlf);
        if (end < 0) return;
        const request = parseHead(all.subarray(0, end).toString('latin1'));
        const length = Number(request.fields.get('content-length') ?? 0);
        if (all.length < end + 4 + length) return;
        request.body = all.subarray(end + 4, end + 4 + length).toString('utf8');
        held = [all.subarray(end + 4 + length)];
        this.requests.push(request);
        Promise.resolve(this.answer(request, new Answering(socket))).catch((fault) => {
          this.faults.push(fault);
          socket.destroy();
        });
        if (held[0].length === 0) { held = []; return; }
      }
    });
  }
}
