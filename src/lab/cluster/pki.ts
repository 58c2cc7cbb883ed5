// The cluster's own certificate authority and the certificates of its processes, made once by `up`.

import { webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const VALID_DAYS = 3650;

/** A certificate and its private key as PEM text. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** Who a client certificate speaks for: CN is the user, O the groups (Kubernetes X.509 client authentication). */
export interface ClientIdentity {
  readonly user: string;
  readonly groups: readonly string[];
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Issues certificates of one authority, which lives in `folder` (`ca.crt`, `ca.key`) and is made there on first use. */
export class CertificateAuthority {
  readonly #authority: Authority;

  private constructor(authority: Authority) {
    this.#authority = authority;
  }

  static async open(folder: string): Promise<CertificateAuthority> {
    x509.cryptoProvider.set(webcrypto);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = { certificate: `${folder}/ca.crt`, key: `${folder}/ca.key` };
    if (existsSync(files.certificate)) {
      return new CertificateAuthority(await readAuthority(files.certificate, files.key));
    }
    const authority = await makeAuthority();
    writeFileSync(files.key, await privateKeyPem(authority.keys.privateKey), { mode: 0o600 });
    // Last and whole: its presence says that the authority is complete.
    writeFileSync(`${files.certificate}.new`, authority.certificate.toString('pem'));
    renameSync(`${files.certificate}.new`, files.certificate);
    return new CertificateAuthority(authority);
  }

  get certificatePem(): string {
    return this.#authority.certificate.toString('pem');
  }

  /** A server certificate for names and addresses. */
  server(
    commonName: string,
    names: { readonly dns: readonly string[]; readonly ips: readonly string[] },
    validDays = VALID_DAYS,
  ): Promise<KeyPair> {
    return this.#issue(`CN=${commonName}`, { usage: '1.3.6.1.5.5.7.3.1', validDays }, [
      new x509.SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns' as const, value })),
        ...names.ips.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ]);
  }

  client(identity: ClientIdentity): Promise<KeyPair> {
    const name: x509.JsonName = [
      { CN: [identity.user] },
      ...identity.groups.map((group) => ({ O: [group] })),
    ];
    return this.#issue(name, { usage: '1.3.6.1.5.5.7.3.2', validDays: VALID_DAYS }, []);
  }

  async #issue(
    subject: string | x509.JsonName,
    { usage, validDays }: { readonly usage: string; readonly validDays: number },
    extensions: x509.Extension[],
  ): Promise<KeyPair> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject,
      issuer: this.#authority.certificate.subject,
      ...validity(validDays),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#authority.keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...extensions,
      ],
    });
    return { certificate: certificate.toString('pem'), key: await privateKeyPem(keys.privateKey) };
  }
}

async function makeAuthority(): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=fairlead',
    ...validity(VALID_DAYS),
    signingAlgorithm: ALGORITHM,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  return { certificate, keys };
}

async function readAuthority(certificateFile: string, keyFile: string): Promise<Authority> {
  const certificate = new x509.X509Certificate(readFileSync(certificateFile, 'utf8'));
  const der = x509.PemConverter.decodeFirst(readFileSync(keyFile, 'utf8'));
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const publicKey = await certificate.publicKey.export(ALGORITHM, ['verify']);
  return { certificate, keys: { privateKey, publicKey } };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function validity(validDays: number): { notBefore: Date; notAfter: Date } {
  // An hour back: clocks of machines that share the cluster may differ a little.
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - 3_600_000), notAfter: new Date(nowMs + validDays * 86_400_000) };
}

function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString('hex');
}
