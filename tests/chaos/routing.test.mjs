// What several candidates are good for when one of them fails (rows U13-U15, U23, U24 of the promise; users' cases A8e, A15):
// OpenAI is one provider here, Anthropic and Mistral are another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, percentile, steadily } from './support/load.mjs';
import { Chances, patience, scale } from './support/scale.mjs';
import { withScene } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

const alias = (targets, more = {}) => ({ aliases: { any: { targets, ...more } } });
const both = { separate: true, configuration: alias(['openai/first', 'mistral/second']) };
const named = { provider: null };   // the alias says who is asked
const ask = (scene, more = {}) => scene.ask('any', { ...named, ...more });

test('U13 429 with Retry-After: the next one answers at once, and the limited one is left alone that long', async () => {
  await withScene(both, async (scene) => {
    scene.provider.always = 'status:429:3';
    const limited = performance.now();
    const first = await ask(scene);
    assert.equal(first.status, 200, first.text);
    assert.equal(first.headers['x-ai-proxy-provider'], 'mistral');
    assert.match(first.headers['x-ai-proxy-attempts'], /^2; openai\/first=rate_limited \d+ms, mistral\/second$/);
    assert.ok(performance.now() - limited < patience(1000), 'without a pause');
    const calls = scene.provider.calls.length;
    for (let index = 0; index < 20; index += 1) {
      const { status, headers } = await ask(scene);
      assert.deepEqual([status, headers['x-ai-proxy-provider'], headers['x-ai-proxy-attempts']], [200, 'mistral', '1']);
    }
    if (performance.now() - limited < 2500) assert.equal(scene.provider.calls.length, calls, 'not asked while it is limited');
    scene.provider.always = undefined;
    await until(async () => (await ask(scene)).headers['x-ai-proxy-provider'] === 'openai', 'it is asked again');
    const rested = scene.provider.calls[calls].at - limited;
    assert.ok(rested >= 2990, `asked again after ${rested} ms`);
  });
});

test('U13 429 with Retry-After and nobody else: passed on with it, and the provider is not asked again before', async () => {
  await withScene({}, async (scene) => {
    const { status, headers, text } = await scene.ask('status:429:3');
    assert.equal(status, 429, text);
    assert.equal(headers['retry-after'], '3');
    const calls = scene.provider.calls.length, told = performance.now();
    const second = await scene.ask('status:429:3');
    assert.equal(second.status, 429);
    if (performance.now() - told < 2500) assert.equal(scene.provider.calls.length, calls, 'not asked again');
    assert.match(second.headers['retry-after'], /^[123]$/);
  });
});

test('U13 429 for one key: the provider\'s next key is taken at once', async () => {
  await withScene({ environment: { OPENAI_API_KEY: 'sk-one-0123456789,sk-two-0123456789' } }, async (scene) => {
    scene.provider.always = (call) => (call.key === 'Bearer sk-one-0123456789' ? 'status:429:30' : undefined);
    const answers = await load(20, 1, () => scene.ask('some-model'));
    assert.deepEqual(answers.byStatus, { 200: 20 });
    const limited = scene.provider.calls.filter(({ key, model }) => model === 'some-model' && key === 'Bearer sk-one-0123456789');
    assert.ok(limited.length <= 1, `the limited key was used ${limited.length} times`);
    scene.provider.always = undefined;
  });
});

test('U14 a storm of 429: told at once, the provider sees one probe per key and cool-down, and it ends when the limit does', async (context) => {
  const keys = ['sk-a-0123456789', 'sk-b-0123456789', 'sk-c-0123456789'];
  const seconds = scale(4, 60), rate = scale(100, 200);
  await withScene({ environment: { OPENAI_API_KEY: keys.join(',') } }, async (scene) => {
    scene.provider.always = 'status:429:1';
    const known = scene.provider.calls.length;
    const { byStatus, answers } = await steadily(rate, seconds * 1000, () => scene.ask('stormy'));
    // The gateway's own part of the time: the rest is this machine's.
    const spent = answers.map(({ headers }) => Number(headers['x-ai-proxy-overhead-us']) / 1000).sort((a, b) => a - b);
    assert.deepEqual(Object.keys(byStatus), ['429'], JSON.stringify(byStatus));
    const calls = scene.provider.calls.length - known, total = byStatus[429];
    context.diagnostic(`${total} requests in ${seconds} s: ${calls} calls; ${percentile(spent, 0.5).toFixed(2)} ms median, ${percentile(spent, 0.99).toFixed(2)} ms 99 %`);
    assert.ok(calls <= keys.length * (seconds + 1) + 0.2 * total, `${calls} calls for ${total} requests`);
    assert.ok(percentile(spent, 0.9) < patience(5), `90 % in ${percentile(spent, 0.9)} ms`);
    scene.provider.always = undefined;
    const over = performance.now();
    await until(async () => (await scene.ask('stormy')).status === 200, 'it recovers');
    assert.ok(performance.now() - over < patience(2000), `recovered after ${performance.now() - over} ms`);
  });
});

// The retry budget: a fifth of the requests, and three a second in any case.
const most = (requests, seconds) => 1.2 * requests + 3 * (seconds + 1);

test('U15 half of the answers are 500: with another provider hardly anybody notices, and the load is not multiplied', async (context) => {
  const chances = new Chances(context);
  const seconds = scale(5, 30), rate = scale(60, 100), calm = rate * 5;
  await withScene(both, async (scene) => {
    const known = () => scene.provider.calls.length + scene.second.calls.length;
    const before = known();
    await load(calm, 8, () => ask(scene));
    scene.provider.always = () => (chances.unit() < 0.5 ? 'status:500' : undefined);
    const { byStatus, answers } = await steadily(rate, seconds * 1000, () => ask(scene));
    scene.provider.always = undefined;
    const total = answers.length, failed = total - (byStatus[200] ?? 0), calls = known() - before;
    context.diagnostic(`${calm} requests before and ${total} during the fault: ${failed} failed, ${calls} calls`);
    assert.ok(failed <= 0.01 * total, `${failed} of ${total}: ${JSON.stringify(byStatus)}`);
    assert.ok(calls <= most(calm + total, seconds), `${calls} calls for ${calm} + ${total} requests`);
  });
});

test('U15 half of the answers are 500 and there is no other provider: errors pass, and the load is not multiplied', async (context) => {
  const chances = new Chances(context);
  const seconds = scale(5, 30), rate = scale(60, 100), calm = rate * 5;
  await withScene({}, async (scene) => {
    const before = scene.provider.calls.length;
    await load(calm, 8, () => scene.ask('half'));
    scene.provider.always = () => (chances.unit() < 0.5 ? 'status:500' : undefined);
    const { byStatus, answers } = await steadily(rate, seconds * 1000, () => scene.ask('half'));
    scene.provider.always = undefined;
    const total = answers.length, calls = scene.provider.calls.length - before;
    context.diagnostic(`${calm} requests before and ${total} during the fault: ${JSON.stringify(byStatus)}, ${calls} calls`);
    assert.ok(byStatus[200] > 0.3 * total && byStatus[502] > 0, JSON.stringify(byStatus));
    assert.ok(calls <= most(calm + total, seconds), `${calls} calls for ${calm} + ${total} requests`);
  });
});

test('U23 the first provider dies under load: nobody is told, nobody is asked twice for what was answered', async (context) => {
  const chances = new Chances(context);
  const total = scale(300, 3000);
  await withScene(both, async (scene) => {
    const dies = chances.integer(total / 4, total / 2);
    const { byStatus } = await load(total, 8, async (index) => {
      if (index === dies) await scene.provider.stop();
      return ask(scene, { headers: { 'x-request-id': `u23-${index}` } });
    });
    assert.deepEqual(byStatus, { 200: total });
    const lines = await until(() => {
      const found = scene.gateway.accessLines().filter(({ request_id: id }) => id.startsWith('u23-'));
      return found.length === total && found;
    }, 'a line for every request');
    const attempts = lines.reduce((sum, line) => sum + line.attempts, 0);
    context.diagnostic(`died at request ${dies} of ${total}; ${attempts} attempts, ${scene.second.calls.length} of them at the second`);
    assert.ok(attempts <= 1.2 * total, `${attempts} attempts for ${total} requests`);
    // It is there again, and is found again.
    await scene.provider.again();
    await until(async () => (await ask(scene)).headers['x-ai-proxy-provider'] === 'openai', 'the first is asked again', 20_000);
  });
});

test('U24 a provider that hangs fills its own connections and no others', async (context) => {
  const configuration = { limits: { provider: { connections: 4, wait: '1s' } } };
  await withScene({ separate: true, configuration }, async (scene) => {
    const askOther = () => steadily(100, 1500, () => scene.ask('ok', { provider: 'mistral' }));
    const before = percentile((await askOther()).times, 0.5);
    const held = await Promise.all(Array.from({ length: 4 }, () => scene.call('hang')));
    await until(() => scene.provider.calls.filter(({ model }) => model === 'hang').length === 4, 'its connections are taken');
    const waiting = load(8, 8, () => scene.ask('hang'));
    const others = await askOther();
    const { byStatus, times, answers } = await waiting;
    assert.deepEqual(byStatus, { 503: 8 });
    for (const { headers, text } of answers) {
      assert.equal(headers['retry-after'], '1', text);
      assert.equal(JSON.parse(text).details.code, 'overloaded');
    }
    assert.ok(times[0] >= 950 && times.at(-1) < 1000 + patience(1000), `${times[0]} to ${times.at(-1)} ms in the queue`);
    assert.deepEqual(Object.keys(others.byStatus), ['200']);
    const meanwhile = percentile(others.times, 0.5);
    context.diagnostic(`the other provider: ${before.toFixed(2)} ms median before, ${meanwhile.toFixed(2)} ms meanwhile, ${percentile(others.times, 0.99).toFixed(2)} ms 99 %`);
    assert.ok(meanwhile < 3 * before + patience(200), `median ${meanwhile} ms, ${before} ms before`);
    assert.equal(scene.provider.calls.filter(({ model }) => model === 'hang').length, 4, 'no fifth call');
    for (const caller of held) caller.leave('RST');
  });
});

test('A8e a caller that leaves during a pause before the next attempt: no next attempt', async () => {
  await withScene({ configuration: { routing: { backoff: '60s', backoff_max: '60s', added_wait: '100s' } } }, async (scene) => {
    for (const how of ['FIN', 'RST']) {
      for (const stream of [true, false]) {
        const id = `pause-${how}-${stream}`, known = scene.provider.calls.length;
        const caller = await scene.call('status:500', { stream, headers: { 'x-request-id': id } });
        await until(() => scene.provider.calls[known]?.done, 'the first attempt has failed');
        await new Promise((resolve) => setTimeout(resolve, 50));
        const left = performance.now();
        caller.leave(how);
        assert.equal((await scene.accessLine(id)).status, 499);
        assert.ok(performance.now() - left < patience(1000));
        assert.equal(scene.provider.calls.length, known + 1);
      }
    }
  });
});

test('A15 the first provider fails before its first text: the second answers, and nothing of the first is seen', async () => {
  const failures = ['status:500', 'status:503', 'head-hang', 'rst:0', 'fin:0', () => ({ out }) => out.reset()];
  const limits = { provider: { silence: '400ms', first_byte: '400ms' } };
  await withScene({ separate: true, configuration: { ...alias(['openai/first', 'anthropic/second']), limits, routing: { breaker: { failures: 0 } } } }, async (scene) => {
    for (const failure of failures) {
      for (const door of ['native', 'openai', 'anthropic', 'mistral']) {
        scene.provider.always = failure;
        const known = scene.second.calls.length;
        const { status, text, headers } = await scene.ask('any', { door, ...named, stream: true });
        const what = `${failure} ${door}: ${status} ${text}`;
        assert.equal(status, 200, what);
        assert.match(headers['x-ai-proxy-attempts'], /^2; openai\/first=\w+ \d+ms, anthropic\/second$/, what);
        assert.equal(scene.second.calls.length, known + 1, what);
        assert.match(text, /t0 /, what);
        assert.doesNotMatch(text, /error|the provider says/, what);
        if (door === 'anthropic') assert.equal((text.match(/^event: message_start$/gm) ?? []).length, 1, what);
        if (door === 'openai') assert.equal((text.match(/"role":"assistant"/g) ?? []).length, 1, what);
      }
    }
    scene.provider.always = undefined;
  });
});
