// An egress proxy as companies have one: opens tunnels (CONNECT) and passes plain requests on. Whatever name it is
// asked for, it goes to the test's own provider at 127.0.0.1; what it was asked and every byte it could read are kept.
import net from 'node:net';

const crlf = '\r\n';

export class EgressProxy {
  // `refuse`: bytes it answers in place of a tunnel; `mute`: it accepts and says nothing.
  static async start({ refuse, mute = false } = {}) {
    const proxy = new EgressProxy();
    Object.assign(proxy, { refuse, mute });
    proxy.server = net.createServer((socket) => proxy.serve(socket));
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    proxy.port = proxy.server.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  asked = []; // { line, fields }
  carried = ''; // all bytes that came from the gateway, the heads included
  sockets = new Set();

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }

  keep(socket) {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
  }

  serve(socket) {
    this.keep(socket);
    let held = Buffer.alloc(0);
    let provider;
    socket.on('data', (bytes) => {
      this.carried += bytes.toString('latin1');
      if (provider) { provider.write(bytes); return; }
      held = Buffer.concat([held, bytes]);
      const end = held.indexOf(crlf + crlf);
      if (end < 0 || this.mute) return;
      const [line, ...fields] = held.subarray(0, end).toString('latin1').split(crlf);
      this.asked.push({ line, fields: new Map(fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 1).trim()])) });
      if (this.refuse) { socket.end(this.refuse); return; }
      const tunnel = /^CONNECT \S+:(\d+) /.exec(line);
      const port = tunnel ? tunnel[1] : new URL(line.split(' ')[1]).port;
      provider = net.connect(Number(port), '127.0.0.1');
      this.keep(provider);
      provider.pipe(socket);
      socket.on('close', () => provider.destroy());
      if (tunnel) socket.write(`HTTP/1.1 200 Connection established${crlf}${crlf}`);
      provider.write(tunnel ? held.subarray(end + 4) : held);
    });
  }
}
