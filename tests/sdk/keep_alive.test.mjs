// The official SDKs pass over the keep-alives of a silent stream: no error, no empty event (case A2, outbound).
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { providersAt, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { wire } from '../support/turns.mjs';
import { sdks } from './streaming.mjs';

const turn = { text: ['Good ', 'morning'], reason: 'stop' };
const providers = ['openai', 'anthropic', 'mistral'];
let provider, gateway;
before(async () => {
  provider = await ScriptedProvider.start(haltingly);
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  writeFileSync(path.join(folder, 'gateway.yaml'), 'streams: {keep_alive: 100ms}\n');
  gateway = await startGateway({ environment: { ...providersAt(provider.url), AI_PROXY_CONFIG: 'gateway.yaml' }, folder });
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
});

// Silent before every event, for three keep-alives' time.
async function haltingly({ path: asked, fields }, out) {
  const flavour = asked.endsWith('/messages') ? 'anthropic' : /mistral/.test(fields.get('authorization')) ? 'mistral' : 'openai';
  await out.beginStream();
  for (const event of wire[flavour].stream(turn)) {
    await new Promise((resolve) => { setTimeout(resolve, 320); });
    await out.piece(event);
  }
  await out.endStream();
}

describe('halting streams', { concurrency: 8 }, () => {
  for (const { name, api, text } of sdks) {
    for (const behind of providers) {
      if (api === 'responses' && behind === 'openai') continue;  // there the Responses API passes through
      test(`${name}, ${api} -> ${behind}`, async () => {
        assert.equal(await text(gateway.url, `${behind}/${wire[behind].model}`), 'Good morning');
      });
    }
  }
});

const python = `
import sys
from openai import OpenAI
url, model = sys.argv[1:]
client = OpenAI(base_url=url + "/v1", api_key="sk-client", max_retries=0)
chunks = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello?"}], stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
if not model.startswith("openai/"):
    events = client.responses.create(model=model, input="Hello?", stream=True)
    print("".join(event.delta for event in events if event.type == "response.output_text.delta"))
`;
const missing = spawnSync('python3', ['-c', 'import openai']).status !== 0;
for (const behind of providers) {
  test(`openai for Python -> ${behind}: halting streams`, { skip: missing && 'no Python package openai' }, async () => {
    const run = spawn('python3', ['-c', python, gateway.url, `${behind}/${wire[behind].model}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    run.stdout.on('data', (bytes) => { output += bytes; });
    const [code] = await once(run, 'close');
    assert.equal(code, 0);
    assert.equal(output, 'Good morning\n'.repeat(behind === 'openai' ? 1 : 2));
  });
}
