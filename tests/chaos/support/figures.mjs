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

export const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
