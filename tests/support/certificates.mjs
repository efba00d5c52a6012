// An authority of the test's own, and certificates of it for any names and any time, made by openssl.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const settings = `
[req]
distinguished_name = name
[name]
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
email_in_dn = no
[any]
commonName = supplied
`;

function openssl(folder, args) {
  return execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
}

const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, '');

export class Authority {
  constructor(name = 'a test') {
    this.folder = mkdtempSync(path.join(tmpdir(), 'ai-proxy-ca-'));
    writeFileSync(path.join(this.folder, 'settings'), settings);
    writeFileSync(path.join(this.folder, 'index.txt'), '');
    writeFileSync(path.join(this.folder, 'serial'), '1000\n');
    this.#key('ca');
    openssl(this.folder, ['req', '-x509', '-config', 'settings', '-key', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', `/CN=${name}`,
      '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']);
    this.file = path.join(this.folder, 'ca.pem');
  }

  #key(name) {
    openssl(this.folder, ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`]);
  }

  // `names` as in subjectAltName: 'DNS:localhost,IP:127.0.0.1'. Valid between the two days, counted from today.
  #count = 0;
  issue(names, { from = -2, until = 1 } = {}) {
    const name = `leaf${++this.#count}`;
    this.#key(name);
    openssl(this.folder, ['req', '-new', '-config', 'settings', '-key', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`]);
    openssl(this.folder, ['ca', '-batch', '-notext', '-config', 'settings', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', `${name}.csr`, '-out', `${name}.pem`,
      '-startdate', inDays(from), '-enddate', inDays(until)]);
    return this.#pair(name);
  }

  // One that nobody vouches for.
  selfSigned(names) {
    const name = `self${++this.#count}`;
    this.#key(name);
    openssl(this.folder, ['req', '-x509', '-config', 'settings', '-key', `${name}.key`, '-out', `${name}.pem`, '-days', '1', '-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`]);
    return this.#pair(name);
  }

  #pair(name) {
    return { key: readFileSync(path.join(this.folder, `${name}.key`)), cert: readFileSync(path.join(this.folder, `${name}.pem`)) };
  }
}
