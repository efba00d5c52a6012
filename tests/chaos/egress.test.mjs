// spec/reliability.md 4.2, the provider's side of the client: U1-U5, U7, U19, U22, U24, and what a reload takes away (P8).
// Each phase has its own time, ends in it alone, and is named (case D5). Retries are as they come: what is not tried again is not.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import zlib from 'node:zlib';
import { blackHole } from '../support/black_hole.mjs';
import { configured, question, reply, streamed } from '../support/chat.mjs';
import { picoOf, Scrape } from '../support/exposition.mjs';
import { slow } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { post } from '../support/sent.mjs';
import { Caller } from './support/caller.mjs';
import { figuresOf } from './support/figures.mjs';
import { ask as get } from './support/life.mjs';
import { keeps } from './support/promise.mjs';
import { full } from './support/scale.mjs';
import { asItComes } from './support/scene.mjs';
import { until } from './support/waiting.mjs';
import { ask, assertAnswers, providerLimits, withCounted } from './support/way.mjs';

// A deadline may be 100 ms late, and never early by more than what two clocks differ. `attempt` gives how long the provider and
// its caller (whose clock begins first) had to wait.
const early = 5;
function inTime(wanted, attempt) {
  return keeps(wanted + 100, async () => {
    const [open, asked] = await attempt();
    assert.ok(asked >= wanted - early, `${asked} ms in place of ${wanted} ms`);
    return Math.max(open, asked);
  }, { what: `the limit of ${wanted} ms`, tries: 8 });
}

let good; // is there all the time, as Mistral
before(async () => { good = await ScriptedProvider.start((_, out) => out.whole(reply())); });
after(() => good?.stop());

async function withGateway({ url, environment = {}, limits = {}, yaml = '' }, use) {
  const { args, file } = configured(`limits:\n${providerLimits(limits)}${yaml}`);
  const given = { OPENAI_BASE_URL: url, MISTRAL_BASE_URL: good.url, AI_PROXY_THREADS: '1', ...asItComes, ...environment };
  await withCounted({ environment: given, args }, async (gateway) => {
    await use(gateway, file);
    await assertAnswers(gateway, 'mistral'); // whatever happened: others are served
  });
}

// With a second port for the metrics: what a scrape of it says.
const withMetrics = { AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' };
async function scrapes(gateway) {
  const [, admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
  return async () => new Scrape((await get(`${admin}/metrics`)).text);
}
// How many targets the breaker keeps others away from.
async function passedOver(gateway) {
  const scrape = await scrapes(gateway);
  return async () => (await scrape()).sum('ai_proxy_candidates_passed_over', { state: 'open' });
}

async function closedPort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// For a provider's answer: next() is how long the gateway then left the connection open, in the order of the calls.
class Closings {
  #times = [];

  watch(out) {
    const begin = performance.now();
    this.#times.push(out.closed().then(() => performance.now() - begin));
  }

  next() {
    return this.#times.shift();
  }
}

// Both of a caller's ways to be sent on: OpenAI first, or OpenAI alone.
const alias = 'aliases:\n  any: {targets: [openai/gpt-4o, mistral/mistral-large-latest]}\n';
const askAny = (gateway) => ask(gateway, { more: { provider: undefined, model: 'any' } });

test('U1 connect refused: the next one answers, or 502 at once; the breaker counts one', async () => {
  await withGateway({ url: `http://127.0.0.1:${await closedPort()}`, environment: withMetrics, yaml: alias }, async (gateway) => {
    await assertAnswers(gateway, 'mistral');
    const open = await passedOver(gateway);
    // Each counts as one: it takes the five of the default, and no fewer, until the first is passed over.
    for (let failures = 0; failures < 5; failures += 1) {
      assert.equal(await open(), 0, `after ${failures}`);
      const sent = await askAny(gateway);
      assert.equal(sent.status, 200, sent.text);
      assert.match(sent.headers['x-ai-proxy-attempts'], /^2; openai\/gpt-4o=provider_unreachable \d+ms, mistral\/mistral-large-latest$/);
    }
    assert.equal(await open(), 1);
    const passed = await askAny(gateway);
    assert.deepEqual([passed.status, passed.headers['x-ai-proxy-provider'], passed.headers['x-ai-proxy-attempts']], [200, 'mistral', '1']);
    // Where there is nobody else it is asked all the same.
    await keeps(50, async () => {
      const answer = await ask(gateway);
      const { code, retryable, attempts } = answer.details;
      assert.deepEqual([answer.status, code, retryable, attempts], [502, 'provider_unreachable', true, 1], answer.text);
      assert.equal(answer.error, 'The provider could not be connected to: Connection refused.');
      return answer.took;
    }, { what: 'U1, 502', tries: 10 });
  });
});

test('U2 a black hole: tried once more, and 504 when the time to connect is over again; or the next one answers', async () => {
  const hole = await blackHole();
  // The default in full, which is not named then.
  const [connect, limits, words] = full ? [3000, {}, '3 s'] : [400, { connect: '400ms' }, '400 ms'];
  await withGateway({ url: hole.url, limits, yaml: `${alias}routing: {breaker: {failures: 0}}\n` }, async (gateway) => {
    const alone = keeps(2 * connect + 500, async () => {
      const answer = await ask(gateway);
      assert.deepEqual([answer.status, answer.details.code, answer.details.attempts], [504, 'provider_timeout', 2], answer.text);
      assert.equal(answer.error, `The provider could not be connected to within ${words}.`);
      assert.ok(answer.took >= 2 * (connect - early), `${answer.took} ms`);
      return answer.took;
    }, { what: 'U2, 504' });
    const another = keeps(connect + 500, async () => {
      const answer = await askAny(gateway);
      assert.deepEqual([answer.status, answer.headers['x-ai-proxy-provider']], [200, 'mistral'], answer.text);
      assert.match(answer.headers['x-ai-proxy-attempts'], /^2; openai\/gpt-4o=provider_timeout \d+ms, mistral\/mistral-large-latest$/);
      assert.ok(answer.took >= connect - early, `${answer.took} ms`);
      return answer.took;
    }, { what: 'U2, the next one' });
    await Promise.all([alone, another]);
  });
  hole.stop();
});

test('U2 a black hole: the breaker counts one for each request that the next one answers', async () => {
  const hole = await blackHole();
  await withGateway({ url: hole.url, limits: { connect: '200ms' }, environment: withMetrics, yaml: alias }, async (gateway) => {
    const open = await passedOver(gateway);
    for (let failures = 0; failures < 5; failures += 1) {
      assert.equal(await open(), 0, `after ${failures}`);
      const sent = await askAny(gateway);
      assert.match(sent.headers['x-ai-proxy-attempts'], /^2; openai\/gpt-4o=provider_timeout \d+ms, mistral\/mistral-large-latest$/, sent.text);
    }
    assert.equal(await open(), 1);
    const passed = await askAny(gateway);
    assert.deepEqual([passed.status, passed.headers['x-ai-proxy-provider'], passed.headers['x-ai-proxy-attempts']], [200, 'mistral', '1']);
  });
  hole.stop();
});

test('U3 accepts and never answers: 504 at the limit for the first byte', async () => {
  const closings = new Closings();
  const provider = await ScriptedProvider.start((_, out) => closings.watch(out));
  await withGateway({ url: provider.url, limits: { first_byte: '500ms', silence: '150ms', total: '1h' } }, async (gateway) => {
    for (const stream of [false, true]) {
      await inTime(500, async () => {
        const answer = await ask(gateway, { more: { stream } });
        assert.deepEqual([answer.status, answer.details?.code], [504, 'provider_timeout'], answer.text);
        assert.deepEqual([answer.error, answer.details.attempts], ['The provider sent no answer within 500 ms.', 1]);
        return [await closings.next(), answer.took];
      });
    }
  });
  await provider.stop();
});

test('U4 headers, then silence: an error at the limit between bytes, and no end that looks like one', async () => {
  const closings = new Closings();
  const provider = await ScriptedProvider.start(async (_, out) => {
    await out.beginStream();
    if (provider.spoken) await out.piece(streamed({ role: 'assistant', content: 'Once' }));
    closings.watch(out);
  });
  await withGateway({ url: provider.url, limits: { silence: '500ms', total: '1h' } }, async (gateway) => {
    provider.spoken = true;
    await inTime(500, async () => {
      const cut = await ask(gateway, { more: { stream: true } });
      assert.equal(cut.status, 200);
      assert.match(cut.text, /^event: chunk\ndata: .*Once.*\n\nevent: error\ndata: .*\n\n$/);
      assert.match(cut.text, /"code":"provider_timeout"/);
      assert.match(cut.text, /The provider fell silent in the middle of its answer for 500 ms\./);
      return [await closings.next(), cut.took];
    });
    const door = await post(`${gateway.url}/v1/chat/completions`, { ...question(), provider: undefined, model: 'openai/gpt-4o', stream: true }, { connection: 'close' });
    assert.match(door.text, /Once[^]*fell silent/);
    assert.doesNotMatch(door.text, /\[DONE\]/);
    closings.next();
    provider.spoken = false;
    await inTime(500, async () => {
      const mute = await ask(gateway, { more: { stream: true } });
      assert.deepEqual([mute.status, mute.details?.code], [504, 'provider_timeout'], mute.text);
      assert.equal(mute.error, 'The provider fell silent in the middle of its answer for 500 ms.');
      return [await closings.next(), mute.took];
    });
  });
  await provider.stop();
});

test('U5 a trickle is relayed as it comes: each event before the rest of the answer is there', async () => {
  const told = ['Once', 'upon', 'a', 'time'];
  let caller;
  // The next event begins when the caller has the one before; at its last byte but one nothing of it is shown.
  const provider = await ScriptedProvider.start(async (_, out) => {
    await out.begin(200, { 'transfer-encoding': 'chunked' }, 'text/event-stream');
    for (const content of told) {
      const event = streamed({ role: 'assistant', content });
      for (const byte of event.slice(0, -1)) { await out.piece(byte); await out.turn(); }
      assert.ok(!caller.text.includes(`"${content}"`), 'an event is whole');
      await out.piece(event.slice(-1));
      await caller.saw(new RegExp(`"${content}"`));
    }
    await out.piece(`${streamed({}, 'stop')}data: [DONE]\n\n`);
    await out.endStream();
  });
  await withGateway({ url: provider.url, limits: { total: '1h' } }, async (gateway) => {
    for (const [path, asked, end] of [['/v1/chat', question(), /event: done/], ['/v1/chat/completions', { ...question(), provider: undefined, model: 'openai/gpt-4o' }, /data: \[DONE\]/]]) {
      caller = await Caller.post(gateway, path, { ...asked, stream: true }, { connection: 'close' });
      await caller.closed;
      assert.match(caller.text, end);
    }
  });
  await provider.stop();
  assert.deepEqual(provider.faults, []);
});

test('U5 a trickle is cut at the total limit; others go on', async () => {
  const closings = new Closings();
  const provider = await ScriptedProvider.start(async (request, out) => {
    closings.watch(out);
    const trickle = async (bytes) => { for (const byte of bytes) { if (out.socket.destroyed) return; await out.write(byte); await new Promise((resolve) => { setTimeout(resolve, 50); }); } };
    if (JSON.parse(request.body).stream) {
      await out.begin(200, { 'transfer-encoding': 'chunked' }, 'text/event-stream');
      await out.piece(streamed({ role: 'assistant', content: 'Once' }));
    } else {
      await out.begin(200, { 'content-length': 100_000 });
    }
    await trickle(JSON.parse(request.body).stream ? '1\r\n:\r\n'.repeat(1000) : ' '.repeat(100_000));
  });
  await withGateway({ url: provider.url, limits: { total: '900ms', silence: '1h', first_byte: '1h' } }, async (gateway) => {
    // The others have their answers before the cut, which a loop that waits for the trickle would first come to.
    await keeps(0, async () => {
      const asked = provider.requests.length;
      const cut = ask(gateway, { more: { stream: true } }).then(({ text }) => ({ text, at: performance.now() }));
      await until(() => provider.requests.length > asked, 'the trickle');
      for (let i = 0; i < 10; i += 1) await assertAnswers(gateway, 'mistral');
      const back = performance.now();
      const { text, at } = await cut;
      assert.match(text, /^event: chunk\ndata: .*Once.*\n\nevent: error\ndata: .*"The provider did not complete its answer within \d{1,3} ms\."/);   // what was left of 900 when it was called
      closings.next();
      return back - at;
    }, { what: 'U5, the others, behind the cut' });
    await inTime(900, async () => {
      const cut = await ask(gateway, { more: { stream: true } });
      assert.match(cut.text, /\n\nevent: error\ndata: .*"code":"provider_timeout"/);
      await closings.next();
      return [cut.took, cut.took]; // as below
    });
    await inTime(900, async () => {
      const whole = await ask(gateway);
      assert.deepEqual([whole.status, whole.details?.code], [504, 'provider_timeout'], whole.text);
      assert.match(whole.error, /^The provider did not complete its answer within [89]\d\d ms\.$/);
      await closings.next();
      return [whole.took, whole.took]; // the provider's own clock begins after the connection was made
    });
  });
  await provider.stop();
});

test('U7 closed without a byte on a reused connection: one silent repeat on a new one', async () => {
  const sockets = [];
  const provider = await ScriptedProvider.start((_, out) => {
    const reused = sockets.includes(out.socket);
    sockets.push(out.socket);
    if (!reused) return out.whole(reply());
    return out.socket.destroy();
  });
  await withGateway({ url: provider.url, limits: { idle: '2s' }, environment: withMetrics }, async (gateway) => {
    const scrape = await scrapes(gateway);
    const charged = async () => (await scrape()).pico('ai_proxy_cost_usd_total', { provider: 'openai', model: 'gpt-4o' });
    const costOf = (answer) => picoOf(JSON.parse(answer.text).cost.estimated_cost_usd);
    const first = await ask(gateway);
    assert.equal(first.status, 200, first.text);
    const cost = costOf(first);
    assert.ok(cost > 0n, first.text);
    await until(async () => await charged() === cost, 'the first is charged');
    const answer = await ask(gateway, { headers: { 'x-request-id': 'repeated' } });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.headers['x-ai-proxy-attempts'], /^1\b/);
    assert.equal(provider.requests.length, 3);
    // Three were asked, two are charged: in the answer, in its line, in the metrics.
    assert.equal(costOf(answer), cost);
    const lines = await until(() => {
      const found = gateway.accessLines().filter((line) => line.request_id === 'repeated');
      return found.length > 0 && found;
    }, 'its line');
    assert.deepEqual(lines.map((line) => picoOf(line.cost_usd)), [cost]);
    await until(async () => await charged() >= 2n * cost, 'it is charged');
    assert.equal(await charged(), 2n * cost, 'once');
    assert.deepEqual([sockets[0] === sockets[1], sockets[1] === sockets[2]], [true, false]);
  });
  await provider.stop();
});

test('U19 a redirect is not followed: 502, and no second connection', async () => {
  const elsewhere = await ScriptedProvider.start((_, out) => out.whole(reply()));
  let status;
  const provider = await ScriptedProvider.start((_, out) => out.whole('', { status, fields: { location: `${elsewhere.url}/v1/chat/completions` } }));
  await withGateway({ url: provider.url }, async (gateway) => {
    for (status of [301, 302, 303, 307, 308]) {
      const answer = await ask(gateway);
      assert.deepEqual([answer.status, answer.details?.code, answer.details?.status], [502, 'provider_error', status], answer.text);
      assert.match(answer.error, /redirect \(30\d\), which is never followed/);
      assert.ok(!('location' in answer.headers));
    }
    assert.equal(provider.requests.length, 5, 'asked once each');
  });
  await provider.stop();
  assert.equal(elsewhere.connections, 0);
  await elsewhere.stop();
});

// The most that it has held since the last call, in bytes.
function peakOf({ child: { pid } }) {
  const peak = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return peak;
}

test('U22 a compressed answer that was not asked for, and a bomb: 502, and no memory goes into it', async () => {
  const bomb = zlib.gzipSync(Buffer.alloc(256 << 20), { level: 9 });
  for (const coding of ['gzip', 'deflate', 'br', 'x-gzip, gzip']) {
    const provider = await ScriptedProvider.start((request, out) => {
      assert.equal(request.fields.get('accept-encoding'), 'identity');
      const body = coding === 'gzip' ? bomb : zlib.deflateSync(JSON.stringify(reply()));
      return out.whole(body, { fields: { 'content-encoding': coding } }).catch(() => {});
    });
    await withGateway({ url: provider.url }, async (gateway) => {
      await assertAnswers(gateway, 'mistral');
      const before = figuresOf(gateway).residentBytes;
      peakOf(gateway);
      for (const stream of [false, true]) {
        const answer = await ask(gateway, { more: { stream } });
        assert.deepEqual([answer.status, answer.details?.code], [502, 'provider_error'], `${coding}: ${answer.text}`);
        assert.match(answer.error, /compressed body that was not asked for/);
      }
      const grown = peakOf(gateway) - before;
      assert.ok(grown < (slow ? 256 : 64) << 20, `${grown} bytes at most`);
    });
    await provider.stop();
    assert.deepEqual(provider.faults, []);
  }
});

test('U24 a provider whose connections are all busy: a short wait, then 503 with Retry-After; beyond the queue at once', async () => {
  const busy = [];
  const provider = await ScriptedProvider.start((_, out) => { busy.push(out); });
  await withGateway({ url: provider.url, limits: { connections: 2, queue: 1, wait: '3s' } }, async (gateway) => {
    const held = [ask(gateway), ask(gateway)];
    while (busy.length < 2) await new Promise((resolve) => { setImmediate(resolve); });
    const queued = ask(gateway);
    const done = [];
    // Whichever of the next comes first queues, should the one above not be there yet; the others are refused.
    const more = [ask(gateway), ask(gateway), ask(gateway)].map((one) => one.then((answer) => { done.push(answer); }));
    while (done.length < 3) {
      await assertAnswers(gateway, 'mistral');
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    const refused = done.filter(({ error }) => /enough requests wait/.test(error));
    assert.ok(refused.length >= 2, JSON.stringify(done.map(({ error }) => error)));
    for (const answer of [...done, await queued]) {
      assert.deepEqual([answer.status, answer.details.code, answer.headers['retry-after']], [503, 'overloaded', '1'], answer.text);
    }
    const waited = [...done, await queued].filter(({ error }) => /stayed busy for 3 s/.test(error));
    assert.equal(waited.length, 1);
    assert.ok(waited[0].took >= 3000 - early);
    for (const { took } of refused) assert.ok(took < waited[0].took, `${took} ms, and the one that queued ${waited[0].took} ms`);
    for (const out of busy.splice(0)) await out.whole(reply());
    for (const answer of await Promise.all(held)) assert.equal(answer.status, 200, answer.text);
    await Promise.all(more);
  });
  await provider.stop();
});

test('P8 idle connections to a provider that a reload removes are closed; a request under way is finished', async () => {
  let hold;
  const old = await ScriptedProvider.start((_, out) => { if (hold) hold(out); else return out.whole(reply()); });
  const fresh = await ScriptedProvider.start((_, out) => out.whole(reply('New.')));
  const limits = { idle: '2s' };
  const entry = (url) => `providers:\n  mine: {base_url: "${url}", auth: none}\n`;
  await withGateway({ url: old.url, limits, yaml: entry(old.url), environment: { OPENAI_BASE_URL: good.url } }, async (gateway, file) => {
    await assertAnswers(gateway, 'mine');
    assert.equal(old.sockets.size, 1);
    const arrived = new Promise((resolve) => { hold = resolve; });
    const running = ask(gateway, { provider: 'mine' });
    const out = await arrived; // it took the idle one
    hold = undefined;
    await assertAnswers(gateway, 'mine'); // a second one, idle now
    assert.equal(old.sockets.size, 2);
    const idle = [...old.sockets].find((socket) => socket !== out.socket);
    const closed = new Promise((resolve) => { idle.once('close', resolve); });
    writeFileSync(file, `limits:\n${providerLimits(limits)}${entry(fresh.url)}`);
    gateway.child.kill('SIGHUP');
    await closed;
    await assertAnswers(gateway, 'mine', 'New.');
    await out.whole(reply());
    const answer = await running;
    assert.equal(answer.status, 200, answer.text);
    await out.closed(); // its connection is not kept either
  });
  await old.stop();
  await fresh.stop();
});
