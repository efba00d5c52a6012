// An address where a connection is neither taken nor refused: a listener whose process stands still and whose queue is
// full, so that the kernel drops what knocks.
import { spawn } from 'node:child_process';
import net from 'node:net';

const listener = `const server = require('net').createServer(); server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => { process.send(server.address().port); });`;

export async function blackHole() {
  const child = spawn(process.execPath, ['-e', listener], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const port = await new Promise((resolve, reject) => { child.once('message', resolve); child.once('exit', () => reject(new Error('no listener'))); });
  child.kill('SIGSTOP');
  const knocking = [];
  const stop = () => {
    for (const socket of knocking) socket.destroy();
    child.kill('SIGKILL');
  };
  // Full once one of them is not let in.
  for (let full = false; !full;) {
    if (knocking.length > 64) { stop(); throw new Error('the queue does not fill up'); }
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    knocking.push(socket);
    full = await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), 500);
      socket.once('connect', () => { clearTimeout(timer); resolve(false); });
    });
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}
