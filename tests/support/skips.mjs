// What a test lacks on this machine. Such a test skips, and says why; but where nothing may skip that is a failure: with
// AI_PROXY_NO_SKIP=1 (CI) for what can be had, a tool or recorded data; with AI_PROXY_NO_SKIP=all (./dev chaos beside the shared data)
// also for what the system itself does not allow. Not for what is no test of this run: in short, or under a sanitizer.
const nothing = process.env.AI_PROXY_NO_SKIP;

function skip(reason, isFailure) {
  if (!reason) return false;
  if (isFailure) throw new Error(`nothing may skip here (AI_PROXY_NO_SKIP=${nothing}): ${reason}`);
  return reason;
}

// For node:test's `skip` option: false, or why. `reason`: false, or what is missing.
export const unable = (reason) => skip(reason, nothing === '1' || nothing === 'all');
// `reason`: false, or what no installation would help: namespaces, being root.
export const denied = (reason) => skip(reason, nothing === 'all');
