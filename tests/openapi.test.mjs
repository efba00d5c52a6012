// The OpenAPI document that a running gateway serves: a linter finds no fault in it, it names every route and no
// other, its examples are accepted, and the answers are as it says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { postJson, root, startGateway } from './support/processes.mjs';

const modules = path.join(root, 'tests/sdk/node_modules');
const Ajv = createRequire(path.join(modules, '../package.json'))('ajv/dist/2020.js');

let gateway;
let document;
let fits;
before(async () => {
  gateway = await startGateway({ args: ['--demo'], environment: { OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '', MISTRAL_API_KEY: '' } });
  const response = await fetch(`${gateway.url}/openapi.json`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^application\/json/);
  document = await response.json();
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'openapi');
  fits = (schema, value, what) => {
    // A schema from inside the document, its references counted from the document's root.
    const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/'));
    const judge = ajv.compile(whole);
    assert.ok(judge(value), `${what}: ${ajv.errorsText(judge.errors)} in ${JSON.stringify(value).slice(0, 400)}`);
  };
});
after(() => gateway.stop());

const resolved = (value) => (value.$ref ? value.$ref.slice(2).split('/').reduce((at, step) => at[step], document) : value);

function* operations() {
  for (const [where, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) yield { where, method: method.toUpperCase(), operation };
  }
}

// The answer that the document gives this status to.
function answerOf(operation, status) {
  const answer = operation.responses[status] ?? operation.responses[`${String(status)[0]}XX`];
  assert.ok(answer, `no answer with status ${status}`);
  return resolved(answer);
}

function checkHeaders(answer, response, what) {
  for (const name of ['x-request-id', 'x-cache', 'x-ai-proxy-overhead-us', 'x-ai-proxy-attempts']) assert.ok(response.headers.get(name), `${what}: ${name}`);
  for (const [name, value] of response.headers) {
    if (!/^(x-|request-id|retry-after|mistral-)/.test(name) || /^x-ratelimit-/.test(name)) continue;
    const header = answer.headers[name];
    assert.ok(header, `${what}: the header ${name} is not in the document`);
    const { schema } = resolved(header);
    fits(schema, schema.type === 'integer' ? Number(value) : value, `${what}: ${name}`);
  }
}

const events = (text) => text.split('\n\n').filter(Boolean).map((block) => {
  const [, event] = /^event: (.*)$/m.exec(block) ?? [];
  return { ...(event && { event }), data: /^data: (.*)$/m.exec(block)[1] };
});

test('a linter finds no fault', () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'ai-proxy-openapi-')), 'openapi.json');
  writeFileSync(file, JSON.stringify(document, null, 2));
  const linter = [path.join(modules, '@redocly/cli/bin/cli.js'), 'lint', '--extends', 'recommended', '--format', 'json', file];
  const environment = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  const result = spawnSync(path.join(modules, '.bin/node'), linter, { encoding: 'utf8', env: environment, timeout: 120_000, cwd: path.dirname(file) });
  const report = JSON.parse(result.stdout.slice(result.stdout.indexOf('{')));
  assert.deepEqual(report.problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`), []);
  assert.deepEqual([report.totals.errors, report.totals.warnings, result.status], [0, 0, 0]);
});

test('it names every route of the gateway, and no other', async () => {
  const { error } = await (await fetch(`${gateway.url}/nothing-is-here`)).json();
  const routes = [...error.matchAll(/(GET|POST) (\/[^\s,]*)/g)].map(([, method, where]) => `${method} ${where.replace(/\.$/, '')}`);
  const named = [...operations()].map(({ method, where }) => `${method} ${where.replace('{id}', '')}`);
  assert.ok(routes.length > 20, error);
  assert.deepEqual(named.toSorted(), routes.toSorted());
});

test('its version is the program\'s, and its providers are the configured ones', () => {
  assert.match(document.info.version, /^\d+\.\d+\.\d+$/);
  const { provider } = document.components.schemas.ChatRequest.properties;
  assert.deepEqual(provider.enum, ['openai', 'anthropic', 'mistral', null]);
});

test('every example is accepted, and answered as the document says', async () => {
  let whole = 0;
  let streamed = 0;
  for (const { where, operation } of [...operations()].filter(({ method }) => method === 'POST')) {
    const { schema, examples } = resolved(operation.requestBody).content['application/json'];
    for (const [name, { value }] of Object.entries(examples)) {
      const what = `${where} ${name}`;
      fits(schema, value, what);
      const response = await postJson(gateway.url + where, value);
      assert.equal(response.status, 200, `${what}: ${response.text.slice(0, 400)}`);
      const answer = answerOf(operation, 200);
      checkHeaders(answer, response, what);
      const type = response.headers.get('content-type').split(';')[0];
      const content = answer.content[type];
      assert.ok(content, `${what}: ${type}`);
      if (type === 'application/json') {
        fits(content.schema, JSON.parse(response.text), what);
        whole += 1;
      } else {
        assert.equal(value.stream, true);
        const all = events(response.text);
        assert.ok(all.length > 2, what);
        if (where === '/v1/chat') fits(content.schema.contentSchema, all.map(({ event, data }) => ({ event, data: JSON.parse(data) })), what);
        streamed += 1;
      }
    }
  }
  assert.ok(whole >= 20 && streamed >= 6, `${whole} whole answers, ${streamed} streams`);
});

test('what can be got is as the document says', async () => {
  const ids = { openai: 'gpt-4o', anthropic: 'claude-haiku-4-5', mistral: 'mistral-small-latest', server: '' };
  for (const { where, operation } of [...operations()].filter(({ method }) => method === 'GET')) {
    const url = gateway.url + where.replace('{id}', ids[operation.tags[0]]);
    for (const fields of [{}, { 'anthropic-version': '2023-06-01' }]) {
      const response = await fetch(url, { headers: fields });
      assert.equal(response.status, 200, where);
      const answer = answerOf(operation, 200);
      checkHeaders(answer, response, where);
      fits(answer.content['application/json'].schema, await response.json(), where);
    }
  }
});

test('refusals are as the document says, at every door', async () => {
  for (const { where, method, operation } of operations()) {
    const wrong = method === 'POST'
      ? ['{', '[]', '{}', { model: 'nobody/nothing', messages: [], input: [], max_tokens: 1 }, { model: 'gpt-4o', messages: 5, input: 'x', max_tokens: -1, stream: 7 }]
      : where.includes('{id}') ? ['nobody/nothing'] : [];
    for (const one of wrong) {
      const response = method === 'POST' ? await postJson(gateway.url + where, one)
        : await fetch(gateway.url + where.replace('{id}', one)).then(async (got) => ({ status: got.status, headers: got.headers, text: await got.text() }));
      const what = `${method} ${where} ${JSON.stringify(one)} -> ${response.status}`;
      assert.ok(response.status >= 400 && response.status < 500, what);
      const answer = answerOf(operation, response.status);
      checkHeaders(answer, response, what);
      fits(answer.content['application/json'].schema, JSON.parse(response.text), what);
    }
    const other = await fetch(gateway.url + where.replace('{id}', 'x'), { method: 'DELETE' });
    assert.equal(other.status, 405, where);
    fits(answerOf(operation, 405).content['application/json'].schema, await other.json(), `DELETE ${where}`);
  }
});
