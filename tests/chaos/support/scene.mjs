// A gateway before a faulty provider, and what must hold behind every fault: the process lives, the next request succeeds,
// no descriptor and no place in a pool is lost.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { providersAt, startGateway } from '../../support/processes.mjs';
import { Caller } from './caller.mjs';
import { FaultProxy } from './fault_proxy.mjs';
import { FaultyProvider } from './faulty_provider.mjs';
import { figuresOf } from './figures.mjs';
import { poster } from './load.mjs';
import { until } from './waiting.mjs';

export const doors = { native: '/v1/chat', openai: '/v1/chat/completions', anthropic: '/v1/messages', mistral: '/mistral/v1/chat/completions' };
export const providers = ['openai', 'anthropic', 'mistral'];

// A request to a door; the model's name says what the provider does. `provider` null: the model is an alias.
export function question(door, provider, model, more = {}) {
  const messages = [{ role: 'user', content: 'What?' }];
  if (door === 'native') return { provider: provider ?? undefined, model, messages, ...more };
  return { model: provider === null ? model : `${provider}/${model}`, messages, ...(door === 'anthropic' ? { max_tokens: 1000 } : {}), ...more };
}

// A configuration file; its text is JSON, which is YAML.
export function configurationFile(configuration) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-'));
  const file = path.join(folder, 'config.yaml');
  writeFileSync(file, JSON.stringify(configuration, null, 1));
  return { folder, file };
}

// Retries and pauses as they are by default: an empty variable is none. (Other tests have them off.)
export const asItComes = { AI_PROXY_RETRIES: '', AI_PROXY_PAUSE_WHEN_LIMITED: '' };

// With idle connections closed early, so that what stays open has leaked.
const withShortIdle = (configuration) => ({ ...configuration, limits: { ...configuration.limits, provider: { idle: '1s', ...configuration.limits?.provider } } });

export class Scene {
  // `proxied`: a FaultProxy stands before the provider. `separate`: Anthropic and Mistral are another one, `second`.
  static async start({ configuration = {}, environment = {}, proxied = false, separate = false } = {}) {
    const scene = new Scene();
    scene.provider = await FaultyProvider.start();
    if (separate) scene.second = await FaultyProvider.start();
    if (proxied) scene.proxy = await FaultProxy.start(scene.provider.url);
    const { folder, file } = configurationFile(withShortIdle(configuration));
    scene.file = file;
    const urls = { ...providersAt((scene.second ?? scene.proxy ?? scene.provider).url), OPENAI_BASE_URL: (scene.proxy ?? scene.provider).url };
    scene.gateway = await startGateway({ folder, args: ['--config', file], environment: { ...urls, ...asItComes, AI_PROXY_THREADS: '1', ...environment } });
    scene.poster = poster();
    scene.before = figuresOf(scene.gateway).sockets;
    await scene.isWell();
    return scene;
  }

  // {status, headers, text, broken}
  ask(model, { door = 'native', provider = 'openai', headers, ...more } = {}) {
    return this.poster.post(this.gateway.url + doors[door], question(door, provider, model, more), headers);
  }

  // The same over a socket of its own, see Caller.
  call(model, { door = 'native', provider = 'openai', headers, ...more } = {}) {
    return Caller.post(this.gateway, doors[door], question(door, provider, model, more), headers);
  }

  // What the log says about a request; the line follows the answer.
  accessLine(id) {
    return until(() => this.gateway.accessLines().find((line) => line.request_id === id), `an access line of ${id}`);
  }

  async isWell() {
    const { always } = this.provider;
    this.provider.always = 'answer';
    for (const more of [{}, { stream: true }]) {
      const { status, text } = await this.ask('well', more);
      assert.equal(status, 200, text);
      assert.match(text, more.stream ? /event: done/ : /"finish_reason":"stop"/);
    }
    this.provider.always = always;
  }

  // Behind the callers the gateway has no more sockets than at its start, but for idle connections to the provider.
  async nothingLeaked() {
    this.poster.end();
    this.poster = poster();
    let seen;
    await until(() => {
      seen = figuresOf(this.gateway).sockets - (this.proxy?.pairs.size ?? this.provider.open) - (this.second?.open ?? 0);
      return seen <= this.before;
    }, () => `${seen} sockets, at the start there were ${this.before}`);
  }

  // After the faults.
  async settled() {
    assert.equal(this.gateway.ended, undefined, `the gateway lives: ${this.gateway.errors.slice(-2000)}`);
    await this.isWell();
    await this.nothingLeaked();
  }

  async stop() {
    this.poster?.end();
    try { await this.gateway?.stop(); } finally {
      await this.proxy?.stop();
      await this.provider.stop();
      await this.second?.stop();
    }
    assert.deepEqual([...this.provider.server.faults, ...this.second?.server.faults ?? []], []);
  }
}

// Runs `body(scene)`; what must hold behind every fault is checked.
export async function withScene(options, body) {
  const scene = await Scene.start(options);
  try {
    await body(scene);
    await scene.settled();
  } finally { await scene.stop(); }
}

// The same beside another gateway that nobody troubles, asked in the same moments: what that one is late with too, the machine is.
export async function withScenes(options, body) {
  const calm = await Scene.start();
  try {
    await withScene(options, (scene) => body(scene, calm));
  } finally { await calm.stop(); }
}
