// A name server over UDP whose every answer the test decides: names.set('x.test', answer), where the answer is a list of
// addresses (maybe empty), 'NXDOMAIN', or 'silence'. Names it does not know do not exist.
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

const A = 1;
const AAAA = 28;

// What stands in the question: its name, its type, and where it ends.
function parseQuestion(message) {
  const labels = [];
  let at = 12;
  for (let length = message[at]; length > 0; length = message[at]) {
    labels.push(message.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function addressBytes(address) {
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head, tail] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = tail === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, index) => bytes.writeUInt16BE(parseInt(group, 16), 2 * index));
  return bytes;
}

function render(message, question, answer) {
  const matching = Array.isArray(answer) ? answer.filter((address) => (net.isIPv6(address) ? AAAA : A) === question.type) : [];
  const records = matching.map((address) => {
    const bytes = addressBytes(address);
    const head = Buffer.from([0xc0, 0x0c, 0, question.type, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
    return Buffer.concat([head, bytes]);
  });
  const head = Buffer.from(message.subarray(0, 12));
  head.writeUInt16BE(answer === 'NXDOMAIN' ? 0x8183 : 0x8180, 2);
  [1, records.length, 0, 0].forEach((count, index) => head.writeUInt16BE(count, 4 + 2 * index));
  return Buffer.concat([head, message.subarray(12, question.end), ...records]);
}

export class NameServer {
  static async start(address = '127.0.0.1', port = 53) {
    const server = new NameServer();
    server.socket = dgram.createSocket('udp4');
    server.socket.on('message', (message, from) => {
      const question = parseQuestion(message);
      const answer = server.names.get(question.name) ?? 'NXDOMAIN';
      server.asked.push(question.name);
      if (answer !== 'silence') server.socket.send(render(message, question, answer), from.port, from.address);
    });
    server.socket.bind(port, address);
    await once(server.socket, 'listening');
    return server;
  }

  names = new Map();
  asked = [];

  stop() {
    return new Promise((resolve) => this.socket.close(resolve));
  }
}
