// Certificates for tests, made by openssl: an authority, and what it signs.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { ownName } from './own-name.ts';

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
  /** Chain and key. */
  readonly pem: string;
}

export interface TestAuthority {
  readonly certificate: string;
  /** For servers and clients alike. "URI:..." for names that are none of DNS. */
  sign(...names: readonly string[]): TestCertificate;
}

export function makeAuthority(name: string): TestAuthority {
  const own = inFolder((run) => run('ca', ['-x509', '-subj', `/CN=${name}`]));
  return {
    certificate: own.certificate,
    sign: (...names) =>
      inFolder((run, folder) => {
        writeFileSync(`${folder}/signer.crt`, own.certificate);
        writeFileSync(`${folder}/signer.key`, own.key);
        const alternatives = names.map((it) => (it.includes(':') ? it : `DNS:${it}`)).join(',');
        const extension = [
          '-addext',
          `subjectAltName=${alternatives}`,
          '-addext',
          'basicConstraints=critical,CA:FALSE',
        ];
        const signer = ['-x509', '-CA', `${folder}/signer.crt`, '-CAkey', `${folder}/signer.key`];
        return run('leaf', [...signer, '-subj', `/CN=${names[0]?.slice(0, 60) ?? ''}`, ...extension]);
      }),
  };
}

type Run = (name: string, args: readonly string[]) => TestCertificate;

function inFolder(work: (run: Run, folder: string) => TestCertificate): TestCertificate {
  const folder = mkdtempSync(`${tmpdir()}/${ownName('certs')}-`);
  try {
    return work((name, args) => {
      const [certificate, key] = [`${folder}/${name}.crt`, `${folder}/${name}.key`];
      const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
      execFileSync('openssl', ['req', ...keys, '-keyout', key, '-out', certificate, ...args], {
        stdio: 'pipe',
      });
      const read = { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
      return { ...read, pem: `${read.certificate}${read.key}` };
    }, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
