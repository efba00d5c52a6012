// A caller that vanishes without a word (C4): run in a network namespace of its own (unshare -rn), where what is sent to the caller's address
// can be thrown away. Prints one line of JSON: how long it took until the provider was let go, which status
// the log has of it, and how long until an idle connection was closed.
import { spawnSync } from 'node:child_process';
import { postHead, head, Wire } from './clients.mjs';
import { socketBetween } from './backlog.mjs';
import { scale } from './scale.mjs';
import { doors, question, Scene } from './scene.mjs';
import { until } from './waiting.mjs';

const ip = (...words) => {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr ?? error}`);
};
const address = '127.0.0.2';

ip('link', 'set', 'lo', 'up');
const scene = await Scene.start({ configuration: { limits: { write_stall: '2s', idle: '1h' } } });
const body = JSON.stringify(question('native', 'openai', 'stream:10000:50', { stream: true }));
const streaming = await Wire.open(scene.gateway, { localAddress: address });
streaming.send(postHead(doors.native, body.length, { 'X-Request-Id': 'vanished' }) + body);
await streaming.saw(/t2 /);
const idle = await Wire.open(scene.gateway, { localAddress: address });
idle.send(head('GET', '/livez'));
await idle.saw(/200 OK/);
const call = scene.provider.calls.at(-1);
const vanishing = performance.now();
ip('route', 'add', 'blackhole', `${address}/32`, 'table', 'local');
const gone = performance.now();
await until(() => call.goneAt !== undefined, 'the provider is let go', 60_000);
const stream = call.goneAt - vanishing;
const { status } = await scene.accessLine('vanished');
let idleTime = null;
if (scale(false, true)) {
  // Its own end cannot hear of it; the gateway's can be looked at.
  const port = new URL(scene.gateway.url).port;
  await until(() => !socketBetween(port, idle.socket.localPort)?.open, 'the idle connection is closed', 150_000);
  idleTime = performance.now() - gone;
}
console.log(JSON.stringify({ stream, status, idle: idleTime }));
streaming.close();
idle.close();
await scene.stop();
process.exit(0);
