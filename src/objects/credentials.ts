// The slim Secret of names and passwords: core/v1 of type Opaque, what basic authentication needs of it. Hashes are judged where they are used.

import { Field } from './slim-field.ts';
import { readMeta, type SlimMeta } from './slim-meta.ts';

export interface CredentialSecret extends SlimMeta {
  /** The key `auth`: lines of name and hash, as htpasswd writes them. */
  readonly file: string | undefined;
  /** Keys whose values look like hashes, by name. */
  readonly hashes: ReadonlyMap<string, string>;
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
  if (file === undefined && hashes.size === 0) return undefined;
  return { ...readMeta(root), file: file?.slice(0, MAX_FILE_CHARACTERS), hashes };
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
