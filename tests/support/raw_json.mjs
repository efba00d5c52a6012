// Where a value stands in a JSON text, so that its exact bytes (key order, 1.0, 2^53+1, white space) can be cut out or
// replaced. The text must be valid JSON.

const space = /[ \t\r\n]*/y;

function skipSpace(text, at) {
  space.lastIndex = at;
  space.exec(text);
  return space.lastIndex;
}

function skipString(text, at) {
  for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
  return at + 1;
}

// Behind the value that begins at `at`.
function skipValue(text, at) {
  if (text[at] === '"') return skipString(text, at);
  if (text[at] !== '{' && text[at] !== '[') {
    const scalar = /[^,\]}\s]*/y;
    scalar.lastIndex = at;
    scalar.exec(text);
    return scalar.lastIndex;
  }
  let depth = 0;
  for (;;) {
    const letter = text[at];
    if (letter === '"') { at = skipString(text, at); continue; }
    if (letter === '{' || letter === '[') depth += 1;
    if (letter === '}' || letter === ']') depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
}

// {begin, end} of the value at this path of member names; undefined: there is none. Of members that stand twice the last.
export function spanOf(text, ...path) {
  let begin = skipSpace(text, 0);
  for (const name of path) {
    let found;
    if (text[begin] !== '{') return undefined;
    for (let at = skipSpace(text, begin + 1); text[at] === '"';) {
      const keyEnd = skipString(text, at);
      const key = JSON.parse(text.slice(at, keyEnd));
      const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
      const end = skipValue(text, value);
      if (key === name) found = value;
      at = skipSpace(text, end);
      if (text[at] === ',') at = skipSpace(text, at + 1);
    }
    if (found === undefined) return undefined;
    begin = found;
  }
  return { begin, end: skipValue(text, begin) };
}

export function rawMember(text, ...path) {
  const span = spanOf(text, ...path);
  return span && text.slice(span.begin, span.end);
}

export function withMember(text, name, raw) {
  const span = spanOf(text, name);
  return text.slice(0, span.begin) + raw + text.slice(span.end);
}
