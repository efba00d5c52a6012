// Many requests at once, folded into counts and times.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { post } from '../../support/sent.mjs';

async function timed(folded, index, ask) {
  const begin = performance.now();
  const answer = await ask(index).catch((fault) => ({ status: fault.code ?? fault.message }));
  folded.took[index] = performance.now() - begin;
  folded.times.push(folded.took[index]);
  folded.byStatus[answer.status] = (folded.byStatus[answer.status] ?? 0) + 1;
  folded.answers[index] = answer;
}

// Runs `ask(index)` -> {status, …} `total` times, `lanes` at a time. {byStatus, times (sorted ms), took (ms) and answers by index}
export async function load(total, lanes, ask) {
  const folded = { byStatus: {}, times: [], took: [], answers: [] };
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(lanes, total) }, async () => {
    while (next < total) {
      const index = next;
      next += 1;
      await timed(folded, index, ask);
    }
  }));
  folded.times.sort((a, b) => a - b);
  return folded;
}

// Starts `ask(index)` `rate` times a second for so many ms, whether the ones before have been answered or not.
export async function steadily(rate, milliseconds, ask) {
  const folded = { byStatus: {}, times: [], took: [], answers: [] };
  const begun = performance.now(), running = [];
  for (let index = 0; index * (1000 / rate) < milliseconds; index += 1) {
    const early = begun + index * (1000 / rate) - performance.now();
    if (early > 0) await pause(early);
    running.push(timed(folded, index, ask));
  }
  await Promise.all(running);
  folded.times.sort((a, b) => a - b);
  return folded;
}

// share: 0.99 for the 99th percentile.
export const percentile = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];

// A way to post with its own connections; `end` closes them.
export function poster(lanes = 64) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: lanes });
  return { post: (url, body, headers) => post(url, body, headers, { agent }), end: () => agent.destroy() };
}
