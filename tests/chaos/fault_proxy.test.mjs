// The fault proxy does what it says: without that, no test that uses it can fail.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { FaultProxy } from './support/fault_proxy.mjs';
import { Chances, patience } from './support/scale.mjs';
import { until } from './support/waiting.mjs';

let echo, proxy;
before(async () => {
  echo = net.createServer({ allowHalfOpen: true }, (socket) => { socket.on('error', () => {}); socket.pipe(socket); });
  await new Promise((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await FaultProxy.start(`http://127.0.0.1:${echo.address().port}`, new Chances({ name: 'fault proxy' }));
});
after(async () => {
  await proxy?.stop();
  await new Promise((resolve) => (echo ? echo.close(resolve) : resolve()));
});

// Sends the bytes through the proxy and back; {bytes, reads, milliseconds, fault}. Without `until` it waits for the end.
async function roundTrip(bytes, { enough = Infinity } = {}) {
  const socket = net.connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  const back = { bytes: Buffer.alloc(0), reads: 0 };
  const begun = performance.now();
  await new Promise((resolve) => {
    socket.on('data', (read) => {
      back.bytes = Buffer.concat([back.bytes, read]);
      back.reads += 1;
      if (back.bytes.length >= enough) resolve();
    });
    socket.on('error', (fault) => { back.fault = fault.code; });
    socket.on('close', resolve);
    socket.on('end', () => { back.ended = true; resolve(); });
    socket.end(bytes);
  });
  back.milliseconds = performance.now() - begun;
  socket.destroy();
  proxy.clear();
  return back;
}

const bytes = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 251));

test('without a fault every byte passes, and the end too', async () => {
  const back = await roundTrip(bytes);
  assert.deepEqual(back.bytes, bytes);
  assert.equal(back.ended, true);
  await until(() => proxy.pairs.size === 0, 'the connection is forgotten');
});

test('latency delays each read, in one direction', async () => {
  for (const way of ['up', 'down']) {
    proxy.set(way, { latency: 150 });
    const back = await roundTrip(bytes);
    assert.deepEqual(back.bytes, bytes);
    assert.ok(back.milliseconds >= 145, `${back.milliseconds} ms`);
  }
});

test('a rate and slices spread the bytes', async () => {
  proxy.set('down', { rate: 10_000 });
  const rated = await roundTrip(bytes);
  assert.deepEqual(rated.bytes, bytes);
  assert.ok(rated.milliseconds >= 250, `${rated.milliseconds} ms for 3000 bytes at 10000/s`);
  proxy.set('down', { slice: 500, slicePause: 20 });
  const sliced = await roundTrip(bytes);
  assert.deepEqual(sliced.bytes, bytes);
  assert.ok(sliced.reads >= 3, `${sliced.reads} reads`);
});

test('a reset and a cut come after exactly so many bytes', async () => {
  proxy.set('down', { resetAfter: 1000 });
  const reset = await roundTrip(bytes);
  assert.equal(reset.fault, 'ECONNRESET');
  assert.deepEqual(reset.bytes, bytes.subarray(0, 1000));
  proxy.set('down', { cutAfter: 1000 });
  const cut = await roundTrip(bytes);
  assert.equal(cut.fault, undefined);
  assert.equal(cut.ended, true);
  assert.deepEqual(cut.bytes, bytes.subarray(0, 1000));
});

test('one byte is inverted', async () => {
  proxy.set('up', { flipAt: 1234 });
  const { bytes: back } = await roundTrip(bytes);
  assert.equal(back[1234], bytes[1234] ^ 0xff);
  back[1234] ^= 0xff;
  assert.deepEqual(back, bytes);
});

test('a black hole holds everything, and lets it go', async () => {
  proxy.set('down', { blackHole: true });
  const trip = roundTrip(bytes);
  const early = await Promise.race([trip, new Promise((resolve) => setTimeout(resolve, 200, 'nothing'))]);
  assert.equal(early, 'nothing');
  proxy.clear();
  assert.deepEqual((await trip).bytes, bytes);
});

test('resets of new and of open connections, and a port where nobody listens', async () => {
  proxy.resetNew();
  const fresh = await roundTrip(bytes);
  assert.equal(fresh.fault, 'ECONNRESET');
  proxy.set('down', { blackHole: true });
  const open = roundTrip(bytes);
  await until(() => proxy.pairs.size === 1, 'it is connected', patience(2000));
  proxy.resetOpen();
  assert.equal((await open).fault, 'ECONNRESET');
  await proxy.refuse();
  assert.equal((await roundTrip(bytes)).fault, 'ECONNREFUSED');
  await proxy.accept();
  assert.deepEqual((await roundTrip(bytes)).bytes, bytes);
});
