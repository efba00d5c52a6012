// The official SDKs pass over the keep-alives of a silent stream: no error, no empty event (case A2, outbound).
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import AnthropicCurrent from '@anthropic-ai/sdk';
import AnthropicPrevious from 'anthropic-previous';
import { Mistral } from '@mistralai/mistralai';
import OpenAI from 'openai';
import OpenAIPrevious from 'openai-previous';
import { providersAt, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { wire } from '../support/turns.mjs';

const turn = { text: ['Good ', 'morning'], reason: 'stop' };
const messages = [{ role: 'user', content: 'Hello?' }];
let provider, gateway;
before(async () => {
  provider = await ScriptedProvider.start();
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  writeFileSync(path.join(folder, 'gateway.yaml'), 'streams: {keep_alive: 100ms}\n');
  gateway = await startGateway({ environment: { ...providersAt(provider.url), AI_PROXY_CONFIG: 'gateway.yaml' }, folder });
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
});

// Silent before every event, for three keep-alives' time.
function haltingly(name) {
  provider.answer = async (_, out) => {
    await out.beginStream();
    for (const event of wire[name].stream(turn)) {
      await new Promise((resolve) => { setTimeout(resolve, 320); });
      await out.piece(event);
    }
    await out.endStream();
  };
}

const text = async (stream, pick) => {
  let all = '';
  for await (const event of stream) all += pick(event) ?? '';
  return all;
};
const behind = Object.keys(wire).filter((name) => wire[name].stream);

for (const [version, Client] of [['7', OpenAI], ['6', OpenAIPrevious]]) {
  for (const name of behind) {
    const model = `${name}/${wire[name].model}`;
    const client = () => new Client({ apiKey: 'sk-client', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    test(`openai ${version} -> ${name}: a halting stream of chat`, async () => {
      haltingly(name);
      assert.equal(await text(await client().chat.completions.create({ model, messages, stream: true }), (chunk) => chunk.choices[0]?.delta.content), 'Good morning');
    });
    if (name === 'openai') continue;  // there the Responses API passes through
    test(`openai ${version} -> ${name}: a halting stream of a response`, async () => {
      haltingly(name);
      assert.equal(await text(await client().responses.create({ model, input: 'Hello?', stream: true }), (event) => (event.type === 'response.output_text.delta' ? event.delta : '')), 'Good morning');
    });
  }
}

for (const [version, Client] of [['1', AnthropicCurrent], ['0.137', AnthropicPrevious]]) {
  for (const name of behind) {
    test(`anthropic ${version} -> ${name}: a halting stream`, async () => {
      haltingly(name);
      const client = new Client({ apiKey: 'sk-client', baseURL: gateway.url, maxRetries: 0 });
      const message = await client.messages.stream({ model: `${name}/${wire[name].model}`, max_tokens: 100, messages }).finalMessage();
      assert.equal(message.content[0].text, 'Good morning');
    });
  }
}

for (const name of behind) {
  test(`mistral -> ${name}: a halting stream`, async () => {
    haltingly(name);
    const client = new Mistral({ apiKey: 'sk-client', serverURL: `${gateway.url}/mistral`, retryConfig: { strategy: 'none' } });
    const stream = await client.chat.stream({ model: `${name}/${wire[name].model}`, messages });
    assert.equal(await text(stream, (event) => event.data.choices[0]?.delta.content), 'Good morning');
  });
}
