// Names and passwords for the requests of an Ingress, of the Secret that it names.

import type { BasicAuth, PasswordUser } from '../../model/request-guards.ts';
import type { CredentialSecret } from '../../objects/credentials.ts';
import type { Ingress } from '../../objects/ingress.ts';
import { readAnnotations } from './ingress-annotations.ts';
import type { BasicAuthOptions } from './ingress-options.ts';
import { parsePasswordHash } from './password-hash.ts';

export interface ResolvedCredentials {
  readonly filter: BasicAuth;
  /** Names of those whose password cannot be checked. */
  readonly refused: readonly string[];
}

const MAX_USERS = 2000;
const HASHES = 'make them with htpasswd without -B, or openssl passwd -apr1, -5 or -6';

/** Key of the Secret that it names; undefined for none. */
export function credentialsOfIngress(ingress: Ingress): string | undefined {
  const { basicAuth } = readAnnotations(ingress).options;
  if (basicAuth === undefined) return undefined;
  return basicAuth.secret.includes('/') ? basicAuth.secret : `${ingress.namespace}/${basicAuth.secret}`;
}

/** Why nobody can be let in, as text. */
export function resolveCredentials(
  { realm, isMap }: BasicAuthOptions,
  key: string,
  secret: CredentialSecret | undefined,
): ResolvedCredentials | string {
  if (secret === undefined)
    return `Secret ${key} does not exist, or has ${isMap ? 'no names with hashes of passwords' : 'no key "auth"'}`;
  const said = isMap ? [...secret.hashes] : linesOf(secret.file ?? '');
  if (said.length > MAX_USERS) return `Secret ${key} has more than ${MAX_USERS} names`;
  const users: PasswordUser[] = [];
  const refused: string[] = [];
  for (const [name, text] of said) {
    const hash = parsePasswordHash(text);
    if (hash === undefined) refused.push(name);
    else users.push({ name, hash });
  }
  if (users.length === 0) return `Secret ${key} has no password that can be checked: ${HASHES}`;
  return { filter: { kind: 'basic-auth', realm, users }, refused };
}

export function refusedText(key: string, names: readonly string[]): string {
  const [first = '', ...others] = names;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `the password of ${first.slice(0, 64)}${more} in Secret ${key} cannot be checked: ${HASHES}`;
}

/** Of a name that comes twice the first one counts, as with nginx. */
function linesOf(text: string): readonly (readonly [string, string])[] {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [name = '', hash = ''] = line.trim().split(':');
    if (name !== '' && !name.startsWith('#') && !found.has(name)) found.set(name, hash);
  }
  return [...found];
}
