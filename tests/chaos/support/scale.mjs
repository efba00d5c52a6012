// How large the chaos tests are, and where their chances come from. Short in every run; AI_PROXY_CHAOS=full for the numbers
// of the promise (`./dev chaos`). One seed decides every random choice: the same AI_PROXY_SEED makes the same choices.
import { randomInt } from 'node:crypto';
import { slow } from '../../support/processes.mjs';

export const full = process.env.AI_PROXY_CHAOS === 'full';
export const scale = (short, whole) => (full ? whole : short);
// A wall time that a slower program may take: sanitizers, and many tests on few cores.
export const patience = (milliseconds) => milliseconds * (slow ? 10 : 1);

export const seed = Number(process.env.AI_PROXY_SEED ?? randomInt(2 ** 32 - 1)) >>> 0;

// Of the test's own name, so that a test chooses the same whichever others run beside it.
function stateOf(name) {
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

// The random choices of one test (mulberry32). The seed is told with the test.
export class Chances {
  #state;

  constructor(context) {
    this.#state = stateOf(context.name);
    context.diagnostic?.(`${context.name}: AI_PROXY_SEED=${seed}`);
  }

  // 0 <= x < 1
  unit() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  // Both ends may come.
  integer(from, to) {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  pick(list) {
    return list[this.integer(0, list.length - 1)];
  }
}
