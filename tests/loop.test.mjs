// S-27: a base URL that leads back to the gateway by way of another one is one refused request and no avalanche. (Its own address is
// refused when it starts: faults_test.cpp.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { reply } from './support/chat.mjs';
import { freePort, postJson, providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';

const chat = { model: 'gpt-4o', messages: [{ role: 'user', content: 'Who are you?' }] };
const served = (gateways) => gateways.reduce((sum, gateway) => sum + gateway.accessLines().length, 0);

test('S-27 a base URL that comes back by way of another gateway', async (context) => {
  const port = await freePort();
  const second = await startGateway({ environment: providersAt(`http://127.0.0.1:${port}`) });
  context.after(() => second.stop());
  const first = await startGateway({ environment: { ...providersAt(second.url), PORT: String(port) } });
  context.after(() => first.stop());
  for (const stream of [false, true]) {
    const before = served([first, second]);
    const answer = await postJson(`${first.url}/v1/chat/completions`, { ...chat, stream });
    assert.equal(answer.status, 400, answer.text);
    assert.match(JSON.parse(answer.text).error.message, /has come through this gateway before.*base URL/);
    for (const end = Date.now() + 20_000; served([first, second]) < before + 3 && Date.now() < end;) await delay(10);
    assert.equal(served([first, second]) - before, 3, 'requests that both have served');
  }
});

test('S-27 one gateway behind another is no loop, and a provider is told of no other proxy', async (context) => {
  let via;
  const provider = await ScriptedProvider.start((call, out) => {
    via = call.fields.get('via');
    return out.whole(reply());
  });
  context.after(() => provider.stop());
  const second = await startGateway({ environment: providersAt(provider.url) });
  context.after(() => second.stop());
  const first = await startGateway({ environment: providersAt(second.url) });
  context.after(() => first.stop());
  const answer = await postJson(`${first.url}/v1/chat/completions`, chat, { via: '1.1 proxy.intern.example' });
  assert.equal(answer.status, 200);
  assert.match(via, /^1\.1 ai-proxy-[0-9a-v]{12}, 1\.1 ai-proxy-[0-9a-v]{12}$/);
});
