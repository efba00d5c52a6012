// Issue 4, 7: providers behind an egress proxy. A tunnel for https, the absolute form for http; the proxy learns no key
// and no prompt of a tunnel, and nobody learns the proxy's own credentials.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Authority } from '../support/certificates.mjs';
import { configured, reply } from '../support/chat.mjs';
import { EgressProxy } from '../support/egress_proxy.mjs';
import { binary, gatewayEnvironment, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { keeps } from './support/promise.mjs';
import { asItComes } from './support/scene.mjs';
import { ask, assertAnswers, providerLimits, withCounted } from './support/way.mjs';

const password = 'pr0xy-s3cret';
let authority;
let secure; // speaks TLS as provider.test
let plain;

before(async () => {
  authority = new Authority();
  secure = await ScriptedProvider.start((_, out) => out.whole(reply()), { secure: authority.issue('DNS:provider.test') });
  plain = await ScriptedProvider.start((_, out) => out.whole(reply()));
});
after(async () => { await secure?.stop(); await plain?.stop(); });

// A gateway whose OpenAI is behind the proxy, and which ends well.
async function behind(proxyUrl, { environment = {}, yaml = '', limits }, use) {
  const given = {
    OPENAI_BASE_URL: `https://provider.test:${secure.port}`, MISTRAL_BASE_URL: plain.url, AI_PROXY_CA_FILE: authority.file,
    ...asItComes, ...(proxyUrl ? { HTTPS_PROXY: proxyUrl } : {}), ...environment,
  };
  await withCounted({ environment: given, args: configured(`limits:\n${providerLimits(limits)}${yaml}`).args }, async (gateway) => {
    await use(gateway);
    assert.ok(!(gateway.output + gateway.errors).includes(password), 'the password is in the log');
    assert.ok(!(gateway.output + gateway.errors).includes(Buffer.from(`user:${password}`).toString('base64')));
  });
}

test('a tunnel carries the calls of an https provider, and shows the proxy neither key nor prompt', async () => {
  const proxy = await EgressProxy.start();
  await behind(`http://user:${password}@127.0.0.1:${proxy.port}`, { limits: { idle: '2s' } }, async (gateway) => {
    await assertAnswers(gateway, 'openai');
    await assertAnswers(gateway, 'openai');
    assert.ok(proxy.asked.length >= 1 && proxy.asked.length <= 2, 'a tunnel is kept for the next request of its thread');
    for (const { line, fields } of proxy.asked) {
      assert.equal(line, `CONNECT provider.test:${secure.port} HTTP/1.1`);
      assert.equal(fields.get('host'), `provider.test:${secure.port}`);
      assert.equal(fields.get('proxy-authorization'), `Basic ${Buffer.from(`user:${password}`).toString('base64')}`);
      assert.deepEqual([...fields.keys()].sort(), ['host', 'proxy-authorization']);
    }
    assert.ok(!/sk-test|What\?/.test(proxy.carried));
    for (const { path, fields } of secure.requests) {
      assert.equal(path, '/v1/chat/completions');
      assert.ok(!fields.has('proxy-authorization'), 'the proxy\'s password is not the provider\'s');
    }
    assert.equal(plain.requests.length, 0);
    await assertAnswers(gateway, 'mistral'); // http: HTTPS_PROXY is not for it
    assert.ok(!proxy.carried.includes('POST'));
  });
  await proxy.stop();
});

test('the absolute form carries those of an http provider', async () => {
  const proxy = await EgressProxy.start();
  const environment = { HTTP_PROXY: `http://user:${password}@127.0.0.1:${proxy.port}`, MISTRAL_BASE_URL: `http://plain.test:${plain.port}/base` };
  plain.requests.length = 0;
  await behind(undefined, { environment }, async (gateway) => {
    await assertAnswers(gateway, 'mistral');
    const [{ line, fields }] = proxy.asked;
    assert.equal(line, `POST http://plain.test:${plain.port}/base/v1/chat/completions HTTP/1.1`);
    assert.equal(fields.get('host'), `plain.test:${plain.port}`);
    assert.equal(fields.get('proxy-authorization'), `Basic ${Buffer.from(`user:${password}`).toString('base64')}`);
    assert.equal(plain.requests.length, 1);
  });
  await proxy.stop();
});

test('the variables go by their usual names and order, the file comes last, and NO_PROXY is kept to', async () => {
  const [right, wrong] = [await EgressProxy.start(), await EgressProxy.start()];
  const yaml = `egress:\n  proxy: ${wrong.url}\n`;
  const cases = [
    { https_proxy: right.url, HTTPS_PROXY: wrong.url, ALL_PROXY: wrong.url },
    { HTTPS_PROXY: right.url, all_proxy: wrong.url },
    { all_proxy: right.url, ALL_PROXY: wrong.url },
    { ALL_PROXY: right.url },
  ];
  for (const environment of cases) {
    const before = right.asked.length;
    await behind(undefined, { environment, yaml }, (gateway) => assertAnswers(gateway, 'openai'));
    assert.equal(right.asked.length, before + 1, JSON.stringify(environment));
  }
  assert.equal(wrong.asked.length, 0);
  await behind(undefined, { yaml: `egress:\n  proxy: ${right.url}\n  no_proxy: other.test\n` }, async (gateway) => {
    const before = right.asked.length;
    await assertAnswers(gateway, 'openai');
    await assertAnswers(gateway, 'mistral'); // the file's proxy is for every provider
    assert.equal(right.asked.length, before + 2);
  });
  const before = right.asked.length;
  const environment = { ALL_PROXY: right.url, NO_PROXY: '10.0.0.0/8, 127.0.0.0/8 other.test' };
  await behind(undefined, { environment }, (gateway) => assertAnswers(gateway, 'mistral'));
  assert.equal(right.asked.length, before);
  await right.stop();
  await wrong.stop();
});

const refusals = [
  ['407', 'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n', /^The egress proxy did not accept our credentials, or wants some \(407\)\.$/],
  ['403', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!', /^The egress proxy refused to open a way to the provider \(403\)\.$/],
  ['no HTTP', 'SSH-2.0-x\r\n\r\n', /^The egress proxy gave no proper answer\.$/],
  ['bytes behind its answer', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', /^The egress proxy gave no proper answer\.$/],
  ['a closed connection', 'HTTP/1.1 200', /^The egress proxy closed the connection\.$/],
];

test('what the proxy does wrong is said of the proxy, and nothing of the request has left', async () => {
  secure.received = 0;
  for (const [name, refuse, words] of refusals) {
    const proxy = await EgressProxy.start({ refuse });
    await behind(`http://user:${password}@127.0.0.1:${proxy.port}`, {}, async (gateway) => {
      const answer = await ask(gateway);
      assert.deepEqual([answer.status, answer.details?.code], [502, 'provider_unreachable'], `${name}: ${answer.text}`);
      assert.match(answer.error, words);
      assert.ok(!/sk-test|What\?/.test(proxy.carried));
    });
    await proxy.stop();
  }
  assert.equal(secure.received, 0);
});

test('a proxy that refuses to tunnel to a plain provider, wants credentials, is away, or says nothing', async () => {
  const wanting = await EgressProxy.start({ refuse: 'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno' });
  await behind(undefined, { environment: { HTTP_PROXY: wanting.url } }, async (gateway) => {
    const answer = await ask(gateway, { provider: 'mistral' });
    assert.deepEqual([answer.status, answer.details.code, answer.details.retryable], [502, 'provider_unreachable', false], answer.text);
    assert.match(answer.error, /^The egress proxy did not accept our credentials/);
  });
  await wanting.stop();

  await behind(wanting.url, {}, async (gateway) => { // its port is closed now
    const answer = await ask(gateway);
    assert.deepEqual([answer.status, answer.details.code], [502, 'provider_unreachable']);
    assert.match(answer.error, /^The egress proxy could not be connected to: Connection refused\.$/);
  });

  const mute = await EgressProxy.start({ mute: true });
  await behind(mute.url, { limits: { connect: '400ms' } }, async (gateway) => {
    await keeps(2 * 400 + 500, async () => {
      const answer = await ask(gateway);
      assert.deepEqual([answer.status, answer.details.code, answer.details.attempts], [504, 'provider_timeout', 2]);
      assert.equal(answer.error, 'The egress proxy opened no way to the provider within 400 ms.');
      assert.ok(answer.took >= 2 * 395, `${answer.took} ms`);
      return answer.took;
    }, { what: 'a proxy that says nothing (U2)' });
  });
  await mute.stop();
});

test('the provider behind the proxy is trusted by its own name only', async () => {
  const proxy = await EgressProxy.start();
  secure.received = 0;
  await behind(proxy.url, { environment: { OPENAI_BASE_URL: `https://impostor.test:${secure.port}` } }, async (gateway) => {
    const answer = await ask(gateway);
    assert.equal(answer.details?.code, 'provider_unreachable', answer.text);
    assert.match(answer.error, /could not be trusted over TLS: .*hostname mismatch/i);
  });
  assert.equal(secure.received, 0);
  await proxy.stop();
});

test('a proxy we do not speak to is a fault of the configuration, which does not repeat its URL', () => {
  for (const [environment, place] of [[{ HTTPS_PROXY: `socks5://user:${password}@127.0.0.1:1080` }, 'HTTPS_PROXY'], [{ ALL_PROXY: 'https://127.0.0.1:1' }, 'ALL_PROXY'], [{ http_proxy: 'http://127.0.0.1' }, 'http_proxy']]) {
    const { status, stderr } = spawnSync(binary, ['check'], { encoding: 'utf8', env: gatewayEnvironment(environment), timeout: 30_000, cwd: authority.folder });
    assert.equal(status, 2, stderr);
    assert.match(stderr, new RegExp(`^ *${place}: The proxy's URL must (begin with http://|name the port)`, 'm'));
    assert.equal(stderr.match(/The proxy's URL/g).length, 1);
    assert.ok(!stderr.includes(password));
  }
});

test('--demo needs no proxy', async () => {
  const proxy = await EgressProxy.start();
  const gateway = await startGateway({ environment: { ALL_PROXY: proxy.url }, args: ['--demo'] });
  const answer = await ask(gateway);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(proxy.asked.length, 0);
  await gateway.stop();
  await proxy.stop();
});
