// Callers that write their own bytes, in their own time, and gateways that are short of something.
import { mkdtempSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { binary, gatewayEnvironment, Program } from '../../support/processes.mjs';
import { configurationFile } from './scene.mjs';
import { until } from './waiting.mjs';

// A connection to a gateway. What comes is text (latin1); its end and its fault are kept.
export class Wire {
  text = '';

  static async open({ url }, options = {}) {
    const wire = new Wire();
    const { hostname, port } = new URL(url);
    wire.opened = performance.now();
    wire.socket = net.connect({ host: hostname, port, allowHalfOpen: true, noDelay: true, ...options });
    wire.socket.on('data', (bytes) => { wire.answeredAt ??= performance.now(); wire.text += bytes.toString('latin1'); wire.onChange?.(); });
    wire.socket.on('error', (fault) => { wire.fault = fault; });
    for (const event of ['end', 'close']) wire.socket.once(event, () => { wire.endedAt ??= performance.now(); wire.onChange?.(); });
    await new Promise((resolve) => { for (const event of ['connect', 'error']) wire.socket.once(event, resolve); });
    return wire;
  }

  // Resolves once the kernel has taken the bytes, or the connection is over.
  send(bytes) {
    return new Promise((resolve) => {
      if (this.socket.destroyed || this.socket.writableEnded) resolve();
      else this.socket.write(bytes, () => resolve());   // also called, with a fault, when the connection breaks
    });
  }

  get ended() { return this.endedAt !== undefined; }
  get statuses() { return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)); }
  get status() { return this.statuses[0]; }

  saw(pattern, limit) {
    return until(() => this.text.match(pattern), () => `${pattern} in ${JSON.stringify(this.text.slice(-300))}`, limit);
  }
  sawEnd(limit) {
    return until(() => this.ended, () => `the end of the connection behind ${JSON.stringify(this.text.slice(-300))}`, limit);
  }

  finish() { this.socket.end(); }
  reset() { this.socket.resetAndDestroy(); }
  close() { this.socket.destroy(); }
}

export const head = (method, target, fields = {}) => {
  const lines = Object.entries({ Host: 'localhost', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
};
export const postHead = (target, length, fields = {}) => head('POST', target, { 'Content-Type': 'application/json', 'Content-Length': length, ...fields });

// One request over a connection of its own: {status, text, head, body, ms}; `ms` from the last byte that the kernel took to the
// first of the answer.
export async function exchange(gateway, bytes, { limit } = {}) {
  const wire = await Wire.open(gateway);
  const sent = wire.send(bytes).then(() => performance.now());
  const [, answerHead] = await wire.saw(/^([\s\S]*?\r\n\r\n)/, limit);
  const length = Number(/^content-length: (\d+)/im.exec(answerHead)?.[1] ?? 0);
  await until(() => wire.text.length >= answerHead.length + length || wire.ended, 'the whole answer', limit);
  const ms = Math.max(0, wire.answeredAt - await sent);
  wire.close();
  const body = wire.text.slice(answerHead.length, answerHead.length + length);
  return { status: wire.status, head: answerHead, body, text: wire.text, ms };
}

// A gateway that a shell has made short of something first: `limits` is what ulimit takes ("-n 64").
export async function startShortGateway({ limits = '', configuration = {}, environment = {} }) {
  const { folder, file } = configurationFile(configuration);
  const command = `${limits ? `ulimit ${limits}; ` : ''}exec "$0" "$@"`;
  const gateway = new Program('sh', ['-c', command, binary, '--config', file], {
    env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', ...environment }),
    cwd: folder,
  });
  const [, url] = await gateway.saw(/"?url"?[:=] ?"?(http:\/\/[^"\s]+)/);
  return Object.assign(gateway, { url, folder, file });
}

export const emptyFolder = () => mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
