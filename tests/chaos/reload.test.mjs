// Rows P6-P8 and P12, case G4: a configuration that changes, breaks and shrinks while requests run.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Program, binary, gatewayEnvironment, slow, startGateway } from '../support/processes.mjs';
import { ScriptedProvider } from '../support/scripted_provider.mjs';
import { foldNative } from '../support/sse.mjs';
import { wire } from '../support/turns.mjs';
import {
  allowance, ask, chance, closedLoop, counted, full, keeps, messages, openLoop, openStream, quantile, residentKiB, seed, stopLoads, until,
} from './support/life.mjs';
import { patience } from './support/scale.mjs';

// Two providers behind one alias, each with a model of its own: a request that saw a mix would come to the wrong one.
const names = ['first', 'second'];
let servers, held;
before(async () => {
  held = [];
  servers = await Promise.all(names.map((name) => ScriptedProvider.start(async (request, out) => {
    const { model, stream } = JSON.parse(request.body);
    if (model !== `model-of-${name}` || request.fields.get('authorization') !== `Bearer sk-of-${name}`) return out.whole({ error: { message: `mixed: ${model}` } }, { status: 400 });
    const turn = { text: [name], reason: 'stop' };
    if (!stream) return out.whole(wire.openai.whole(turn));
    await out.beginStream();
    await out.piece(wire.openai.begin(turn) + wire.openai.texts(turn).join(''));
    await new Promise((resolve) => held.push(resolve));
    await out.piece(wire.openai.finish(turn) + wire.openai.usageChunk(turn) + 'data: [DONE]\n\n');
    return out.endStream();
  })));
});
after(() => Promise.all((servers ?? []).map((server) => server.stop())));

const configuration = (which, more = '') => `providers:
  ${names[which]}:
    base_url: ${servers[which].url}
    api_key: sk-of-${names[which]}
aliases:
  the-model: ${names[which]}/model-of-${names[which]}
  only-${names[which]}: ${names[which]}/model-of-${names[which]}
${more}`;
const question = { model: 'the-model', messages: [{ role: 'user', content: 'Which one?' }] };

// Whose answer it is; anything but an answer is a fault.
function nameIn({ status, text, fault }) {
  assert.equal(status, 200, fault ?? text);
  return JSON.parse(text).message.content;
}
// Which of the two configurations the list of models is made of.
async function listed(gateway) {
  const { status, text } = await ask(`${gateway.url}/v1/models`);
  assert.equal(status, 200, text);
  const aliases = JSON.parse(text).data.map(({ id }) => id).filter((id) => /^(the-model|only-.*)$/.test(id));
  return aliases.toSorted();
}
const aliasesOf = (name) => [`only-${name}`, 'the-model'];

async function withGateway(text, body, environment = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-reload-'));
  const file = path.join(folder, 'config.yaml');
  writeFileSync(file, text);
  const gateway = await startGateway({ folder, args: ['--config', file], environment });
  const agent = new http.Agent({ keepAlive: true });
  const chat = (more = {}) => ask(`${gateway.url}/v1/chat`, { ...question, ...more }, { agent });
  // A reload is over when the log says how it ended. (Where this process is held up before the signal, the changed file may
  // have been noticed first: that is another reload.)
  let endings = 0;
  const reload = async () => {
    gateway.child.kill('SIGHUP');
    const seen = await until(() => messages(gateway).filter(({ message, cause }) => /configuration reloaded|old configuration stays/.test(message) && cause === 'SIGHUP')[endings], 'the reload ends');
    endings += 1;
    return seen;
  };
  const replace = (content) => { writeFileSync(`${file}.new`, content); renameSync(`${file}.new`, file); };
  try { return await body({ gateway, file, chat, reload, replace }); } finally { held.splice(0).forEach((go) => go()); await stopLoads().catch(() => {}); agent.destroy(); await gateway.stop(); }
}

test('P6 P12 G4 reloads under load: old or new, never a mix, none fails, memory is flat', async (context) => {
  const [rounds, rate] = full ? [1000, 500] : [30, slow ? 50 : 250];
  // However long a busy machine takes for all of it, the stream that waits is not cut.
  await withGateway(configuration(0, 'limits:\n  provider: {silence: 1h, total: 1h}\n'), async ({ gateway, chat, reload, replace }) => {
    const load = openLoop(() => chat(), rate);
    // A stream that began before the first reload is still there after the last one.
    const stream = openStream(`${gateway.url}/v1/chat`, question);
    await stream.begun;
    // What is held before the first reload, at as many requests at once as the load may have; all that comes behind it is growth,
    // what is made only once too.
    assert.deepEqual(counted(await Promise.all(Array.from({ length: 200 }, () => chat()))), { 200: 200 });
    assert.deepEqual(await listed(gateway), aliasesOf('first'));
    await until(() => load.outcomes.length >= rate / 2, 'the load runs');
    const before = residentKiB(gateway.child.pid), grownBy = [];
    const times = [];
    for (let round = 1; round <= rounds; ++round) {
      replace(configuration(round % 2, `limits:\n  body: ${1000 + round}KiB\n`));
      const begin = performance.now();
      assert.match((await reload()).message, /reloaded/);
      times.push(performance.now() - begin);
      assert.equal(nameIn(await chat()), names[round % 2], 'after the reload every request is of the new one');
      assert.deepEqual(await listed(gateway), aliasesOf(names[round % 2]), 'what is made of the configuration is made anew');
      const gone = await chat({ model: `only-${names[1 - round % 2]}` });
      assert.ok([400, 404].includes(gone.status), `the old alias is gone: ${gone.status} ${gone.text}`);
      if ([10, 100].includes(round)) grownBy.push(`${residentKiB(gateway.child.pid) - before} KiB after ${round}`);
    }
    const grown = residentKiB(gateway.child.pid) - before;
    for (const go of held.splice(0)) go();
    const { last, content } = foldNative((await stream.ended).text);
    assert.deepEqual([content, last.event], ['first', 'done']);
    const outcomes = await load.stop();
    const [median, most] = [0.5, 0.9].map((share) => quantile(times, share));
    context.diagnostic(`${rounds} reloads, 90 % within ${most.toFixed(0)} ms, half within ${median.toFixed(0)}`);
    context.diagnostic(`${outcomes.length} requests ${JSON.stringify(counted(outcomes))}, grown by ${[...grownBy, `${grown} KiB after all`].join(', ')}`);
    assert.ok(most < patience(1000), `${most} ms`);
    assert.ok(Math.max(...times) < patience(1000) + allowance, `${Math.max(...times)} ms`);
    assert.deepEqual(Object.keys(counted(outcomes)), ['200']);
    for (const { text } of outcomes) assert.ok(names.includes(JSON.parse(text).message.content));
    // A sanitizer keeps what was freed for a while.
    if (!slow) assert.ok(grown <= 5 * 1024, `${grown} KiB`);
  }, { AI_PROXY_LOG_ACCESS: 'false' });
});

test('P6 a changed file is taken over within a second', async (context) => {
  await withGateway(configuration(0), async ({ gateway, chat, replace }) => {
    const took = await keeps(1000, async (attempt) => {
      const which = (attempt + 1) % 2;
      replace(configuration(which));
      const begin = performance.now();
      await until(async () => JSON.parse((await chat()).text).message?.content === names[which], 'the new one answers');
      return performance.now() - begin;
    }, { what: 'the new one answers' });
    context.diagnostic(`${took.toFixed(0)} ms`);
    await gateway.saw(/"cause":"file changed"/);
  });
});

test('P7 a file that is being written is not read before it rests', async () => {
  // Every 50 ms some more of it, and what stands there would often be valid: without the alias, or empty. Where this process
  // itself was held up for so long that the file did rest, the round says nothing.
  const text = configuration(1, `# ${'.'.repeat(400)}\n`);
  const round = () => withGateway(configuration(0), async ({ gateway, file, chat }) => {
    let whole = false;
    const load = closedLoop(async () => ({ ...await chat(), whole }), 1);
    let longest = 0;
    let written = performance.now();
    for (let at = 0; at < text.length; at += 40) {
      writeFileSync(file, text.slice(0, at));
      longest = Math.max(longest, performance.now() - written);
      written = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    whole = true;
    writeFileSync(file, text);
    longest = Math.max(longest, performance.now() - written);
    await gateway.saw(/configuration reloaded/);
    await until(async () => JSON.parse((await chat()).text).message?.content === 'second', 'the whole file is taken over');
    const outcomes = await load.stop();
    if (longest > 200) return false;
    // The old one's answers as long as it was being written; then the new one's, and never the old one's again.
    const answers = outcomes.map(nameIn), early = outcomes.filter((outcome) => !outcome.whole).length;
    assert.ok(early > 0);
    assert.deepEqual(new Set(answers.slice(0, early)), new Set(['first']));
    assert.deepEqual(answers, answers.toSorted());
    assert.doesNotMatch(gateway.errors, /refused/);
    return true;
  });
  for (let tries = 0; tries < 10; ++tries) if (await round()) return;
  assert.fail('this machine is too slow for this test');
});

const kinds = {
  empty: () => '',
  blank: () => ' \n\n',
  'an unknown field': (text, random) => text + `unknown_${random(1000)}: 1\n`,
  'an unknown field deep inside': (text) => text.replace('    api_key', '    apikey'),
  'not YAML': (text, random) => { const at = random(text.length); return `${text.slice(0, at)}\n[{"${text.slice(at)}`; },
  'a wrong value': (text) => `${text}limits:\n  body: many\n`,
  'a key twice': (text) => text + text,
  'no text': (text, random) => Buffer.concat([Buffer.from(text), Buffer.from([0, random(256), 255])]),
  'cut off in a word': (text) => text.slice(0, text.indexOf('base_url') + 4),
};
// May be valid all the same; then it is taken over, and anything else is refused.
const mutations = {
  truncated: (text, random) => text.slice(0, random(text.length)),
  'bytes changed': (text, random) => {
    const bytes = Buffer.from(text);
    for (let i = 1 + random(4); i > 0; --i) bytes[random(bytes.length)] = '\n\t :{}[]"\'#&*!|>%@`-?,0aZ\x80\xc3'.charCodeAt(random(27));
    return bytes;
  },
  'a line gone': (text, random) => { const lines = text.split('\n'); lines.splice(random(lines.length), 1); return lines.join('\n'); },
};

test('P7 G4 broken files: the old configuration stays, the log names line, column and cause, /readyz shows it', async (context) => {
  const random = chance();
  context.diagnostic(`seed ${seed}`);
  await withGateway(configuration(0), async ({ gateway, file, chat, reload, replace }) => {
    // Damaged is the second one: what would be taken of it answers otherwise. `runs` has what runs behind each change of the file,
    // so that the load's every answer can be held against it.
    const runs = ['old'];
    const put = (content) => { runs.push(undefined); replace(content); };
    const load = closedLoop(async () => {
      const from = runs.length - 1;
      return { ...await chat(), seen: [Math.max(0, from - 1), runs.length - 1] };
    }, 4);
    const oldAnswers = async (kind) => {
      runs[runs.length - 1] = 'old';
      assert.equal(nameIn(await chat()), 'first', kind);
      assert.deepEqual(await listed(gateway), aliasesOf('first'), kind);
    };
    // What cannot be read has no place in it.
    const refusedWell = async (kind, place = /^\S*config\.yaml:\d+:\d+: /) => {
      const before = messages(gateway).length;
      const { message } = await reload();
      assert.match(message, /old configuration stays/, kind);
      const faults = messages(gateway).slice(before).filter((line) => line.message === 'configuration refused');
      assert.ok(faults.length > 0 && faults.every(({ fault }) => place.test(fault)), `${kind}: ${JSON.stringify(faults.at(-1))}`);
      assert.match((await ask(`${gateway.url}/readyz`)).text, /"configuration":"the last reload was refused/);
      await oldAnswers(kind);
      return faults;
    };
    for (const [kind, damage] of Object.entries(kinds)) {
      put(damage(configuration(1), random));
      await refusedWell(kind);
    }
    // The very place, by line and column.
    put(`${configuration(1)}limits: {body: 1MiB, connections: none}\n`);
    assert.match((await refusedWell('a wrong value behind others'))[0].fault, /config\.yaml:8:22: limits\.connections: /);
    // 100 MB, announced by the file system without being there.
    put('');
    truncateSync(file, 100_000_000);
    await refusedWell('100 MB', /config\.yaml: the file is larger than/);
    unlinkSync(file);
    await refusedWell('gone', /config\.yaml: there is no such file/);
    mkdirSync(file);
    await refusedWell('a folder', /config\.yaml: there is no such file/);
    rmdirSync(file);

    const counts = { refused: 0, taken: 0 };
    for (let round = 0; round < 200; ++round) {
      const [kind, damage] = Object.entries(mutations)[round % 3];
      put(damage(configuration(1), random));
      const { message } = await reload();
      if (/stays/.test(message)) {
        counts.refused += 1;
        const last = messages(gateway).filter((line) => line.message === 'configuration refused').at(-1);
        assert.match(last.fault, /^\S*config\.yaml:\d+:\d+: /);
        await oldAnswers(`${kind} ${seed}`);
        continue;
      }
      counts.taken += 1;
      // It was valid: then it is what runs, as it stands there, and the good one comes back for the next round.
      runs[runs.length - 1] = 'the damaged one';
      put(configuration(0));
      assert.match((await reload()).message, /reloaded/, `${kind} ${seed}`);
      await oldAnswers(`${kind} ${seed}`);
    }
    put(configuration(0));
    assert.match((await reload()).message, /reloaded/);
    await oldAnswers('the good one');
    assert.equal((await ask(`${gateway.url}/readyz`)).text, '{"status":"ok"}', 'a good reload clears it');
    const all = await load.stop(), outcomes = counted(all);
    const underOld = all.filter(({ seen: [from, to] }) => runs.slice(from, to + 1).every((what) => what === 'old'));
    context.diagnostic(`${JSON.stringify(counts)}; requests ${JSON.stringify(outcomes)}, ${underOld.length} of them under the old one alone`);
    assert.deepEqual(new Set(underOld.map(nameIn)), new Set(['first']), 'the old configuration answers all the while');
    assert.ok(underOld.length > counts.refused, `${underOld.length} answers`);
    const [, admin] = /admin listening.*?"address":"(http:[^"]+)"/.exec(gateway.errors);
    const { text } = await ask(`${admin}/metrics`);
    assert.equal(Number(/^ai_proxy_config_reload_failed_total (\d+)$/m.exec(text)[1]), messages(gateway).filter(({ message }) => /old configuration stays/.test(message)).length);
    assert.ok(counts.refused > 20);
    // While a damaged file that was still valid ran, the alias may have been gone, or its provider's address another, where nobody
    // answers; the process never failed.
    for (const kind of Object.keys(outcomes)) assert.ok(Number(kind) < 500 || ['502', '503', '504'].includes(kind), `${kind} ${JSON.stringify(outcomes)}`);
    assert.doesNotMatch(gateway.output + gateway.errors, /sk-of-/);
  }, { AI_PROXY_LOG_ACCESS: 'false', AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' });
});

test('P7 /readyz says that a refused configuration is mended only when every thread has the new one', async () => {
  // A large one, which takes its time.
  const many = (which) => Array.from({ length: 4000 }, (_, i) => `  alias-${i}: ${names[which]}/model-${i}\n`).join('');
  const large = (which) => configuration(which, many(which));
  await withGateway(large(0), async ({ gateway, chat, reload, replace }) => {
    const ready = async () => (await ask(`${gateway.url}/readyz`)).text === '{"status":"ok"}';
    for (let round = 1; round <= 20; ++round) {
      replace('aliases: [\n');
      assert.match((await reload()).message, /stays/);
      assert.equal(await ready(), false);
      replace(large(round % 2));
      const reloaded = reload();
      await until(ready, 'the mended one runs');
      assert.equal(nameIn(await chat()), names[round % 2], `round ${round}`);
      await reloaded;
    }
  });
});

test('P7 a file that this user may not read: the old configuration stays, the log says so, /readyz shows it', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-unreadable-'));
  const file = path.join(folder, 'config.yaml');
  writeFileSync(file, configuration(0));
  // Root may read all, so it becomes somebody else.
  const nobody = 65534, asRoot = process.getuid() === 0;
  if (asRoot) for (const one of [folder, file]) chownSync(one, nobody, nobody);
  const [command, ...args] = [...asRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : [], binary, '--config', file];
  const gateway = new Program(command, args, { env: gatewayEnvironment({ AI_PROXY_LOG_FORMAT: 'json', AI_PROXY_ADMIN_LISTEN: '127.0.0.1:0' }), cwd: folder });
  const [, url] = await gateway.saw(/"url":"(http:[^"]+)/);
  const [, admin] = await gateway.saw(/admin listening.*?"address":"(http:[^"]+)"/);
  const answers = async (name) => assert.equal(JSON.parse((await ask(`${url}/v1/chat`, question)).text).message.content, name);
  const failed = async () => Number(/^ai_proxy_config_reload_failed_total (\d+)$/m.exec((await ask(`${admin}/metrics`)).text)[1]);
  await answers('first');

  // It comes as it is: in between it could be read.
  writeFileSync(`${file}.new`, configuration(1));
  chmodSync(`${file}.new`, 0);
  if (asRoot) chownSync(`${file}.new`, nobody, nobody);
  renameSync(`${file}.new`, file);
  gateway.child.kill('SIGHUP');
  await until(() => messages(gateway).find(({ message }) => /old configuration stays/.test(message)), 'the reload is refused');
  const faults = messages(gateway).filter(({ message }) => message === 'configuration refused');
  assert.ok(faults.length > 0 && faults.every(({ fault }) => /config\.yaml: the file cannot be read/.test(fault)), JSON.stringify(faults));
  assert.match((await ask(`${url}/readyz`)).text, /"configuration":"the last reload was refused/);
  assert.ok(await failed() >= 1);
  await answers('first');

  chmodSync(file, 0o600);
  gateway.child.kill('SIGHUP');
  await until(async () => (await ask(`${url}/readyz`)).text === '{"status":"ok"}', 'it may be read again');
  await answers('second');
  await gateway.stop();
});

test('P8 what a reload removes: running requests end, the next ones are told', async () => {
  const limits = 'limits:\n  provider:\n    idle: 1s\n';
  await withGateway(configuration(0, limits), async ({ gateway, reload, replace }) => {
    const streams = Array.from({ length: 20 }, () => openStream(`${gateway.url}/v1/chat`, question));
    await Promise.all(streams.map(({ begun }) => begun));
    await until(() => held.length === 20, 'all wait');
    replace(`aliases:\n  other: openai/gpt-4o\n${limits}`);
    assert.match((await reload()).message, /reloaded/);
    const later = await ask(`${gateway.url}/v1/chat`, question);
    assert.ok([400, 404].includes(later.status), `${later.status} ${later.text}`);
    const named = await ask(`${gateway.url}/v1/chat`, { ...question, provider: 'first', model: 'model-of-first' });
    assert.ok([400, 404].includes(named.status), `${named.status} ${named.text}`);
    for (const go of held.splice(0)) go();
    for (const { text, complete } of await Promise.all(streams.map(({ ended }) => ended))) {
      const { content, last } = foldNative(text);
      assert.deepEqual([complete, content, last.event], [true, 'first', 'done']);
    }
    // And a key that goes: the provider is there, without it.
    replace(`providers:\n  first:\n    base_url: ${servers[0].url}\n${limits}`);
    assert.match((await reload()).message, /reloaded/);
    const keyless = await ask(`${gateway.url}/v1/chat`, { ...question, provider: 'first', model: 'model-of-first' });
    assert.deepEqual([keyless.status, JSON.parse(keyless.text).details.code], [503, 'provider_not_configured']);
    // Nobody holds a connection to it for ever.
    await until(() => servers[0].sockets.size === 0, 'the connections to the removed provider are closed');
  });
});

test('P7 an empty file stops a start as it is refused on a reload', async () => {
  const { spawnSync } = await import('node:child_process');
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-check-'));
  const run = (text) => {
    writeFileSync(path.join(folder, 'c.yaml'), text);
    return spawnSync(binary, ['check', '--config', 'c.yaml'], { cwd: folder, env: gatewayEnvironment(), encoding: 'utf8' });
  };
  assert.equal(run('aliases:\n  fast: openai/gpt-4o-mini\n').status, 0);
  const empty = run('\n');
  assert.deepEqual([empty.status, /c\.yaml:1:1: the file is empty/.test(empty.stderr)], [2, true], empty.stderr);
});
