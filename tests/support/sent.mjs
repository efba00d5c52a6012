// Requests to the gateway as the tests send and see them: bytes out, bytes and header fields back.
import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

// {status, headers, raw: Buffer, text, broken}: `broken` tells that the answer's connection ended before the answer did.
export function post(url, body, headers = {}, { onData, agent: chosen = agent } = {}) {
  const bytes = Buffer.from(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent: chosen, headers: { 'content-type': 'application/json', 'content-length': bytes.length, ...headers } }, (response) => {
      const pieces = [];
      const done = (broken) => {
        const raw = Buffer.concat(pieces);
        resolve({ status: response.statusCode, headers: response.headers, raw, text: raw.toString('utf8'), broken });
      };
      response.on('data', (piece) => { pieces.push(piece); onData?.(piece); });
      response.on('end', () => done(false));
      response.on('error', () => done(true));
    });
    request.on('error', reject);
    request.end(bytes);
  });
}

// Runs the check on every entry, `lanes` at a time, and says which ones failed, and how.
export async function findFaults(entries, lanes, check) {
  const faults = [];
  const queue = [...entries];
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      try { await check(entry); } catch (fault) { faults.push(`${entry.name ?? entry.file}: ${fault.message.slice(0, 700)}`); }
    }
  }));
  return faults;
}
