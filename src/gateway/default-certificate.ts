// What is shown to clients that ask for a name which nobody has a certificate for: a certificate that no authority stands behind, so that TLS ends in a warning
// and not in a broken connection. One for the life of a proxy's folder.

import { webcrypto } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import 'reflect-metadata';
import type { ProxyCertificate } from '../model/gateway.ts';

const FILE = 'default.pem';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const VALID_MS = 3650 * 24 * 3600 * 1000;

export async function defaultCertificate(folder: string, nowMs: number): Promise<ProxyCertificate> {
  const file = path.join(folder, FILE);
  const known = await readFile(file, 'utf8').catch(() => undefined);
  const pem = known ?? (await makeCertificate(nowMs));
  if (known === undefined) {
    await writeFile(`${file}.new`, pem, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
  return { id: 'default', pem, names: [] };
}

/** The library is large, and is asked for once. */
async function makeCertificate(nowMs: number): Promise<string> {
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Fairlead Ingress, OU=no certificate for this name',
    notBefore: new Date(nowMs - 3_600_000),
    notAfter: new Date(nowMs + VALID_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new x509.BasicConstraintsExtension(false, undefined, true)],
  });
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  return `${certificate.toString('pem')}\n${key}\n`;
}
