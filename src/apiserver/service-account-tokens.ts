// Tokens of service accounts: JSON Web Tokens signed by the cluster's key (RS256 or ES256), accepted by bearer authentication.

import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { isObject, objectOf, type Draft } from '../objects/json.ts';
import type { User } from './request.ts';

const ISSUER = 'https://kubernetes.default.svc';
const PREFIX = 'system:serviceaccount:';

export interface TokenSubject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface TokenOptions {
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
  readonly audiences: readonly string[];
}

/** Signs and reads tokens with one key pair. */
export class ServiceAccountTokens {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
  }

  sign(subject: TokenSubject, { nowMs, lifetimeSeconds, audiences }: TokenOptions): string {
    const now = Math.floor(nowMs / 1000);
    const header = { alg: this.#algorithm, typ: 'JWT' };
    const claims = {
      iss: ISSUER,
      sub: `${PREFIX}${subject.namespace}:${subject.name}`,
      aud: audiences.length > 0 ? audiences : [ISSUER],
      iat: now,
      nbf: now,
      exp: now + lifetimeSeconds,
      'kubernetes.io': {
        namespace: subject.namespace,
        serviceaccount: { name: subject.name, uid: subject.uid },
      },
    };
    const text = `${encode(header)}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  /** The user of a token; undefined where it is not ours, altered, for others, or past its time. */
  verify(token: string, nowMs: number): User | undefined {
    const [header = '', claims = '', signature = '', ...more] = token.split('.');
    if (more.length > 0 || signature === '') return undefined;
    if (decode(header)?.['alg'] !== this.#algorithm) return undefined;
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' } as const;
    if (!verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')))
      return undefined;
    return userOf(decode(claims) ?? {}, nowMs);
  }

  get #algorithm(): string {
    return this.#privateKey.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
  }
}

function userOf(claims: Readonly<Draft>, nowMs: number): User | undefined {
  const { sub, exp, iss, aud } = claims;
  if (iss !== ISSUER || typeof sub !== 'string' || !sub.startsWith(PREFIX)) return undefined;
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) return undefined;
  if (!Array.isArray(aud) || !aud.includes(ISSUER)) return undefined;
  const [namespace = ''] = sub.slice(PREFIX.length).split(':');
  const account = objectOf(objectOf(claims['kubernetes.io'])['serviceaccount']);
  return {
    name: sub,
    uid: typeof account['uid'] === 'string' ? account['uid'] : undefined,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Draft | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
