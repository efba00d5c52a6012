// Waiting for what becomes true elsewhere: looked at again and again, with a limit.
import { setTimeout as pause } from 'node:timers/promises';
import { patience } from './scale.mjs';

// Resolves with the first answer of `look` that is true; after `limit` ms it fails with `what`.
export async function until(look, what, limit = 10_000) {
  const end = performance.now() + patience(limit);
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`not within ${patience(limit)} ms: ${typeof what === 'function' ? what() : what}`);
    await pause(5);
  }
}
