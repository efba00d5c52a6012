// F3 of the cases: nothing that a caller or a provider says becomes a line of a header, in neither direction. Line ends and NULs
// stand in names of models and members, in header fields, and in what answers say of themselves; on both sides of the gateway the
// bytes must be whole messages with the very lines of the same exchange without them.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { configured } from './support/chat.mjs';
import { providersAt, startGateway } from './support/processes.mjs';
import { ScriptedProvider } from './support/scripted_provider.mjs';
import { sse, wire } from './support/turns.mjs';

let gateway, provider, answer;
const connections = [];
before(async () => {
  provider = await ScriptedProvider.start((call, out) => answer(call, out));
  provider.server.on('connection', (socket) => {
    const pieces = [];
    connections.push(pieces);
    socket.on('data', (piece) => pieces.push(piece));
  });
  // A connection for each call, whose bytes are that call's.
  const { args } = configured('limits:\n  provider:\n    idle: 0s\n');
  gateway = await startGateway({ args, environment: providersAt(provider.url) });
});
after(async () => {
  await gateway?.stop();
  await provider?.stop();
  assert.deepEqual(provider?.faults ?? [], []);
});

// Bytes as text, one character each.
const latin1 = (text) => Buffer.from(text).toString('latin1');

// The lines of a message's head and its body. It must be one whole message: nothing before it, nothing behind it, and no line that
// some reader would see as two.
function messageOf(raw, who) {
  const end = raw.indexOf('\r\n\r\n');
  assert.ok(end > 0, `${who}: a head in ${JSON.stringify(raw.slice(0, 300))}`);
  const [first, ...lines] = raw.slice(0, end).split('\r\n');
  for (const line of [first, ...lines]) assert.doesNotMatch(line, /[^\x20-\x7e]/, `${who}: ${JSON.stringify(line)}`);
  const fields = lines.map((line) => /^([a-z0-9-]+): (.*)$/i.exec(line)?.slice(1) ?? assert.fail(`${who}: no field: ${line}`));
  const names = fields.map(([name]) => name.toLowerCase());
  assert.equal(new Set(names).size, names.length, `${who}: no name twice in ${names}`);
  const values = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]));
  let body = raw.slice(end + 4);
  if (values['transfer-encoding'] === 'chunked') {
    let at = 0, text = '';
    for (let size = -1; size !== 0;) {
      const line = /^([0-9a-f]+)\r\n/.exec(body.slice(at));
      assert.ok(line, `${who}: a chunk`);
      size = parseInt(line[1], 16);
      text += body.slice(at + line[0].length, at + line[0].length + size);
      at += line[0].length + size + 2;
    }
    assert.equal(at, body.length, `${who}: nothing behind it`);
    body = text;
  } else {
    assert.equal(Number(values['content-length']), body.length, `${who}: as long as it says`);
  }
  return { first, names, values, body };
}

// A request over a connection of its own; the answer to its end, and the calls that it led to. Both are looked at.
async function exchange(door, body, fields = '') {
  const before = connections.length;
  const text = latin1(typeof body === 'string' ? body : JSON.stringify(body));
  const socket = net.connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const head = `POST ${door} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${text.length}\r\n${fields}\r\n`;
  socket.write(Buffer.from(head + text, 'latin1'));
  let raw = '';
  for await (const piece of socket) raw += piece.toString('latin1');
  const seen = messageOf(raw, 'the answer');
  const calls = connections.slice(before).map((pieces) => messageOf(Buffer.concat(pieces).toString('latin1'), 'the call'));
  for (const { names, values } of [seen, ...calls]) {
    assert.deepEqual(names.filter((name) => name.startsWith('x-evil')), []);
    assert.doesNotMatch(values.connection ?? '', /evil/);
  }
  return { ...seen, status: Number(seen.first.split(' ')[1]), calls };
}

const turn = { text: ['Fine.'], reason: 'stop', usage: { input: 3, output: 2 } };
const response = { id: 'resp_1', object: 'response', created_at: 1, status: 'completed', model: 'gpt-4o',
  output: [{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed',
    content: [{ type: 'output_text', text: 'Fine.', annotations: [] }] }],
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 } };
const responses = {
  whole: () => response,
  stream: () => [
    { type: 'response.created', response: { ...response, status: 'in_progress', output: [], usage: null } },
    { type: 'response.completed', response },
  ].map((event, index) => sse({ ...event, sequence_number: index }, event.type)),
};
const wireOf = ({ path }) => ({ '/v1/messages': wire.anthropic, '/v1/responses': responses })[path] ?? wire.openai;
const isStream = ({ body }) => JSON.parse(body).stream === true;
const plainly = (call, out) => (isStream(call) ? out.stream(wireOf(call).stream(turn).join('')) : out.whole(wireOf(call).whole(turn)));

// What ends a line for somebody, or would once it is written with fewer bits.
const breaks = ['\r\nx-evil: 1', '\nx-evil: 1', '\rx-evil: 1', '\r\n x-evil: 1', '\0', '\0x-evil: 1', '\r\n\r\n', '\u010d\u010ax-evil: 1',
  '\u2028x-evil: 1', '\u0085x-evil: 1', '\x7f', '\x0b\x0c',
  '\r\n\r\nHTTP/1.1 200 OK\r\nx-evil: 1\r\nContent-Length: 0\r\n\r\n', '%0d%0ax-evil: 1', '\\r\\nx-evil: 1'];

const worst = breaks.filter((end) => /^[\r\n\0\u010d]/.test(end) && end.length > 4);

const doors = {
  '/v1/chat': (model, more) => ({ model, messages: [{ role: 'user', content: 'What?' }], ...more }),
  '/v1/chat/completions': (model, more) => ({ model, messages: [{ role: 'user', content: 'What?' }], ...more }),
  '/v1/messages': (model, more) => ({ model, max_tokens: 100, messages: [{ role: 'user', content: 'What?' }], ...more }),
  '/v1/responses': (model, more) => ({ model, input: 'What?', ...more }),
  '/mistral/v1/chat/completions': (model, more) => ({ model, messages: [{ role: 'user', content: 'What?' }], ...more }),
};
const targets = ['openai/gpt-4o', 'anthropic/claude-sonnet-4-6'];
const everywhere = Object.entries(doors).flatMap(([door, question]) =>
  targets.flatMap((target) => [false, true].map((stream) => ({ door, question, target, stream }))));

// With lengths and times set aside.
const headOf = ({ first, values }) => ({ first, ...values, 'content-length': undefined });

// The exchange with each of `breaks` has the lines of the one with a harmless text in its place, on both sides; or it is refused before
// anyone is asked. Gives back how many were not.
async function compare(what, ask, { statuses = [200], ends = breaks } = {}) {
  const plain = await ask('-odd');
  assert.ok(statuses.includes(plain.status), `${what}: ${plain.status} ${plain.body}`);
  let reached = 0;
  for (const end of ends) {
    const odd = await ask(end);
    const told = `${what} ${JSON.stringify(end)}: ${odd.status}`;
    if (odd.calls.length === 0) {
      assert.ok([400, 404, 422].includes(odd.status), told);
      continue;
    }
    reached += 1;
    assert.equal(odd.status, plain.status, told);
    assert.deepEqual(odd.names, plain.names, told);
    assert.deepEqual(odd.calls.map(headOf), plain.calls.map(headOf), told);
  }
  return reached;
}

test("F3 line ends in a model's name", async () => {
  answer = plainly;
  let reached = 0;
  for (const { door, question, target, stream } of everywhere) {
    reached += await compare(`${door} ${target} ${stream}`, (end) => exchange(door, question(target + end, { stream })));
  }
  assert.ok(reached > 100, `${reached} were passed on`);
});

// A caller's own field lines, as they are.
const named = ['anthropic-beta', 'anthropic-version', 'openai-beta', 'x-request-id', 'x-ai-proxy-fallback', 'x-ai-proxy-timeout',
  'authorization', 'user-agent', 'idempotency-key', 'cookie', 'content-type'];
const good = { 'x-ai-proxy-fallback': 'openai/gpt-4o-mini', 'x-ai-proxy-timeout': '20s', 'content-type': 'application/json' };
// What two parsers could read differently is refused, here and from providers.
const doubtful = ['\nx-evil: 1', '\rx-evil: 1', '\r\n x-evil: 1', '\r\n\tx-evil: 1', '\0', '\x0b', '\x7f', '\n\r\nx-evil: 1',
  '\r\r\nx-evil: 1'];
// A line of its own, or no line end: what is not on our list goes no further.
const clear = ['\r\nx-evil: 1', '\r\nConnection: x-evil\r\nKeep-Alive: x-evil\r\nx-evil: 1', '%0d%0ax-evil: 1', 'Ä\x85\xa0x-evil: 1'];

test("F3 line ends in a caller's header field", async () => {
  answer = plainly;
  let handedOn = 0;
  for (const { door, question, target, stream } of everywhere.filter(({ stream }) => !stream)) {
    for (const name of named) {
      const value = good[name] ?? 'some';
      const ask = (odd) => exchange(door, question(target, { stream }), `${name}: ${value}${odd}\r\n`);
      const plain = await ask('');
      assert.equal(plain.status, 200, `${door} ${name}: ${plain.body}`);
      for (const odd of doubtful) {
        const refused = await ask(odd);
        assert.deepEqual([refused.status, refused.calls.length], [400, 0], `${door} ${name} ${JSON.stringify(odd)}`);
        assert.equal(refused.values.connection, 'close');
      }
      for (const odd of clear) {
        const taken = await ask(odd);
        // An odd value of these two is told in a warning.
        if (name === 'x-ai-proxy-fallback' || name === 'x-ai-proxy-timeout') continue;
        assert.equal(taken.status, 200);
        assert.deepEqual(taken.names, plain.names);
        const namesOf = ({ calls }) => calls.map(({ names }) => names);
        assert.deepEqual(namesOf(taken), namesOf(plain), `${door} ${name} ${JSON.stringify(odd)}`);
        // What is handed on is handed on with a mark for each byte that is not plain.
        const { values } = taken.calls[0];
        if (values[name] === undefined || !/^anthropic-beta|^openai-beta/.test(name)) continue;
        assert.equal(values[name], (value + odd).split('\r\n')[0].replace(/[^ -~]/g, '?'));
        handedOn += 1;
      }
    }
  }
  assert.ok(handedOn >= 10, `${handedOn} were handed on`);
});

test('F3 line ends in names and values of a body', async () => {
  answer = plainly;
  const bodies = (end) => ({
    'a member': { [`odd${end}`]: 1 },
    'a user': { user: `u${end}` },
    'metadata': { metadata: { [`k${end}`]: `v${end}` } },
    'a safety identifier': { safety_identifier: `s${end}` },
    'a cache key': { prompt_cache_key: `k${end}` },
    'a tier': { service_tier: `flex${end}` },
    'a tool': { tools: [{ type: 'function', name: `t${end}`, function: { name: `t${end}`, parameters: {} } }] },
    'an effort': { reasoning_effort: `high${end}` },
    'a modality': { modalities: ['text', `m${end}`] },
  });
  for (const { door, question, target, stream } of everywhere.filter((one) => !one.stream)) {
    for (const kind of Object.keys(bodies(''))) {
      const ask = (end) => exchange(door, question(target, { stream, ...bodies(end)[kind] }));
      await compare(`${door} ${target} ${kind}`, ask, { statuses: [200, 400, 422] });
    }
  }
});

// A provider's own field lines, as they are.
const relayed = ['x-request-id', 'request-id', 'mistral-correlation-id', 'x-ratelimit-limit-requests', 'ratelimit-limit',
  'anthropic-ratelimit-requests-limit', 'openai-processing-ms', 'openai-version', 'x-should-retry'];
const withheld = ['set-cookie', 'location', 'server', 'retry-after', 'retry-after-ms', 'content-type', 'date'];

// With `line` in the head of what is answered plainly, or of a refusal.
const withLine = (line, status) => async (call, out) => {
  const body = status === 200 ? wireOf(call).whole(turn) : { error: { message: 'No.', type: 'rate_limit_error', code: null, param: null } };
  const text = status === 200 && isStream(call) ? wireOf(call).stream(turn).join('') : JSON.stringify(body);
  const meant = isStream(call) && status === 200 ? 'text/event-stream' : 'application/json';
  const type = /^content-type/.test(line) ? '' : `content-type: ${meant}\r\n`;
  const head = `HTTP/1.1 ${status} Odd\r\n${type}content-length: ${Buffer.byteLength(text)}\r\n${line}\r\n\r\n`;
  await out.write(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(text)]));
  out.fin();
};

test("F3 line ends in a provider's header field", async () => {
  let handedOn = 0;
  for (const { door, question, target, stream } of everywhere) {
    const body = question(target, { stream });
    answer = (_, out) => out.write('HTTP/1.1 200 OK\r\nno field\r\n\r\n');
    const broken = await exchange(door, body);
    assert.ok(broken.status >= 500, `${broken.status}`);
    for (const status of stream ? [200] : [200, 429]) {
      for (const name of stream ? ['request-id', 'openai-version'] : [...relayed, ...withheld]) {
        const told = `${door} ${target} ${status} ${name}`;
        const ask = (odd) => { answer = withLine(`${name}: some${odd}`, status); return exchange(door, body); };
        const plain = await ask('');
        for (const odd of doubtful) {
          const refused = await ask(odd);
          assert.equal(refused.status, broken.status, `${told} ${JSON.stringify(odd)}`);
          assert.deepEqual(refused.names, broken.names, told);
        }
        for (const odd of clear) {
          const taken = await ask(odd);
          if (!relayed.includes(name)) continue;   // what it means is another matter
          assert.equal(taken.status, plain.status, told);
          assert.deepEqual(taken.names, plain.names, told);
          if (plain.values[name] !== 'some') continue;
          assert.equal(taken.values[name], `some${odd}`.split('\r\n')[0].replace(/[^ -~]/g, '?'), told);
          handedOn += 1;
        }
      }
    }
  }
  assert.ok(handedOn >= 50, `${handedOn} were handed on`);
});

// `value` with `more` behind one of its strings after the other.
function* oddly(value, more, path = '') {
  if (typeof value === 'string') yield [path, value + more];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, child] of Object.entries(value)) {
    for (const [where, changed] of oddly(child, more, `${path}.${name}`)) {
      yield [where, Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed }];
    }
  }
}

function apiOf(door, target) {
  if (target.startsWith('anthropic')) return '/v1/messages';
  return door === '/v1/responses' ? door : '/v1/chat/completions';
}
const refusal = { type: 'error', request_id: 'req_1', error: { type: 'rate_limit_error', message: 'No.', code: 'slow', param: 'model' } };

// What a provider says in a whole answer, a stream's first event and refusals, and how it says it.
const said = {
  'an answer': [(path) => wireOf({ path }).whole(turn), (out, body) => out.whole(body)],
  'a stream': [
    (path) => JSON.parse(/^data: (.*)$/m.exec(wireOf({ path }).stream(turn)[0])[1]),
    (out, event, { path }) => out.stream(sse(event, path === '/v1/chat/completions' ? undefined : event.type) +
      wireOf({ path }).stream(turn).slice(1).join('')),
  ],
};
for (const status of [400, 429, 500]) said[`a refusal, ${status}`] = [() => refusal, (out, body) => out.whole(body, { status })];

test('F3 line ends in what a provider says', async () => {
  for (const { door, question, target } of everywhere.filter(({ stream }) => !stream)) {
    for (const [kind, [plainOf, say]] of Object.entries(said)) {
      const plain = plainOf(apiOf(door, target));
      const places = [...oddly(plain, '')].map(([place]) => place);
      assert.ok(places.length >= 5, `${door} ${target} ${kind}: ${places}`);
      for (const [index, place] of places.entries()) {
        const ask = (end) => {
          const [, odd] = [...oddly(plain, end)][index];
          answer = (call, out) => say(out, odd, call);
          return exchange(door, question(target, { stream: kind === 'a stream' }));
        };
        await compare(`${door} ${target} ${kind}${place}`, ask, { statuses: [200, 400, 429, 500, 502, 503, 529], ends: worst });
      }
    }
  }
});

test('F3 a field that Connection names ends at the next hop, in both directions', async () => {
  const limit = 'anthropic-ratelimit-requests-limit';
  const question = doors['/v1/messages'](targets[1], {});
  const ask = (listed, fields) => {
    answer = (call, out) => out.whole(wireOf(call).whole(turn), { fields: { [limit]: '5', ...fields } });
    return exchange('/v1/messages', question, `anthropic-beta: some-2026-01-01\r\n${listed}`);
  };
  const passed = await ask('Connection: x-other\r\n', { connection: 'x-other, keep-alive' });
  assert.equal(passed.calls[0].values['anthropic-beta'], 'some-2026-01-01');
  assert.equal(passed.values[limit], '5');
  const ended = await ask('Connection: x-other, Anthropic-Beta\r\n', { connection: `keep-alive, ${limit}` });
  assert.equal(ended.status, 200);
  assert.equal(ended.calls[0].values['anthropic-beta'], undefined);
  assert.equal(ended.values[limit], undefined);
});
