// What a recorded exchange implies for our answer, worked out apart from the gateway's own code: text, tool calls,
// finish reason, usage, and the class of an error.
import { parseEvents } from './sse.mjs';

const finishWords = {
  stop: 'stop', end_turn: 'stop', stop_sequence: 'stop', length: 'length', max_tokens: 'length', model_length: 'length',
  model_context_window_exceeded: 'length', tool_calls: 'tool_calls', function_call: 'tool_calls', tool_use: 'tool_calls',
  content_filter: 'content_filter', refusal: 'content_filter', pause_turn: 'paused',
};

function finish(reported, toolCalls) {
  const word = finishWords[reported] ?? 'other';
  return toolCalls.length > 0 && word !== 'length' ? 'tool_calls' : word;
}

const textOf = (content) => typeof content === 'string' ? content
  : Array.isArray(content) ? content.filter((part) => part.type === 'text').map((part) => part.text).join('') : '';

function openAiMessage(message) {
  const calls = (message.tool_calls ?? []).filter((call) => call.function).map((call) => ({ name: call.function.name, arguments: argumentText(call.function.arguments) }));
  if (message.function_call) calls.push({ name: message.function_call.name, arguments: argumentText(message.function_call.arguments) });
  return { content: textOf(message.content) || (message.refusal ?? ''), calls };
}

const argumentText = (value) => typeof value === 'string' ? (value === '' ? '{}' : value) : JSON.stringify(value);

// A whole answer of any of the three.
export function expectWhole(provider, body) {
  if (provider === 'anthropic') {
    const calls = body.content.filter((block) => block.type === 'tool_use').map((block) => ({ name: block.name, arguments: JSON.stringify(block.input) }));
    return {
      content: textOf(body.content), calls, finish: finish(body.stop_reason, calls), model: body.model, usage: body.usage, tier: undefined,
    };
  }
  const choice = body.choices[0];
  const { content, calls } = openAiMessage(choice.message);
  const reported = choice.finish_reason ?? choice.finish_details?.type;
  return { content, calls, finish: finish(reported, calls), model: body.model, usage: body.usage ?? null, tier: body.service_tier };
}

function foldAnthropic(events) {
  const state = { content: '', calls: [], usage: {}, model: '', reported: null, complete: false, error: null };
  const blocks = new Map();
  for (const { data } of events) {
    const event = JSON.parse(data);
    if (event.type === 'message_start') {
      state.model = event.message.model;
      state.usage = { ...event.message.usage };
    } else if (event.type === 'content_block_start' && event.content_block.type === 'tool_use') {
      const call = { name: event.content_block.name, arguments: '', input: event.content_block.input };
      blocks.set(event.index, call);
      state.calls.push(call);
    } else if (event.type === 'content_block_start' && event.content_block.type === 'text') {
      state.content += event.content_block.text ?? '';
    } else if (event.type === 'content_block_delta') {
      if (event.delta.type === 'text_delta') state.content += event.delta.text;
      if (event.delta.type === 'input_json_delta' && blocks.has(event.index)) blocks.get(event.index).arguments += event.delta.partial_json;
    } else if (event.type === 'message_delta') {
      state.reported = event.delta.stop_reason ?? state.reported;
      for (const [name, value] of Object.entries(event.usage ?? {})) if (value !== null && value !== undefined) state.usage[name] = value;
    } else if (event.type === 'message_stop') {
      state.complete = true;
    } else if (event.type === 'error') {
      state.error = event.error;
    }
  }
  for (const call of state.calls) if (call.arguments === '') call.arguments = JSON.stringify(call.input ?? {});
  return state;
}

function foldOpenAi(events) {
  const state = { content: '', calls: [], usage: null, model: '', reported: null, complete: false, error: null, tier: undefined };
  const byIndex = new Map();
  for (const { data } of events) {
    if (data.trim() === '[DONE]') break;
    const chunk = JSON.parse(data);
    if (chunk.error) { state.error = chunk.error; break; }
    if (chunk.model) state.model = chunk.model;
    if (chunk.usage) state.usage = chunk.usage;
    if (chunk.service_tier) state.tier = chunk.service_tier;
    const choice = (chunk.choices ?? []).find((candidate) => (candidate.index ?? 0) === 0);
    if (!choice) continue;
    const delta = choice.delta ?? {};
    state.content += textOf(delta.content) || (delta.refusal ?? '');
    for (const piece of delta.tool_calls ?? []) {
      const index = piece.index ?? 0;
      if (!byIndex.has(index)) { byIndex.set(index, { name: '', arguments: '' }); state.calls.push(byIndex.get(index)); }
      const call = byIndex.get(index);
      call.name ||= piece.function?.name ?? '';
      call.arguments += typeof piece.function?.arguments === 'object' && piece.function.arguments ? JSON.stringify(piece.function.arguments) : piece.function?.arguments ?? '';
    }
    if (delta.function_call) {
      if (!byIndex.has('legacy')) { byIndex.set('legacy', { name: '', arguments: '' }); state.calls.push(byIndex.get('legacy')); }
      const call = byIndex.get('legacy');
      call.name ||= delta.function_call.name ?? '';
      call.arguments += delta.function_call.arguments ?? '';
    }
    const reported = choice.finish_reason ?? choice.finish_details?.type;
    if (reported) { state.reported = reported; state.complete = true; }
  }
  return state;
}

export function expectStream(provider, sse) {
  const events = parseEvents(sse);
  const state = provider === 'anthropic' ? foldAnthropic(events) : foldOpenAi(events);
  const reason = finish(state.reported, state.calls);
  // No arguments means {}; arguments that were cut before they began stay nothing.
  if (reason !== 'length') for (const call of state.calls) call.arguments ||= '{}';
  return { ...state, finish: reason };
}

// The numbers of `usage` in our answer; null when the provider sent none.
export function expectUsage(provider, usage) {
  if (!usage) return null;
  const number = (value) => value ?? 0;
  if (provider === 'anthropic') {
    const compaction = (usage.iterations ?? []).filter((entry) => entry.type === 'compaction');
    const sum = (name) => number(usage[name]) + compaction.reduce((total, entry) => total + number(entry[name]), 0);
    const prompt = sum('input_tokens') + sum('cache_read_input_tokens') + sum('cache_creation_input_tokens');
    const completion = sum('output_tokens');
    return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  }
  const details = usage.prompt_tokens_details ?? {};
  // Mistral counts audio beside the prompt, OpenAI inside it: the total tells.
  const beside = provider === 'mistral' ? number(usage.total_tokens) - number(usage.prompt_tokens) - number(usage.completion_tokens) : 0;
  const prompt = number(usage.prompt_tokens) + (details.audio_tokens && beside > 0 ? beside : 0);
  return { prompt_tokens: prompt, completion_tokens: number(usage.completion_tokens), total_tokens: prompt + number(usage.completion_tokens) };
}

// Status and code of our error for a recorded refusal.
export function expectError(provider, status, body) {
  const error = body?.error ?? body ?? {};
  const text = JSON.stringify(body ?? '');
  const code = String(error.code ?? '');
  if (status === 401 || status === 403) return { status: 502, code: 'provider_auth_failed' };
  if (status === 404 || code === 'model_not_found' || (provider === 'mistral' && code === '1500')) return { status: 404, code: 'model_not_found' };
  if (code === 'context_length_exceeded' || /prompt is too long|maximum context length/i.test(text)) return { status: 400, code: 'context_length_exceeded' };
  if (/insufficient_quota|credit balance/i.test(text)) return { status: 429, code: 'quota_exhausted' };
  if (status === 429) return { status: 429, code: 'rate_limited' };
  if (status === 529 || status === 503) return { status: 503, code: 'overloaded' };
  if (status >= 500) return { status: 502, code: 'provider_error' };
  return { status: 400, code: 'invalid_request' };
}
