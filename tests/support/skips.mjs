// What a test lacks on this machine: a tool, a namespace, recorded data. Such a test skips, and says why; but where nothing may skip
// (CI, ./dev chaos beside the shared data) that is a failure. Not for what is no test of this run: in short, or under a sanitizer.

// For node:test's `skip` option: false, or why. `reason`: false, or what is missing.
export function unable(reason) {
  if (!reason) return false;
  if (process.env.AI_PROXY_NO_SKIP === '1') throw new Error(`nothing may skip here (AI_PROXY_NO_SKIP): ${reason}`);
  return reason;
}
