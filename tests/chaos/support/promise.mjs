// The times that rows promise, on a machine that others share. Another program can make any one try late; none can make a slow
// gateway quick. So one of some tries must keep the promised time, and every one of them the time beyond which it is not the
// machine's fault. A difference of two noisy times is by chance small in one of many tries, and a percentile of many leaves out by
// itself what is rare: there it is the median of the tries that must keep it.
import assert from 'node:assert/strict';
import { slow } from '../../support/processes.mjs';
import { patience } from './scale.mjs';

// What a busy machine may add to a time that a row names.
export const allowance = slow ? 20_000 : 4000;

// `measure(try)` gives the milliseconds of one deed. Resolves with those that kept `limit`.
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

// The same for a percentile of many, or the difference of two: the median of an odd number of tries keeps `limit`. Over as soon as that
// is certain either way. Resolves with the tries.
export async function keepsMostly(limit, measure, { what, tries = 5, never = limit + allowance } = {}) {
  assert.equal(tries % 2, 1, 'a median of an odd number');
  const seen = [], most = (tries + 1) / 2, missed = () => seen.filter((milliseconds) => milliseconds > patience(limit)).length;
  while (missed() < most && seen.length - missed() < most) {
    const milliseconds = await measure(seen.length);
    seen.push(milliseconds);
    assert.ok(milliseconds <= never, `${what}: ${milliseconds} ms, ${limit} are promised`);
  }
  assert.ok(missed() < most, `${what}: ${limit} ms are promised, in the median of ${tries} tries; ${seen.map((one) => one.toFixed(1)).join(', ')}`);
  return seen;
}
