// Event streams as the tests read them: the native API's, and a provider's recorded text.

// [{event, data}] of a text/event-stream body; data joined as the standard says.
export function parseEvents(text) {
  const events = [];
  for (const block of text.replace(/\r\n?/g, '\n').split(/\n\n+/)) {
    let event = '';
    const data = [];
    for (const line of block.split('\n')) {
      if (line.startsWith('event:')) event = line.slice(6).trimStart();
      else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
    if (data.length > 0) events.push({ event, data: data.join('\n') });
  }
  return events;
}

// Folds our own stream: text, tool calls, and the one last event.
export function foldNative(text) {
  const folded = { content: '', tool_calls: [], last: null, endings: 0, chunks: 0 };
  for (const { event, data } of parseEvents(text)) {
    const value = JSON.parse(data);
    if (folded.endings > 0) throw new Error(`event ${event} after the end`);
    if (event === 'chunk') {
      folded.chunks += 1;
      folded.content += value.content ?? '';
      for (const call of value.tool_calls ?? []) {
        const known = (folded.tool_calls[call.index] ??= { id: '', name: '', arguments: '' });
        known.id ||= call.id ?? '';
        known.name ||= call.function?.name ?? '';
        known.arguments += call.function?.arguments ?? '';
      }
    } else if (event === 'done' || event === 'error') {
      folded.endings += 1;
      folded.last = { event, value };
    } else {
      throw new Error(`unknown event ${event}`);
    }
  }
  return folded;
}
