// What stands between a provider that sends and a caller that does not read, byte by byte: the kernel tells what each socket
// holds (/proc/net/tcp), so that what the gateway holds itself is the rest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mebibytes } from './figures.mjs';

const hexPort = (port) => Number(port).toString(16).toUpperCase().padStart(4, '0');

// {open, unsent, unread}: the socket between two ports of this machine, with its bytes (unsent: also what is not acknowledged);
// undefined: there is none.
export function socketBetween(localPort, remotePort) {
  const ends = new RegExp(`^ *\\d+: \\w{8}:${hexPort(localPort)} \\w{8}:${hexPort(remotePort)} (\\w\\w) (\\w{8}):(\\w{8}) `, 'm');
  // The table is read in pieces, and while it changes a line may be passed over.
  for (let tries = 0; tries < 100; tries += 1) {
    const found = ends.exec(readFileSync('/proc/net/tcp', 'latin1'));
    if (found) return { open: found[1] === '01', unsent: Number.parseInt(found[2], 16), unread: Number.parseInt(found[3], 16) };
  }
  return undefined;
}

function queuesOf(localPort, remotePort) {
  const found = socketBetween(localPort, remotePort);
  if (!found) throw new Error(`no socket between the ports ${localPort} and ${remotePort}`);
  return found;
}

// Bytes from one event's beginning to the next one's, in what has come of a stream of one event again and again; undefined before
// three have.
export function distanceOf(filler, text) {
  const between = text.split(filler);
  return between.length > 3 ? filler.length + between[2].length : undefined;
}

// Of a stream whose events are all `size.in` bytes at the provider and `size.out` at the caller, framing included:
// `waiting`: what the gateway has made for the caller and the kernel has not sent; `within`: what it has read and not yet
// written; `kernels`: what the buffers on both sides hold that are none of its doing.
export function backlogOf(gateway, caller, provider, size) {
  const door = new URL(gateway.url).port;
  const asked = queuesOf(provider.localPort, provider.remotePort), answered = queuesOf(provider.remotePort, provider.localPort);
  const told = queuesOf(door, caller.localPort), heard = queuesOf(caller.localPort, door);
  const pushed = provider.bytesWritten - provider.writableLength;   // the kernel may have taken a part of one event more
  const read = pushed - asked.unsent - answered.unread;
  const written = caller.bytesRead + heard.unread + told.unsent;
  return {
    pushed,
    waiting: told.unsent,
    within: read - written * (size.in / size.out),
    kernels: asked.unsent + answered.unread + heard.unread,
  };
}

export function tell({ pushed, kernels, waiting, within }) {
  const own = `${waiting} bytes unsent, ${within.toFixed(0)} in the gateway`;
  return `${mebibytes(pushed)} taken from the provider, ${mebibytes(kernels)} in the kernel's buffers; ${own}`;
}

// That reading from the provider stops at the bound. The kernel takes a write as long as less than that waits, and asks for more
// below half of it; so it may be a segment (64 KiB) more. In the gateway itself one event (16 KiB) is on its way, and what was
// read with it.
export function assertStopped(backlog, bound = 256 * 1024) {
  assert.ok(backlog.waiting >= bound / 2, tell(backlog));
  assert.ok(backlog.waiting + backlog.within <= 1.5 * bound, tell(backlog));
}
