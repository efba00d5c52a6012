// What one provider's failure is to the others (row U24 of the promise): OpenAI is one provider here, Anthropic and Mistral are
// another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, percentile, steadily } from './support/load.mjs';
import { patience } from './support/scale.mjs';
import { withScene } from './support/scene.mjs';
import { until } from './support/waiting.mjs';

test('U24 a provider that hangs fills its own connections and no others', async (context) => {
  const configuration = { limits: { provider: { connections: 4, wait: '1s' } } };
  await withScene({ separate: true, configuration }, async (scene) => {
    const held = await Promise.all(Array.from({ length: 4 }, () => scene.call('hang')));
    await until(() => scene.provider.calls.filter(({ model }) => model === 'hang').length === 4, 'its connections are taken');
    const waiting = load(8, 8, () => scene.ask('hang'));
    const others = await steadily(100, 1500, () => scene.ask('ok', { provider: 'mistral' }));
    const { byStatus, times, answers } = await waiting;
    assert.deepEqual(byStatus, { 503: 8 });
    for (const { headers, text } of answers) {
      assert.equal(headers['retry-after'], '1', text);
      assert.equal(JSON.parse(text).details.code, 'overloaded');
    }
    assert.ok(times[0] >= 950 && times.at(-1) < 1000 + patience(1000), `${times[0]} to ${times.at(-1)} ms in the queue`);
    assert.deepEqual(Object.keys(others.byStatus), ['200']);
    context.diagnostic(`the other provider meanwhile: ${percentile(others.times, 0.5).toFixed(2)} ms median, ${percentile(others.times, 0.99).toFixed(2)} ms 99 %`);
    assert.ok(percentile(others.times, 0.5) < patience(50));
    assert.equal(scene.provider.calls.filter(({ model }) => model === 'hang').length, 4, 'no fifth call');
    for (const caller of held) caller.leave('RST');
  });
});
