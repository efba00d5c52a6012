// The UTF-8 vectors through the running binary. In a caller's body, wherever they stand and however they are cut: what is well-formed is
// accepted and arrives as it was sent, what is not is a 400 and goes to nobody. In a provider's answer what is not is a 502, in its stream
// an error; nobody is ever sent bytes that are no UTF-8. The decisions stand in docs/decisions/0007-bodies-and-streams.md.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { configured, reply, streamed } from './support/chat.mjs';
import { providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { post } from './support/sent.mjs';
import { corpus, tabulate, verdicts } from './support/verdicts.mjs';

const { absent, manifest } = corpus('utf8', 'vectors.json');

let gateway, provider, answer;
let received = [];
before(async () => {
  if (absent) return;
  provider = await ScriptedProvider.start((_, out) => answer(out));
  provider.server.on('connection', (socket) => socket.on('data', (bytes) => received.push(bytes)));
  gateway = await startGateway({ args: configured('aliases:\n  mock: openai/gpt-4o\n').args, environment: providersAt(provider.url) });
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
});

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const joined = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const filled = (text, bytes) => { const [begin, end] = text.split('@'); return joined(begin, bytes, end); };

// A control character must be escaped in JSON, well-formed or not.
const isControl = (bytes) => bytes.length === 1 && bytes[0] < 0x20;
const entries = (manifest.vectors ?? []).map(({ id, hex, valid, why }) => {
  const bytes = Buffer.from(hex, 'hex');
  const expected = valid && !isControl(bytes) ? 'accept' : 'reject';
  return { id, bytes, why, valid, group: !valid ? 'ill-formed' : isControl(bytes) ? 'a bare control character' : 'well-formed', expected };
});

// Each in its own write and its own chunk.
function postInPieces(url, pieces) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode, raw: Buffer.concat(parts), text: Buffer.concat(parts).toString('utf8') });
    });
    request.on('error', reject);
    const next = (index) => {
      if (index === pieces.length) request.end();
      else request.write(pieces[index], () => setImmediate(next, index + 1));
    };
    next(0);
  });
}

const question = (content, more = '') => `{"model":"mock","messages":[{"role":"user","content":"${content}"}]${more}}`;
const places = {
  'at the start of a text': (bytes) => [filled(question('@ it goes on'), bytes)],
  'within a text': (bytes) => [filled(question('before@behind'), bytes)],
  'at the end of a text': (bytes) => [filled(question('it ends in @'), bytes)],
  'in the name of a member': (bytes) => [filled(question('x', ',"odd@name":1'), bytes)],
  'cut at every byte': (bytes) => {
    const [begin, end] = question('before@behind').split('@');
    return [begin, ...[...bytes].map((byte) => Buffer.of(byte)), end];
  },
};

async function judgeRequest(door, { bytes, valid, pieces }) {
  received = [];
  const calls = provider.requests.length;
  const url = gateway.url + door;
  const { status, text, raw } = await (pieces.length === 1 ? post(url, pieces[0]) : postInPieces(url, pieces));
  strict.decode(raw);
  const called = provider.requests.length - calls;
  if (status === 400) {
    assert.equal(called, 0, 'it went to nobody');
    // Not for the quote or the control character that may follow.
    if (!valid) assert.match(text, /Invalid encoding in string/);
    return 'reject';
  }
  assert.deepEqual([status, called], [200, 1], text);
  strict.decode(Buffer.concat(received));
  // A name that /v1/chat does not know is not handed on.
  if (!joined(...pieces).includes('"odd')) assert.ok(Buffer.concat(received).includes(bytes), 'it arrived as it was sent');
  return 'accept';
}

for (const door of ['/v1/chat', '/v1/chat/completions']) {
  test(`UTF-8 in a body at ${door}, wherever it stands`, { skip: absent }, async (context) => {
    answer = (out) => out.whole(reply());
    const everywhere = Object.entries(places).flatMap(([place, pieces]) =>
      entries.map((entry) => ({ ...entry, id: `${entry.id} ${place}`, pieces: pieces(entry.bytes) })));
    const results = await verdicts(everywhere, (entry) => judgeRequest(door, entry));
    tabulate(context, results, manifest.vectors.length * Object.keys(places).length);
  });

  const ask = async (more = '') => {
    const { status, text, raw } = await post(gateway.url + door, question('What?', more));
    strict.decode(raw);
    return { status, text, raw };
  };

  test(`UTF-8 in a provider's answer at ${door}`, { skip: absent }, async (context) => {
    tabulate(context, await verdicts(entries, async ({ bytes }) => {
      answer = (out) => out.whole(filled(JSON.stringify(reply('before@behind')), bytes));
      const { status, raw } = await ask();
      if (status === 502) return 'reject';
      assert.equal(status, 200);
      assert.ok(raw.includes(joined('before', bytes, 'behind')));
      return 'accept';
    }), manifest.vectors.length);
  });

  test(`UTF-8 in a provider's stream at ${door}, cut at every byte`, { skip: absent }, async (context) => {
    tabulate(context, await verdicts(entries, async ({ bytes }) => {
      const events = [{ content: 'first' }, { content: 'before@behind' }].map((delta) => streamed(delta));
      const [begin, end] = `${events.join('')}${streamed({}, 'stop')}data: [DONE]\n\n`.split('@');
      answer = async (out) => {
        await out.beginStream();
        await out.piece(begin);
        for (const byte of bytes) { await out.turn(); await out.piece(Buffer.of(byte)); }
        await out.piece(end);
        await out.endStream();
      };
      const { status, text, raw } = await ask(',"stream":true');
      assert.equal(status, 200);
      assert.match(text, /first/);
      const ended = /^event: done$|^data: \[DONE\]$/m.test(text), failed = /^data: \{"error":/m.test(text);
      assert.notEqual(ended, failed, text);
      if (ended) assert.ok(raw.includes(joined('before', bytes, 'behind')));
      return ended ? 'accept' : 'reject';
    }), manifest.vectors.length);
  });
}

// The one place where replacing is the policy: a provider's refusal in words that are not JSON is shown, with a mark for what is bad. What
// holds a NUL is no text.
test("UTF-8 in the text of a provider's refusal", { skip: absent }, async (context) => {
  const shown = entries.map((entry) => ({ ...entry, expected: entry.bytes.includes(0) ? 'hidden' : entry.valid ? 'shown' : 'marked' }));
  tabulate(context, await verdicts(shown, async ({ bytes }) => {
    answer = (out) => out.whole(joined('no ', bytes, ' such'), { status: 400, type: 'text/plain' });
    const { status, text, raw } = await post(gateway.url + '/v1/chat', question('What?'));
    strict.decode(raw);
    assert.equal(status, 400);
    const { error } = JSON.parse(text);
    if (!/^no [^]* such$/.test(error)) return 'hidden';
    return error.includes('?') ? 'marked' : 'shown';
  }), manifest.vectors.length);
});
