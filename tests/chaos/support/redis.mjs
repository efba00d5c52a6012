// Redis as the tests need it: the real server, a stand-in that answers what the test says, and a way between that damages.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Program, freePort } from '../../support/processes.mjs';

// A redis-server without persistence; killed, it comes back on the same port with nothing in it.
export class RealRedis {
  static async start() {
    const redis = new RealRedis();
    redis.folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-redis-'));
    redis.port = await freePort();
    redis.url = `redis://127.0.0.1:${redis.port}`;
    await redis.again();
    return redis;
  }

  async again() {
    this.program = new Program('redis-server', ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.folder], { env: process.env });
    await this.program.saw(/Ready to accept connections/);
  }

  signal(name) { this.program.child.kill(name); }

  async kill() {
    this.program.child.kill('SIGKILL');
    await this.program.exited;
  }

  cli(...words) {
    return spawnSync('redis-cli', ['-p', String(this.port), ...words], { encoding: 'utf8' }).stdout.trim();
  }
}

// Takes the complete commands (arrays of bulk strings) off the front of `bytes`: [[word, …], …] and what is left.
export function takeCommands(bytes) {
  const commands = [];
  let at = 0;
  const line = (from) => { const end = bytes.indexOf('\r\n', from); return end < 0 ? null : [bytes.subarray(from, end).toString('latin1'), end + 2]; };
  outer: for (;;) {
    const head = line(at);
    if (!head) break;
    let [, next] = head;
    const words = [];
    for (let left = Number(head[0].slice(1)); left > 0; --left) {
      const size = line(next);
      if (!size) break outer;
      const length = Number(size[0].slice(1));
      if (bytes.length < size[1] + length + 2) break outer;
      words.push(bytes.subarray(size[1], size[1] + length));
      next = size[1] + length + 2;
    }
    commands.push(words);
    at = next;
  }
  return { commands, rest: bytes.subarray(at) };
}

// A Redis that greets well, and then answers as `answer(words, socket)` says: bytes to send, or null for silence.
export class FalseRedis {
  static async start(answer) {
    const redis = new FalseRedis();
    redis.answer = answer;
    redis.sockets = new Set();
    redis.server = net.createServer((socket) => redis.serve(socket));
    await new Promise((resolve) => redis.server.listen(0, '127.0.0.1', resolve));
    redis.url = `redis://127.0.0.1:${redis.server.address().port}`;
    return redis;
  }

  serve(socket) {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    let held = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      const { commands, rest } = takeCommands(Buffer.concat([held, bytes]));
      held = rest;
      for (const words of commands) {
        const name = words[0].toString().toUpperCase();
        const reply = name === 'PING' ? '+PONG\r\n' : this.answer([name, ...words.slice(1)], socket);
        if (reply !== null && !socket.destroyed) socket.write(reply);
      }
    });
  }

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }
}

// In front of a real Redis: what it answers passes through `damage(bytes)`.
export class DamagingWay {
  static async start(port, damage) {
    const way = new DamagingWay();
    way.sockets = new Set();
    way.server = net.createServer((client) => {
      const redis = net.connect({ host: '127.0.0.1', port });
      for (const [from, to] of [[client, redis], [redis, client]]) {
        way.sockets.add(from);
        from.on('close', () => { way.sockets.delete(from); to.destroy(); });
        from.on('error', () => {});
      }
      client.on('data', (bytes) => redis.write(bytes));
      redis.on('data', (bytes) => client.write(damage(bytes)));
    });
    await new Promise((resolve) => way.server.listen(0, '127.0.0.1', resolve));
    way.url = `redis://127.0.0.1:${way.server.address().port}`;
    return way;
  }

  stop() {
    for (const socket of this.sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
