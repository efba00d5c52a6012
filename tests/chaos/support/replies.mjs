// Plays reply vectors through a gateway, and judges each: what the caller got, and whether the connection was used again.
import { setTimeout as pause } from 'node:timers/promises';
import { verdictOf } from './reply_vectors.mjs';

const waitForMore = 250;

// {verdict, pooled, text}
export async function play(scene, vector) {
  let settled = false;
  scene.provider.always = () => async (answer) => {
    await answer.out.write(vector.bytes);
    if (vector.closes) return answer.out.fin();
    // An unfinished answer is ended by us; to a finished one the gateway has said something by then.
    for (let waited = 0; waited < waitForMore && !settled; waited += 10) await pause(10);
    if (!settled) answer.out.fin();
  };
  const reply = await scene.ask(`vector-${vector.id}`, { stream: vector.stream });   // a limit holds for its model
  settled = true;
  const used = scene.provider.calls.at(-1).connection;
  scene.provider.always = undefined;
  const next = await scene.ask('next');
  const pooled = scene.provider.calls.at(-1).connection === used;
  return { verdict: verdictOf(reply, vector.stream), pooled, text: reply.text, headers: reply.headers, next: next.status };
}

// The faults of a list of vectors, and a table of verdicts in few lines.
export async function judge(scene, vectors) {
  const faults = [], table = new Map();
  for (const vector of vectors) {
    const { verdict, pooled, text, next } = await play(scene, vector);
    const good = vector.verdicts.includes(verdict) && (vector.pooled === undefined || pooled === vector.pooled) && next === 200;
    if (!good) faults.push(`${vector.id}: ${verdict}, connection ${pooled ? 'used again' : 'dropped'}, next ${next}; wanted ${vector.verdicts.join(' or ')}${vector.pooled === false ? ', dropped' : ''}: ${text.slice(0, 300)}`);
    const row = `${good ? 'pass' : 'FAIL'} ${verdict} ${pooled ? 'kept' : 'dropped'}`;
    table.set(row, [...(table.get(row) ?? []), vector.id]);
  }
  const lines = [...table].sort(([a], [b]) => a.localeCompare(b)).map(([row, ids]) => `${row} (${ids.length}): ${ids.join(' ')}`);
  return { faults, lines };
}
