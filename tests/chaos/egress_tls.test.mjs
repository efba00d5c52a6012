// spec/reliability.md 4.2, U17, and S-23: a provider that cannot be trusted gets no byte of a request. Certificates are
// made by openssl; the name servers' part is in egress_dns.test.mjs.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Authority } from '../support/certificates.mjs';
import { configured, reply } from '../support/chat.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { asItComes } from './support/scene.mjs';
import { until } from './support/waiting.mjs';
import { ask, assertAnswers, providerLimits, withCounted } from './support/way.mjs';

const answer = (_, out) => out.whole(reply());
const secure = (options) => ScriptedProvider.start(answer, { secure: options });

let authority, good; // good can be trusted all the time, as Mistral
before(async () => {
  authority = new Authority();
  good = await secure(authority.issue('DNS:localhost'));
});
after(() => good?.stop());

async function withGateway(url, { yaml = '', limits, environment } = {}, use) {
  const { args, file } = configured(`limits:\n${providerLimits(limits)}${yaml}`);
  const given = { OPENAI_BASE_URL: url, MISTRAL_BASE_URL: good.url, AI_PROXY_THREADS: '1', AI_PROXY_CA_FILE: authority.file, ...asItComes, ...environment };
  await withCounted({ environment: given, args }, async (gateway) => {
    await use(gateway, file);
    assert.ok(!/sk-test|What\?/.test(gateway.output + gateway.errors), 'the reason stands in the log without secrets');
  });
}

const old = (version) => ({ minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' });
const untrusted = [
  ['expired', () => authority.issue('DNS:localhost', { from: -3, until: -1 }), /certificate was refused: certificate has expired/],
  ['not yet valid', () => authority.issue('DNS:localhost', { from: 1, until: 2 }), /certificate was refused: certificate is not yet valid/],
  ['for another host', () => authority.issue('DNS:other.test,IP:127.0.0.1'), /certificate was refused: hostname mismatch/i],
  ['for a host that only begins alike', () => authority.issue('DNS:localhost.other.test'), /hostname mismatch/i],
  ['self-signed', () => authority.selfSigned('DNS:localhost'), /certificate was refused: self-signed certificate/],
  ['of an authority we do not know', () => new Authority('a stranger').issue('DNS:localhost'), /certificate was refused: unable to get local issuer certificate/],
  ['TLS 1.0', () => ({ ...authority.issue('DNS:localhost'), ...old('TLSv1') }), /could not be trusted over TLS: .*version/],
  ['TLS 1.1', () => ({ ...authority.issue('DNS:localhost'), ...old('TLSv1.1') }), /could not be trusted over TLS: .*version/],
  ['nothing but another protocol (ALPN)', () => ({ ...authority.issue('DNS:localhost'), ALPNProtocols: ['h2'] }), /could not be trusted over TLS: .*(application protocol|another protocol)/],
];

for (const [name, options, words] of untrusted) {
  test(`U17 ${name}: 502, and not one byte of the request`, async () => {
    const provider = await secure(options());
    await withGateway(provider.url, {}, async (gateway) => {
      for (const stream of [false, true]) {
        const refused = await ask(gateway, { more: { stream } });
        assert.deepEqual([refused.status, refused.details?.code], [502, 'provider_unreachable'], refused.text);
        assert.match(refused.error, words);
        await assertAnswers(gateway, 'mistral'); // the next request, where the provider is good
      }
      const lines = await until(() => {
        const found = gateway.accessLines().filter((line) => line.status === 502);
        return found.length >= 2 && found;
      }, 'both lines');
      for (const line of lines) assert.match(line.error ?? JSON.stringify(line), words);
    });
    assert.equal(provider.received, 0);
    assert.ok(provider.connections >= 2, 'each request tried');
    await provider.stop();
  });
}

test('U17 no TLS at all: 502, and nothing in the clear', async () => {
  let bytes = Buffer.alloc(0);
  const plain = net.createServer((socket) => socket.on('error', () => {}).on('data', (piece) => { bytes = Buffer.concat([bytes, piece]); socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'); }));
  await new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve));
  await withGateway(`https://localhost:${plain.address().port}`, {}, async (gateway) => {
    const refused = await ask(gateway);
    assert.equal(refused.details?.code, 'provider_unreachable', refused.text);
    assert.match(refused.error, /could not be trusted over TLS: wrong version number/);
    await assertAnswers(gateway, 'mistral');
  });
  assert.ok(bytes.length > 0 && !/sk-test|What\?|POST/.test(bytes.toString('latin1')));
  await new Promise((resolve) => plain.close(resolve));
});

test('a provider under a CA of one\'s own is trusted with ca_file, by name and by address, in TLS 1.2 and 1.3', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const provider = await secure({ ...authority.issue('DNS:localhost,IP:127.0.0.1'), minVersion: version, maxVersion: version, ALPNProtocols: ['http/1.1', 'h2'] });
    for (const url of [provider.url, `https://127.0.0.1:${provider.port}`]) await withGateway(url, {}, (gateway) => assertAnswers(gateway, 'openai'));
    await withGateway(provider.url, { environment: { AI_PROXY_CA_FILE: '' }, yaml: `ca_file: ${authority.file}\n` }, (gateway) => assertAnswers(gateway, 'openai'));
    assert.equal(provider.requests.length, 3);
    await provider.stop();
  }
});

// A provider's certificate that is only trusted unseen.
const entries = (url) => `providers:\n  blind: {base_url: "${url}", auth: none, tls_verify: false}\n  wary: {base_url: "${url}", auth: none}\n`;

test('S-23 tls_verify: false is for one provider, and is warned of at every start and reload', async () => {
  const provider = await secure(authority.selfSigned('DNS:other.test'));
  await withGateway(provider.url, { yaml: entries(provider.url), limits: { idle: '2s' } }, async (gateway, file) => {
    const warnings = () => gateway.errors.split('\n').filter((line) => /certificate of blind is not checked/.test(line)).map((line) => JSON.parse(line));
    await assertAnswers(gateway, 'blind'); // leaves an idle connection and a TLS session behind
    const refused = await ask(gateway, { provider: 'wary' }); // same host, same port: shares neither
    assert.equal(refused.details?.code, 'provider_unreachable', refused.text);
    assert.match(refused.error, /certificate was refused/);
    await assertAnswers(gateway, 'blind');
    assert.equal(provider.requests.length, 2);
    assert.deepEqual(warnings().map(({ level }) => level), ['warn']);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(wary: .*)\}/, '$1, tls_verify: true}'));
    gateway.child.kill('SIGHUP');
    await gateway.saw(/configuration reloaded[^]*certificate of blind is not checked/);
    assert.equal(warnings().length, 2);
  });
  await provider.stop();
});

test('no tls_verify, no warning', async () => {
  const provider = await secure(authority.issue('DNS:localhost'));
  await withGateway(provider.url, {}, async (gateway) => {
    await assertAnswers(gateway, 'openai');
    assert.doesNotMatch(gateway.errors, /certificate/);
  });
  await provider.stop();
});
