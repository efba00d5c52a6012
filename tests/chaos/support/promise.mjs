// The times that rows promise, on a machine that others share. Another program can make any one try late; none can make a slow
// gateway quick. So one of some tries must keep the promised time, and every one of them the time beyond which it is not the
// machine's fault.
import assert from 'node:assert/strict';
import { slow } from '../../support/processes.mjs';
import { patience } from './scale.mjs';

// What a busy machine may add to a time that a row names.
export const allowance = slow ? 20_000 : 4000;

// `measure(try)` gives milliseconds: of one deed, or a quantile of many. Resolves with those that kept `limit`.
export async function keeps(limit, measure, { what, tries = 4, never = limit + allowance } = {}) {
  const seen = [];
  while (seen.length < tries) {
    const milliseconds = await measure(seen.length);
    seen.push(Math.round(milliseconds * 10) / 10);
    assert.ok(milliseconds <= never, `${what}: ${milliseconds} ms, ${limit} are promised`);
    if (milliseconds <= patience(limit)) return milliseconds;
  }
  assert.fail(`${what}: ${limit} ms are promised; ${seen.join(', ')} in ${tries} tries`);
}
