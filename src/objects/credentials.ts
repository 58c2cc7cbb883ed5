// The slim Secret of who may come in: core/v1 of type Opaque, names and passwords, or authorities of clients. What it says is judged where it is used.

import { Field } from './slim-field.ts';
import { readMeta, type SlimMeta } from './slim-meta.ts';

export interface CredentialSecret extends SlimMeta {
  /** The key `auth`: lines of name and hash, as htpasswd writes them. */
  readonly file: string | undefined;
  /** Keys whose values look like hashes, by name. */
  readonly hashes: ReadonlyMap<string, string>;
  /** `ca.crt` as PEM. */
  readonly authorities: string | undefined;
  /** It has `ca.crl`. */
  readonly hasRevocations: boolean;
}

const MAX_FILE_CHARACTERS = 1 << 18;
const HASH = /^(?:\$[a-z0-9]+\$|\{[A-Z0-9]+\})[!-~]{1,300}$/;

/** Reads a v1 Secret; throws `invalid` naming the field. Undefined where it holds nothing of the kind: other secrets are not kept. */
export function parseCredentialSecret(raw: unknown): CredentialSecret | undefined {
  const root = Field.root('Secret', raw);
  const data = root.at('data').textMap();
  const encoded = data.get('auth');
  const file = encoded === undefined ? undefined : decoded(encoded);
  const hashes = new Map<string, string>();
  for (const [name, value] of data) {
    const text = value.length > 500 ? '' : decoded(value).trim();
    if (HASH.test(text)) hashes.set(name, text);
  }
  const authority = data.get('ca.crt');
  const authorities = authority === undefined ? undefined : decoded(authority);
  if (file === undefined && authorities === undefined && hashes.size === 0) return undefined;
  const hasRevocations = data.has('ca.crl');
  const meta = readMeta(root);
  return { ...meta, file: file?.slice(0, MAX_FILE_CHARACTERS), hashes, authorities, hasRevocations };
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
