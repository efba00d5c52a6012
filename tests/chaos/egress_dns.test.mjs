// spec/reliability.md 4.2, U18, and S-21: what a name server may do to us. Runs in a namespace of its own, where the test
// is the name server and has an address that counts as one of the internet's (203.0.113.5, RFC 5737).
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configured, reply } from '../support/chat.mjs';
import { NameServer } from '../support/name_server.mjs';
import { slow } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { denied } from '../support/skips.mjs';
import { ownTime } from './support/figures.mjs';
import { percentile } from './support/load.mjs';
import { keeps, keepsMostly } from './support/promise.mjs';
import { full } from './support/scale.mjs';
import { asItComes } from './support/scene.mjs';
import { ask, assertAnswers, providerLimits, withCounted } from './support/way.mjs';

const outside = '203.0.113.5';
const freshFor = 30_000; // an answer of the name server is good for so long: HostResolver::kFresh
// The time to connect, which looking up is a part of: in full the default, which is not named then.
const [connect, limits, words] = full ? [3000, {}, '3 s'] : [1500, { connect: '1500ms' }, '1500 ms'];
const tries = 5;

const namespace = ['-rmn', '--'];
if (process.env.AI_PROXY_TEST_NAMESPACE === '1') inside();
else {
  test('U18 the name server fails, lies, and leads inside', async (t) => {
    const tools = spawnSync('unshare', [...namespace, 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
    const without = denied(tools.status !== 0 && `no namespace can be made here (${(tools.error?.message ?? tools.stderr).trim()}): S-21 is covered by client_names_test.cpp and address_filter_test.cpp, the rest of U18 is not`);
    if (without) return t.skip(without);
    const environment = { ...process.env, AI_PROXY_TEST_NAMESPACE: '1' };
    delete environment.NODE_TEST_CONTEXT;
    const child = spawn('unshare', [...namespace, process.execPath, fileURLToPath(import.meta.url)], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { output += bytes; });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0, output);
    assert.match(output, /pass [1-9]/);
  });
}

function makeOwnNetwork() {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  execFileSync('ip', ['addr', 'add', `${outside}/32`, 'dev', 'lo']);
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  for (const [name, text] of [['resolv.conf', 'nameserver 127.0.0.1\noptions timeout:5 attempts:1\n'], ['nsswitch.conf', 'hosts: files dns\n']]) {
    writeFileSync(path.join(folder, name), text);
    execFileSync('mount', ['--bind', path.join(folder, name), `/etc/${name}`]);
  }
}

// Each request takes a new connection.
const closing = async (_, out) => {
  await out.whole(reply(), { fields: { connection: 'close' } });
  out.fin();
};

function inside() {
  makeOwnNetwork();

  test('U18', async (t) => {
    const names = await NameServer.start();
    const provider = await ScriptedProvider.start(closing, { address: outside });
    const trap = await ScriptedProvider.start(closing, { address: '0.0.0.0' }); // reached by any inside address
    const entry = (name, { host = `${name}.test`, port = provider.port, more = '' } = {}) => `  ${name}: {base_url: "http://${host}:${port}", auth: none${more}}\n`;
    const numbered = (name) => Array.from({ length: tries }, (_, index) => `${name}${index}`);
    const [silent, mute, fresh] = ['silent', 'mute', 'fresh'].map(numbered); // a name for each try
    const cases = ['lost', 'empty', 'loop', 'meta', 'private', 'mapped', 'six', 'local', ...silent, ...mute];
    const good = ['good', 'mixed', 'turns', 'fades', 'sleeps', ...fresh];
    const yaml = `limits:\n${providerLimits(limits)}providers:\n${cases.map((name) => entry(name, { port: trap.port })).join('')}`
      + good.map((name) => entry(name)).join('') + entry('meant', { port: trap.port, more: ', internal: true' })
      + entry('literal', { host: '127.0.0.1', port: trap.port }) + entry('here', { host: 'localhost', port: trap.port });
    names.names.set('empty.test', []).set('loop.test', ['127.0.0.1']).set('meta.test', ['169.254.169.254'])
      .set('private.test', ['10.0.0.1', '192.168.0.1', '100.64.0.1']).set('mapped.test', ['::ffff:7f00:1']).set('six.test', ['::1', 'fd00::1', 'fe80::1'])
      .set('local.test', ['0.0.0.0']).set('mixed.test', ['127.0.0.1', outside, '10.0.0.1']).set('meant.test', ['127.0.0.1']);
    for (const name of good) if (name !== 'mixed') names.names.set(`${name}.test`, [outside]);
    for (const name of [...silent, ...mute]) names.names.set(`${name}.test`, 'silence');
    const environment = { AI_PROXY_THREADS: '1', ...asItComes };
    const options = () => ({ environment, args: configured(yaml).args });
    // Beside another gateway that nobody troubles.
    await withCounted(options(), (calm) => withCounted(options(), (gateway) => withGateway(gateway, t, { calm, names, trap, silent, mute, fresh })));
    await provider.stop();
    await trap.stop();
    await names.stop();
  });
}

async function withGateway(gateway, t, { calm, names, trap, silent, mute, fresh }) {
  for (const name of ['turns', 'fades', 'sleeps']) await assertAnswers(gateway, name);
  const heard = performance.now();

  await t.test('a name that does not exist, or has no address: 502', async () => {
    for (const name of ['lost', 'empty']) {
      await keeps(3000, async () => {
        const answer = await ask(gateway, { provider: name });
        assert.deepEqual([answer.status, answer.details?.code, answer.details?.attempts], [502, 'provider_unreachable', 1], answer.text);
        assert.match(answer.error, /^The provider could not be found: Host not found/);
        return answer.took;
      }, { what: `U18, ${name}` });
    }
  });

  const refused = async (name) => {
    const answer = await ask(gateway, { provider: name });
    assert.deepEqual([answer.status, answer.details?.code, answer.details?.attempts], [502, 'provider_unreachable', 1], answer.text);
    assert.equal(answer.error, `The provider's name could not be looked up within ${words}.`);
    assert.ok(answer.took >= connect - 5, `${answer.took} ms`);
    return answer.took;
  };

  await t.test('a name server that says nothing: 502 when the time to connect is over', async () => {
    await keeps(connect + 100, (round) => refused(silent[round]), { what: 'U18, 502', tries });
  });

  await t.test('... and nobody else waits', async (context) => {
    // What others wait, by turns with the same at a gateway where nobody waits for the name server, until `over`: sorted, of each of the two.
    const others = async (over) => {
      const times = [[], []];
      while (!over()) {
        for (const provider of ['good', 'literal']) {
          for (const [index, one] of [gateway, calm].entries()) {
            const { milliseconds, answer } = await ownTime(one, () => ask(one, { provider }));
            assert.equal(answer.status, 200, answer.text);
            times[index].push(milliseconds);
          }
        }
      }
      return times.map((some) => some.sort((a, b) => a - b));
    };
    await assertAnswers(calm, 'good');
    // A wait of the loop would be one of seconds; what two p99s differ by is some milliseconds.
    await keepsMostly(5, async (round) => {
      let over = false;
      const waiting = Promise.all([1, 2, 3].map(() => refused(mute[round]))).finally(() => { over = true; });
      await assertAnswers(gateway, fresh[round]); // one that must be looked up, too
      assert.ok(!over);
      const [beside, alone] = await others(() => over);
      await waiting;
      const [worse, p99] = [beside, alone].map((some) => percentile(some, 0.99));
      context.diagnostic(`${beside.length} meanwhile: 99 % in ${worse.toFixed(1)} ms, at a gateway in peace ${p99.toFixed(1)} ms`);
      assert.ok(beside.length >= 50, `${beside.length} samples`);
      return worse - p99;
    }, { what: 'U18, more at the 99th percentile of others', tries, never: slow ? 1000 : 250 });
  });

  await t.test('an answer that leads inside is refused, and says which setting allows it', async () => {
    const before = trap.connections;
    for (const name of ['loop', 'meta', 'private', 'mapped', 'six', 'local']) {
      const answer = await ask(gateway, { provider: name });
      assert.deepEqual([answer.status, answer.details?.code, answer.details?.retryable], [502, 'provider_unreachable', false], `${name}: ${answer.text}`);
      assert.match(answer.error, /leads to an address inside a network .* set internal: true for this provider\.$/);
      assert.doesNotMatch(answer.text, /\d+\.\d+\.\d+\.\d+/, 'no address of ours is told');
    }
    assert.equal(trap.connections, before);
  });

  await t.test('where it is meant, or is the operator\'s own word, it is called', async () => {
    const before = trap.connections;
    for (const name of ['meant', 'literal', 'here']) await assertAnswers(gateway, name);
    assert.equal(trap.connections, before + 3);
  });

  await t.test('of a mixed answer only what is outside is taken', async () => {
    const before = trap.connections;
    for (let i = 0; i < 3; i += 1) await assertAnswers(gateway, 'mixed');
    assert.equal(trap.connections, before);
  });

  await t.test('a good address is kept when the name server fails later; one that turns inside is refused', async () => {
    names.names.set('turns.test', ['127.0.0.1']).set('fades.test', 'NXDOMAIN').set('sleeps.test', 'silence');
    await new Promise((resolve) => { setTimeout(resolve, freshFor + 500 - (performance.now() - heard)); });
    const asked = names.asked.length;
    await assertAnswers(gateway, 'fades');
    await assertAnswers(gateway, 'sleeps');
    const again = await ask(gateway, { provider: 'sleeps' });
    assert.equal(again.status, 200);
    assert.ok(again.took < (slow ? 10_000 : connect / 2 - 50), `the second does not wait for the name server once more: ${again.took} ms`);
    const refused = await ask(gateway, { provider: 'turns' });
    assert.match(refused.error, /leads to an address inside/);
    assert.ok(names.asked.length >= asked + 3, 'they were asked for again');
  });

}
