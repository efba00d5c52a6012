// A provider that does what the model's name says, in the wire format of whoever is asked (OpenAI, Anthropic, Mistral):
//   stream:N:MS        N texts, MS between two      head-hang:N    head and N texts, then silence (N may be missing)
//   rst:N, fin:N       N texts, then the end        hang           silence from the beginning
//   trickle:RATE       the answer, RATE bytes/s     pings:MS       a stream of comments, MS between two
//   status:CODE[:RETRY_AFTER]
//   anything else      an answer at once
// `always` overrules the names: another behaviour, a function of (call, index) that names one, or that gives one back to run. Every call is kept, with the time at which the other side went away before its end.
import { setTimeout as pause } from 'node:timers/promises';
import { ScriptedProvider } from '../../support/scripted_provider.mjs';
import { wire } from '../../support/turns.mjs';

const flavourOf = (request) => {
  if (request.path.endsWith('/messages')) return 'anthropic';
  return /mistral/i.test(request.fields.get('authorization') ?? '') ? 'mistral' : 'openai';
};

const text = (index) => `t${index} `;

// The events of an answer of `count` texts; [0, begin) come before the first, and behind `end` there is no text.
export function eventsOf(flavour, count) {
  const events = wire[flavour].stream({ text: Array.from({ length: count }, (_, index) => text(index)), reason: 'stop' });
  const isText = (event) => /"t\d+ "/.test(event);
  return { events, begin: events.findIndex(isText), end: events.findLastIndex(isText) + 1 };
}

const refusal = { anthropic: (code) => ({ type: 'error', error: { type: 'api_error', message: `the provider says ${code}` } }) };
const refusalOf = (flavour, code) => refusal[flavour]?.(code) ?? { error: { message: `the provider says ${code}`, type: 'server_error', param: null, code: null } };

// What a call can do while it runs: wait, unless the other side has gone.
class Answer {
  constructor(out, call) {
    Object.assign(this, { out, call });
    this.ending = new AbortController();
    this.goneListener = () => { call.goneAt = performance.now(); this.ending.abort(); };
    out.socket.once('close', this.goneListener);
  }

  get gone() { return this.ending.signal.aborted; }

  // Resolves after the time, or when the other side has gone.
  async wait(milliseconds) {
    try { await pause(milliseconds, undefined, { signal: this.ending.signal }); } catch { /* gone */ }
  }

  async forEver() {
    while (!this.gone) await this.wait(60_000);
  }

  done() {
    this.out.socket.off('close', this.goneListener);
    this.call.done = true;
  }
}

async function texts(answer, count, milliseconds, from = 0) {
  const { events, begin, end } = eventsOf(answer.call.flavour, Math.max(count, 1));
  await answer.out.beginStream();
  await answer.out.piece(events.slice(0, begin).join(''));
  for (const [index, event] of events.slice(begin, begin + count).entries()) {
    if (index > from && milliseconds > 0) await answer.wait(milliseconds);
    if (answer.gone) return [];
    await answer.out.piece(event);
    answer.call.sent.push(performance.now());
  }
  return events.slice(end);
}

const behaviours = {
  async stream(answer, count, milliseconds) {
    const rest = await texts(answer, Number(count), Number(milliseconds));
    if (answer.gone) return;
    await answer.out.piece(rest.join(''));
    await answer.out.endStream();
  },
  hang: (answer) => answer.forEver(),
  async 'head-hang'(answer, count = 0) {
    if (Number(count) > 0) await texts(answer, Number(count), 0);
    else if (answer.call.stream) await answer.out.beginStream();
    else await answer.out.begin(200, { 'content-length': 1000 });
    await answer.forEver();
  },
  async pings(answer, milliseconds) {
    await answer.out.beginStream();
    while (!answer.gone) {
      await answer.out.piece(': ping\n\n');
      await answer.wait(Number(milliseconds));
    }
  },
  async rst(answer, count) {
    await texts(answer, Number(count), 0);
    await answer.wait(20);   // a reset drops what the kernel has not yet sent
    answer.call.brokenAt = performance.now();
    answer.done();
    answer.out.reset();
  },
  async fin(answer, count) {
    await texts(answer, Number(count), 0);
    answer.call.brokenAt = performance.now();
    answer.done();
    answer.out.fin();
  },
  async trickle(answer, rate) {
    const turn = { text: ['a slow answer'], reason: 'stop' };
    const bytes = Buffer.from(answer.call.stream ? wire[answer.call.flavour].stream(turn).join('') : JSON.stringify(wire[answer.call.flavour].whole(turn)));
    if (answer.call.stream) await answer.out.beginStream();
    else await answer.out.begin(200, { 'content-length': bytes.length });
    for (let at = 0; at < bytes.length && !answer.gone; at += 1) {
      const byte = bytes.subarray(at, at + 1);
      await (answer.call.stream ? answer.out.piece(byte) : answer.out.write(byte));
      await answer.wait(1000 / Number(rate));
    }
    if (answer.call.stream && !answer.gone) await answer.out.endStream();
  },
  async status(answer, code, retryAfter) {
    await answer.out.whole(refusalOf(answer.call.flavour, code), { status: Number(code), fields: retryAfter === undefined ? {} : { 'retry-after': retryAfter } });
  },
  async answer(answer) {
    const turn = { text: [text(0), text(1)], reason: 'stop' };
    if (answer.call.stream) await answer.out.stream(wire[answer.call.flavour].stream(turn).join(''));
    else await answer.out.whole(wire[answer.call.flavour].whole(turn));
  },
};

export class FaultyProvider {
  // {at, flavour, model, stream, key, body, connection, sent: [ms of each text], brokenAt, goneAt, done}
  calls = [];
  always;

  static async start() {
    const provider = new FaultyProvider();
    provider.server = await ScriptedProvider.start((request, out) => provider.answer(request, out));
    provider.url = provider.server.url;
    return provider;
  }

  async answer(request, out) {
    const body = JSON.parse(request.body);
    const call = { at: performance.now(), flavour: flavourOf(request), model: body.model, stream: body.stream === true, key: request.fields.get('authorization') ?? request.fields.get('x-api-key'), request, connection: out.socket, sent: [] };
    this.calls.push(call);
    const answer = new Answer(out, call);
    const wanted = typeof this.always === 'function' ? this.always(call, this.calls.length - 1) : this.always;
    if (typeof wanted === 'function') {
      await wanted(answer);
      return answer.done();
    }
    const [name, ...words] = (wanted ?? call.model).split(':');
    await (behaviours[name] ?? behaviours.answer)(answer, ...words);
    if (!answer.gone) answer.done();
  }

  // Connections that are open now.
  get open() { return this.server.sockets.size; }

  stop() { return this.server.stop(); }

  // On its old port, after it was stopped.
  again() {
    return new Promise((resolve, reject) => this.server.server.once('error', reject).listen(Number(new URL(this.url).port), '127.0.0.1', resolve));
  }
}
