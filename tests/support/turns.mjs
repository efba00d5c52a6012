// One answer of a model, described once, in the wire format of each provider: as a whole and as a stream. Written after the
// recordings, apart from the gateway's own code.
//
// turn: {text: ['piece', …], thinking: [{text, signature} | {redacted}], calls: [{id, name, pieces: ['{"a"', …]}],
//        reason: 'stop' | 'length' | 'tool_calls' | 'content_filter', stopSequence, usage: {input, output, cached, written}}

export const sse = (value, event) => `${event ? `event: ${event}\n` : ''}data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
export const done = sse('[DONE]');

const usageOf = (turn) => ({ input: 11, output: 7, cached: 0, written: 0, ...turn.usage });

// --- OpenAI's chat ---------------------------------------------------------------------------------------------------

const openAiUsage = (turn) => {
  const { input, output, cached } = usageOf(turn);
  return { prompt_tokens: input + cached, completion_tokens: output, total_tokens: input + cached + output, prompt_tokens_details: { cached_tokens: cached }, completion_tokens_details: { reasoning_tokens: 0 } };
};

export function openAiChunk(choices, more = {}) {
  return sse({ id: 'chatcmpl-AbC123', object: 'chat.completion.chunk', created: 1_760_000_000, model: 'gpt-4o-2024-08-06', service_tier: 'default', system_fingerprint: 'fp_1', choices, ...more });
}
// The gateway always asks for usage, so every chunk but the last says null.
const delta = (value, reason = null) => openAiChunk([{ index: 0, delta: value, logprobs: null, finish_reason: reason }], { usage: null });

export const openai = {
  model: 'gpt-4o',
  delta,
  usageChunk: (turn = {}) => openAiChunk([], { usage: openAiUsage(turn) }),
  begin: (turn) => delta({ role: 'assistant', content: turn.text?.length ? '' : null, refusal: null }),
  texts: (turn) => (turn.text ?? []).map((piece) => delta({ content: piece })),
  calls: (turn) => (turn.calls ?? []).flatMap((call, index) => [
    delta({ tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }] }),
    ...call.pieces.map((piece) => delta({ tool_calls: [{ index, function: { arguments: piece } }] }))]),
  finish: (turn) => delta({}, turn.reason),
  stream(turn) {
    return [this.begin(turn), ...this.texts(turn), ...this.calls(turn), this.finish(turn), this.usageChunk(turn), done];
  },
  whole(turn) {
    const message = { role: 'assistant', content: turn.text?.length ? turn.text.join('') : null, refusal: null, annotations: [] };
    if (turn.calls?.length) message.tool_calls = turn.calls.map((call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.pieces.join('') } }));
    return { id: 'chatcmpl-AbC123', object: 'chat.completion', created: 1_760_000_000, model: 'gpt-4o-2024-08-06', choices: [{ index: 0, message, logprobs: null, finish_reason: turn.reason }], usage: openAiUsage(turn), service_tier: 'default' };
  },
  error: (type, message, code = null) => sse({ error: { message, type, param: null, code } }),
};

// --- Mistral's chat --------------------------------------------------------------------------------------------------

const mistralUsage = (turn) => {
  const { input, output, cached } = usageOf(turn);
  return { prompt_tokens: input + cached, completion_tokens: output, total_tokens: input + cached + output, prompt_tokens_details: { cached_tokens: cached } };
};
const mistralChunk = (value, reason = null, more = {}) => sse({ id: 'b0e1f2a3b4c5d6e7f8091a2b3c4d5e6f', object: 'chat.completion.chunk', created: 1_760_000_000, model: 'mistral-small-latest', choices: [{ index: 0, delta: value, finish_reason: reason }], ...more });
const thinkingPart = (thought, closed = true) => ({ type: 'thinking', thinking: [{ type: 'text', text: thought.text }], closed });

export const mistral = {
  model: 'mistral-small-latest',
  delta: mistralChunk,
  begin: () => mistralChunk({ role: 'assistant', content: '' }),
  texts: (turn) => [...(turn.thinking ?? []).map((thought) => mistralChunk({ content: [thinkingPart(thought)] })), ...(turn.text ?? []).map((piece) => mistralChunk({ content: piece }))],
  calls: (turn) => (turn.calls ?? []).map((call, index) => mistralChunk({ content: '', tool_calls: [{ id: call.id, function: { name: call.name, arguments: call.pieces.join('') }, index }] })),
  finish: (turn) => mistralChunk({ content: '' }, turn.reason, { usage: mistralUsage(turn) }),
  stream(turn) {
    return [this.begin(turn), ...this.texts(turn), ...this.calls(turn), this.finish(turn), done];
  },
  whole(turn) {
    const text = (turn.text ?? []).join('');
    const content = turn.thinking?.length ? [...turn.thinking.map((thought) => thinkingPart(thought)), { type: 'text', text }] : text;
    const calls = turn.calls?.length ? turn.calls.map((call, index) => ({ id: call.id, function: { name: call.name, arguments: call.pieces.join('') }, index })) : null;
    return { id: 'b0e1f2a3b4c5d6e7f8091a2b3c4d5e6f', object: 'chat.completion', created: 1_760_000_000, model: 'mistral-small-latest', choices: [{ index: 0, finish_reason: turn.reason, message: { role: 'assistant', content, tool_calls: calls } }], usage: mistralUsage(turn) };
  },
  error: (type, message, code = null) => sse({ object: 'error', message, type, param: null, code }),
};

// --- Anthropic's messages --------------------------------------------------------------------------------------------

const stopReason = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use', content_filter: 'refusal' };
const reasonOf = (turn) => (turn.stopSequence ? 'stop_sequence' : stopReason[turn.reason] ?? turn.reason);
const anthropicUsage = (turn) => {
  const { input, output, cached, written } = usageOf(turn);
  return { input_tokens: input, cache_creation_input_tokens: written, cache_read_input_tokens: cached, output_tokens: output };
};
const event = (value) => sse(value, value.type);

function anthropicBlocks(turn) {
  const blocks = [];
  for (const thought of turn.thinking ?? []) {
    blocks.push(thought.redacted ? { start: { type: 'redacted_thinking', data: thought.redacted }, deltas: [] }
      : { start: { type: 'thinking', thinking: '', signature: '' }, deltas: [...(thought.text ? [{ type: 'thinking_delta', thinking: thought.text }] : []), { type: 'signature_delta', signature: thought.signature }] });
  }
  if (turn.text?.length) blocks.push({ start: { type: 'text', text: '' }, deltas: turn.text.map((text) => ({ type: 'text_delta', text })) });
  for (const call of turn.calls ?? []) {
    const pieces = call.pieces.length ? call.pieces : [''];
    blocks.push({ start: { type: 'tool_use', id: call.id, name: call.name, input: {} }, deltas: pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece })) });
  }
  return blocks;
}

export const anthropic = {
  model: 'claude-sonnet-4-5',
  event,
  begin: (turn) => event({ type: 'message_start', message: { model: 'claude-sonnet-4-5-20250929', id: 'msg_01ABCDEFGHJKLMNPQRSTUVWX', type: 'message', role: 'assistant', content: [], stop_reason: null, stop_sequence: null, usage: { ...anthropicUsage(turn), output_tokens: 1, service_tier: 'standard' } } }) + event({ type: 'ping' }),
  blocks: (turn) => anthropicBlocks(turn).flatMap(({ start, deltas }, index) => [
    event({ type: 'content_block_start', index, content_block: start }),
    ...deltas.map((one) => event({ type: 'content_block_delta', index, delta: one })),
    event({ type: 'content_block_stop', index })]),
  finish: (turn) => event({ type: 'message_delta', delta: { stop_reason: reasonOf(turn), stop_sequence: turn.stopSequence ?? null }, usage: anthropicUsage(turn) }),
  stop: () => event({ type: 'message_stop' }),
  stream(turn) {
    return [this.begin(turn), ...this.blocks(turn), this.finish(turn), this.stop()];
  },
  whole(turn) {
    const content = anthropicBlocks(turn).map(({ start, deltas }) => {
      if (start.type === 'text') return { type: 'text', text: turn.text.join('') };
      if (start.type === 'tool_use') return { ...start, input: JSON.parse(deltas.map((one) => one.partial_json).join('') || '{}') };
      if (start.type === 'thinking') return { ...start, thinking: deltas.find((one) => one.thinking)?.thinking ?? '', signature: deltas.at(-1).signature };
      return start;
    });
    return { model: 'claude-sonnet-4-5-20250929', id: 'msg_01ABCDEFGHJKLMNPQRSTUVWX', type: 'message', role: 'assistant', content, stop_reason: reasonOf(turn), stop_sequence: turn.stopSequence ?? null, usage: { ...anthropicUsage(turn), service_tier: 'standard' } };
  },
  error: (type, message) => event({ type: 'error', error: { type, message } }),
};

export const wire = { openai, anthropic, mistral };
