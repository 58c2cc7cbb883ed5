// Tokens of service accounts: JSON Web Tokens signed by the cluster's key (RS256 or ES256). It knows no objects: whether those that a
// token names are still there is another question (service-account-users.ts).

import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';
import { SERVICE_ACCOUNT_PREFIX } from '../../objects/access/binding.ts';
import { isObject, listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';

/** Who issues, and the audience of this server. */
export const ISSUER = 'https://kubernetes.default.svc';

export interface NamedUid {
  readonly name: string;
  readonly uid: string;
}

/** What a token ends with; a node is named beside its pod, or alone. */
export interface BoundObjects {
  readonly pod?: NamedUid | undefined;
  readonly secret?: NamedUid | undefined;
  readonly node?: NamedUid | undefined;
}

export interface TokenSubject {
  readonly namespace: string;
  readonly account: NamedUid;
  readonly bound: BoundObjects;
}

export interface TokenOptions {
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
  readonly audiences: readonly string[];
  /** The token's own name, by which logs tell it from others. */
  readonly id: string;
}

/** What a token that is ours and of this time says. */
export interface TokenClaims extends TokenSubject {
  readonly audiences: readonly string[];
  readonly id: string | undefined;
}

/** As many tokens are known again without a look at their signature. */
const MAX_KNOWN = 1_000;

/** Signs and reads tokens with one key pair. */
export class ServiceAccountTokens {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  /** What tokens say whose signature was right, by their hash: looking at it takes longer than most requests. The oldest goes first. */
  readonly #known = new Map<string, Draft>();

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
  }

  sign(subject: TokenSubject, { nowMs, lifetimeSeconds, audiences, id }: TokenOptions): string {
    const now = Math.floor(nowMs / 1000);
    const header = { alg: this.#algorithm, typ: 'JWT' };
    const claims = {
      iss: ISSUER,
      sub: `${SERVICE_ACCOUNT_PREFIX}${subject.namespace}:${subject.account.name}`,
      aud: audiences,
      iat: now,
      nbf: now,
      exp: now + lifetimeSeconds,
      jti: id,
      'kubernetes.io': {
        namespace: subject.namespace,
        serviceaccount: subject.account,
        ...subject.bound,
      },
    };
    const text = `${encode(header)}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(text), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }

  /** Undefined where a token is not ours, altered, or past its time. */
  verify(token: string, nowMs: number): TokenClaims | undefined {
    const key = hash('sha256', token, 'hex');
    const said = this.#known.get(key) ?? this.#read(token);
    if (said === undefined) return undefined;
    this.#known.set(key, said);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return claimsOf(said, nowMs);
  }

  /** What a token says that is signed by our key; its time may be over. */
  #read(token: string): Draft | undefined {
    const [header = '', claims = '', signature = '', ...more] = token.split('.');
    if (more.length > 0 || signature === '') return undefined;
    if (decode(header)?.['alg'] !== this.#algorithm) return undefined;
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' } as const;
    if (!verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')))
      return undefined;
    return decode(claims) ?? {};
  }

  get #algorithm(): string {
    return this.#privateKey.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256';
  }
}

function claimsOf({ exp, iss, aud, jti, ...more }: Readonly<Draft>, nowMs: number): TokenClaims | undefined {
  if (iss !== ISSUER || typeof exp !== 'number' || exp * 1000 <= nowMs) return undefined;
  const own = objectOf(more['kubernetes.io']);
  const namespace = textOf(own['namespace']);
  const account = namedUidOf(own['serviceaccount']);
  if (namespace === undefined || account === undefined) return undefined;
  return {
    namespace,
    account,
    bound: { pod: namedUidOf(own['pod']), secret: namedUidOf(own['secret']), node: namedUidOf(own['node']) },
    audiences: listOf(aud).map(String),
    id: textOf(jti),
  };
}

function namedUidOf(value: unknown): NamedUid | undefined {
  const { name, uid } = objectOf(value);
  return typeof name === 'string' && typeof uid === 'string' ? { name, uid } : undefined;
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
