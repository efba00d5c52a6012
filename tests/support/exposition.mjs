// A strict reader of the text that Prometheus scrapes (exposition format 0.0.4), written after its specification and apart from
// the gateway's own code. It refuses what a lenient one would let pass: a family twice or in pieces, a sample twice, no HELP or
// TYPE, unknown escapes, histograms that are not cumulative.
import assert from 'node:assert/strict';

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelForm = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const numberForm = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;
const unescaped = { '\\': '\\', '"': '"', n: '\n' };

// 'a="1",b="x\"y"' -> Map
function parseLabels(text, line) {
  const labels = new Map();
  let at = 0;
  while (at < text.length) {
    const equals = text.indexOf('="', at);
    assert.ok(equals > 0, `a label: ${line}`);
    const name = text.slice(at, equals);
    assert.match(name, labelForm, line);
    assert.ok(!name.startsWith('__') && !labels.has(name), `${name}: ${line}`);
    let value = '';
    for (at = equals + 2; text[at] !== '"'; at += 1) {
      assert.ok(at < text.length, `an open value: ${line}`);
      if (text[at] !== '\\') { value += text[at]; continue; }
      at += 1;
      assert.ok(text[at] in unescaped, `an unknown escape: ${line}`);
      value += unescaped[text[at]];
    }
    labels.set(name, value);
    at += 1;
    if (at < text.length) { assert.equal(text[at], ',', line); at += 1; }
  }
  return labels;
}

// The samples end where the braces do that are not inside a value.
function parseSample(line) {
  const brace = line.indexOf('{');
  const head = brace < 0 ? line.slice(0, line.indexOf(' ')) : line.slice(0, brace);
  const end = brace < 0 ? head.length : line.lastIndexOf('}') + 1;
  assert.match(head, nameForm, line);
  assert.equal(line[end], ' ', line);
  const number = line.slice(end + 1);
  assert.match(number, numberForm, line);
  return { name: head, labels: brace < 0 ? new Map() : parseLabels(line.slice(brace + 1, end - 1), line), number };
}

const keyOf = (labels, without) => JSON.stringify([...labels].filter(([name]) => name !== without).sort());

function checkHistogram(name, samples) {
  const groups = new Map();
  for (const { name: full, labels, number } of samples) {
    const part = full.slice(name.length + 1);
    assert.ok(['bucket', 'sum', 'count'].includes(part), full);
    const key = keyOf(labels, 'le');
    if (!groups.has(key)) groups.set(key, { buckets: [] });
    if (part === 'bucket') groups.get(key).buckets.push([labels.get('le'), Number(number)]);
    else { assert.ok(!labels.has('le')); groups.get(key)[part] = Number(number); }
  }
  for (const [key, { buckets, sum, count }] of groups) {
    assert.ok(sum >= 0 && count >= 0, `${name} ${key}`);
    assert.equal(buckets.at(-1)[0], '+Inf', `${name} ${key}`);
    assert.equal(buckets.at(-1)[1], count, `${name} ${key}`);
    for (let i = 1; i < buckets.length; ++i) {
      assert.ok(Number(buckets[i][0].replace('+Inf', 'Infinity')) > Number(buckets[i - 1][0]), `${name} ${key}: bounds ascend`);
      assert.ok(buckets[i][1] >= buckets[i - 1][1], `${name} ${key}: buckets are cumulative`);
    }
  }
}

// name -> {help, type, samples: [{name, labels: Map, number: text}]}
export function parseExposition(text) {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  assert.equal(text, Buffer.from(text).toString('utf8'));
  const families = new Map();
  let help, family;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment?.[1] === 'HELP') {
      assert.equal(help, undefined, `HELP without TYPE before ${line}`);
      help = { name: comment[2], text: comment[3] };
      assert.doesNotMatch(help.text, /\\(?![\\n])/, line);
    } else if (comment) {
      assert.equal(help?.name, comment[2], `HELP stands before TYPE: ${line}`);
      assert.ok(['counter', 'gauge', 'histogram'].includes(comment[3]), line);
      assert.ok(!families.has(comment[2]), `${comment[2]} stands there twice`);
      if (comment[3] === 'counter') assert.match(comment[2], /_total$/);
      family = { name: comment[2], help: help.text, type: comment[3], samples: [] };
      families.set(family.name, family);
      help = undefined;
    } else {
      assert.equal(help, undefined, line);
      const sample = parseSample(line);
      assert.ok(family.type === 'histogram' ? sample.name.startsWith(`${family.name}_`) : sample.name === family.name, line);
      if (family.type === 'counter') assert.match(sample.number, /^\d+(\.\d+)?$/, line);
      family.samples.push(sample);
    }
  }
  for (const { name, type, samples } of families.values()) {
    const keys = samples.map((sample) => `${sample.name} ${keyOf(sample.labels)}`);
    assert.equal(new Set(keys).size, keys.length, `${name}: a sample stands there twice`);
    if (type === 'histogram') checkHistogram(name, samples);
  }
  return families;
}

// A scrape and what one asks of it. Labels are given by their short names where that is clear.
const short = { provider: 'gen_ai_provider_name', model: 'gen_ai_request_model', operation: 'gen_ai_operation_name', token: 'gen_ai_token_type', error: 'error_type', status: 'http_response_status_code' };

export class Scrape {
  constructor(text) {
    this.text = text;
    this.families = parseExposition(text);
  }

  // The samples of this name with these labels.
  all(name, labels = {}) {
    const family = this.families.get(name) ?? this.families.get(name.replace(/_(bucket|sum|count)$/, ''));
    const wanted = Object.entries(labels).map(([key, value]) => [short[key] ?? key, value]);
    return (family?.samples ?? []).filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels.get(key) === value));
  }

  sum(name, labels) {
    return this.all(name, labels).reduce((total, { number }) => total + Number(number), 0);
  }

  // Decimal USD -> pico-dollars, exactly.
  pico(name, labels) {
    return this.all(name, labels).reduce((total, { number }) => total + picoOf(number), 0n);
  }
}

export function picoOf(decimal) {
  const [whole, fraction = ''] = decimal.split('.');
  assert.ok(fraction.length <= 12, decimal);
  return BigInt(whole + fraction.padEnd(12, '0'));
}
