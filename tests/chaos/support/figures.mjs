// What a running process holds, as the kernel tells it.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

function descriptorsOf(pid) {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try { return [readlinkSync(`/proc/${pid}/fd/${name}`)]; } catch { return []; }   // closed meanwhile
  });
}

// {residentBytes, descriptors, sockets, threads, cpuMilliseconds}
export function figuresOf({ child: { pid } }) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
  const open = descriptorsOf(pid);
  // Behind the program's name, which may hold blanks. Ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return {
    residentBytes: number('VmRSS') * 1024,
    descriptors: open.length,
    sockets: open.filter((target) => target.startsWith('socket:')).length,
    threads: number('Threads'),
    cpuMilliseconds: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

// For how many milliseconds of its life the program was ready to run while others held the processors: all its threads, or its
// first one. (The second number of the kernel's schedstat, there in ns.)
export function heldUp(pid, { first = false } = {}) {
  return (first ? [String(pid)] : readdirSync(`/proc/${pid}/task`)).reduce((sum, task) => {
    try { return sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[1]) / 1e6; } catch { return sum; }   // it has ended
  }, 0);
}

// How long `ask()` takes a gateway that answers one question at a time: {milliseconds, answer}. That others held the processors which
// it or this process wanted is no part of it.
export async function ownTime({ child: { pid } }, ask) {
  const held = () => heldUp(pid) + heldUp(process.pid, { first: true });
  const before = held(), begin = performance.now();
  const answer = await ask();
  const took = performance.now() - begin;
  return { milliseconds: Math.max(0, took - (held() - before)), answer };
}

export const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
