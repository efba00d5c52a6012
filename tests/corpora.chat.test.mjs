// The chat requests, body by body, through the running binary: at /v1/chat, and at OpenAI's door before OpenAI, whom they reach as they
// came, and before Anthropic, for whom they are translated. Strict simulated providers stand behind it; what is sent to them is looked at.
// The decisions, where the corpus allows more than one answer, stand in docs/decisions/0007-bodies-and-streams.md.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { keeps } from './chaos/support/promise.mjs';
import { configured } from './support/chat.mjs';
import { providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { corpus, tabulate, verdicts } from './support/verdicts.mjs';
import { strictly } from './support/world.mjs';

const { absent, manifest } = corpus('chat-requests', 'vectors.json');

// A verdict is a status, and whose: 'here', or 'there' when a provider was asked.
const native = { door: '/v1/chat', target: 'openai/gpt-4o', decided: [
  [/^(dup|ok-dup|syntax|model|messages|stream-|image)/, '400 here'],
  [/^control-provider/, '400 here'],  // it is a member of ours
  [/^max_tokens-null/, '200 there'],
  [/^max_tokens/, '400 here'],
] };
const passedOn = { door: '/v1/chat/completions', target: 'openai/gpt-4o', decided: [
  [/^(dup|ok-dup|syntax|model-(missing|arr|obj)|stream-)/, '400 here'],
  [/^model/, '404 here'],
  // The rest is the provider's to judge, who does not mind everything.
  [/^max_tokens-(neg|zero)|^(messages|image)/, '400 there'],
  [/^(ok-unknown|control|proto|n-zero)/, '400 there'],
] };
const translated = { door: '/v1/chat/completions', target: 'anthropic/claude-sonnet-4-6', decided: [
  [/^(dup|ok-dup|syntax|model-(missing|arr|obj)|messages|stream-|image)/, '400 here'],
  [/^model/, '404 here'],
  [/^max_tokens-null/, '200 there'],
  [/^max_tokens/, '400 here'],
] };
const always = [
  [/^syntax-nul$/, '200 there'],          // escaped, it is text
  [/^messages-10k/, '200 there'],
  [/^lone-surrogate/, '400 here'],
];
const ways = { 'at /v1/chat': native, "at OpenAI's door, passed on": passedOn, "at OpenAI's door, translated": translated };

// Where bodies point that would send us elsewhere: nobody may come.
let provider, trap, trapped = 0;
before(async () => {
  if (absent) return;
  provider = await ScriptedProvider.start(await strictly());
  trap = net.createServer((socket) => { trapped += 1; socket.destroy(); });
  await new Promise((resolve) => trap.listen(0, '127.0.0.1', resolve));
  for (const way of Object.values(ways)) {
    const { args } = configured(`aliases:\n  mock: ${way.target}\n`);
    way.gateway = await startGateway({ args, environment: providersAt(provider.url) });
  }
});
after(async () => {
  for (const { gateway } of Object.values(ways)) await gateway?.stop();
  trap?.close();
  await provider?.stop();
  assert.deepEqual(provider?.faults ?? [], []);
});

const expectedOf = (id, { decided }) => [...always, ...decided].find(([pattern]) => pattern.test(id))?.[1] ?? '200 there';
const allowed = ({ expect }, verdict) => String(expect).split('|').includes(verdict.split(' ')[0]);

// The header of a call, but for what its body decides.
const headOf = ({ method, path, fields }) => ({ method, path, ...Object.fromEntries(fields), 'content-length': 'any' });

for (const [name, way] of Object.entries(ways)) {
  test(`chat requests ${name}`, { skip: absent }, async (context) => {
    const ask = async (body) => {
      const calls = provider.requests.length;
      const answer = await post(way.gateway.url + way.door, body);
      return { ...answer, calls: provider.requests.slice(calls) };
    };
    const plain = {};
    for (const stream of [false, true]) {
      const { calls } = await ask({ model: 'mock', messages: [{ role: 'user', content: 'hi' }], stream });
      plain[stream] = headOf(calls[0]);
    }
    const entries = manifest.cases.map((vector) => ({ ...vector, group: vector.id.split('-')[0], expected: expectedOf(vector.id, way) }));
    for (const entry of entries) assert.ok(allowed(entry, entry.expected), `what we decided for ${entry.id} is allowed`);
    const results = await verdicts(entries, async ({ id, body }) => {
      const sentBody = body.replaceAll('127.0.0.1:9', `127.0.0.1:${trap.address().port}`);
      const { status, text, headers, calls } = await ask(sentBody);
      assert.ok(calls.length <= 1, 'one call at most');
      if (status >= 400) assert.equal(headers['content-type'], 'application/json; charset=utf-8');
      for (const call of calls) {
        const sent = JSON.parse(call.body);
        assert.deepEqual(headOf(call), plain[sent.stream === true], 'nothing of the body is in the header');
        assert.equal(call.body.includes('\ufffd'), false, 'no bytes that are no UTF-8');
        if (way === passedOn && !sent.stream) assert.equal(call.body, sentBody.replace('"mock"', '"gpt-4o"'));
        if (way !== passedOn) assert.doesNotMatch(call.body, /api_base|fallbacks|litellm|admin|"n":|x_unknown/);
      }
      if (id === 'stream_options-off') {
        await way.gateway.saw(new RegExp(`"${headers['x-request-id']}".*\\n`));
        const line = way.gateway.accessLines().find((one) => one.request_id === headers['x-request-id']);
        assert.ok(line.input_tokens > 0 && line.output_tokens > 0, JSON.stringify(line));
        assert.equal(/"usage":\{/.test(text), way === native, 'who did not ask for it is not told');
      }
      return `${status} ${calls.length === 1 ? 'there' : 'here'}`;
    });
    tabulate(context, results, manifest.cases.length);
    assert.equal(trapped, 0);
    way.gateway.accessLines();  // every line of the log is an object
  });
}

test('chat requests: 10,000 messages take no 100 ms', { skip: absent }, async (context) => {
  const { body } = manifest.cases.find(({ id }) => id === 'messages-10k');
  for (const [name, way] of Object.entries(ways)) {
    // The gateway's own time: the simulated provider reads them, too.
    const taken = await keeps(100, async () => {
      const { headers } = await post(way.gateway.url + way.door, body);
      return Number(headers['x-ai-proxy-overhead-us']) / 1000;
    }, { what: name });
    context.diagnostic(`${name}: ${taken.toFixed(1)} ms`);
  }
});
