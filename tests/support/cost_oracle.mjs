// A second opinion on cost: the same rules in BigInt, over the price catalogue of the shared data. It knows what the
// recordings need (no batch, no audio), and says null where it does not know.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { shared } from './recordings.mjs';

const file = path.join(shared, 'data/pricing/catalog.json');
const models = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).models : [];
const byName = new Map();
for (const model of models) for (const name of [model.model, ...model.aliases]) byName.set(`${model.provider}/${name}`, model);

export function findModel(provider, name) {
  const dated = provider === 'mistral' ? name : name.replace(/-(\d{4}-\d{2}-\d{2}|\d{8})$/, '');
  return byName.get(`${provider}/${name}`) ?? byName.get(`${provider}/${dated}`);
}

// "2.5" USD per million tokens -> 2500000n pico-dollars per token.
function pico(price) {
  const [whole, fraction = ''] = price.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
}

function format(amount) {
  const digits = amount.toString().padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '').padEnd(6, '0');
  return `${digits.slice(0, -12)}.${fraction}`;
}

// {input, output, total} as decimal strings, or null. `tier`: the service tier the answer names.
export function costOf(provider, modelName, usage, tier) {
  const model = findModel(provider, modelName);
  if (!model || !usage) return null;
  const details = usage.prompt_tokens_details ?? {};
  if (details.audio_tokens || usage.completion_tokens_details?.audio_tokens || usage.prompt_audio_seconds) return undefined;
  let read, write, write1h, plain, output;
  if (provider === 'anthropic') {
    if (usage.iterations?.length) return undefined;
    read = usage.cache_read_input_tokens ?? 0;
    const written = usage.cache_creation_input_tokens ?? 0;
    write1h = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
    write = written - write1h;
    plain = usage.input_tokens ?? 0;
    output = usage.output_tokens ?? 0;
    tier = usage.speed === 'fast' ? 'fast' : usage.service_tier === 'batch' ? 'batch' : 'standard';
  } else {
    read = details.cached_tokens ?? usage.num_cached_tokens ?? 0;
    write = details.cache_write_tokens ?? 0;
    write1h = 0;
    plain = (usage.prompt_tokens ?? 0) - read - write;
    output = usage.completion_tokens ?? 0;
    tier ??= usage.service_tier;
  }
  if (plain < 0) return null;
  const named = ['flex', 'priority', 'batch', 'fast', 'ultrafast'].includes(tier) ? model.tiers[tier] : model;
  if (!named) return null;
  const long = named.long_context ?? null;
  const total = plain + read + write + write1h;
  const above = long && (long.rule === 'gt' ? total > long.threshold : total >= long.threshold);
  const prices = above ? long.prices : named.prices;
  if (prices.input === undefined || (output > 0 && prices.output === undefined)) return null;
  const at = (name) => pico(prices[name] ?? prices.input);
  let input = BigInt(plain) * pico(prices.input) + BigInt(read) * at('cache_read') + BigInt(write) * at('cache_write') + BigInt(write1h) * at('cache_write_1h');
  let out = BigInt(output) * pico(prices.output ?? '0');
  if (provider === 'anthropic' && usage.inference_geo === 'us' && model.regional_multiplier) {
    input = input * 11n / 10n;
    out = out * 11n / 10n;
  }
  const searches = BigInt(usage.server_tool_use?.web_search_requests ?? 0) * pico(model.fees.web_search_per_1k ?? '0') * 1000n;
  return { input: format(input), output: format(out), total: format(input + out + searches) };
}
