// Filters of the proxy that ask who a request comes from, and how many come. Readonly data, no behaviour.

import type { Cidr } from '../base/cidr.ts';

/**
 * As nginx's auth_request: 2xx lets the request pass, 401 and 403 are its answer, all else is 500. In `host`, `path`, `redirect` and `signIn` "$name" stands for
 * what the request says.
 */
export interface AuthRequest {
  readonly kind: 'auth-request';
  /** Undefined for what the proxy itself has at this path of the request's host. */
  readonly backend: string | undefined;
  readonly host: string;
  /** And query. */
  readonly path: string;
  readonly method: string;
  /** Told as X-Auth-Request-Redirect. */
  readonly redirect: string;
  /** Where 401 is redirected to. */
  readonly signIn: string | undefined;
  /** The backend sees these as they were answered, and never as the client says them. */
  readonly responseHeaders: readonly string[];
  /** Cookies of the answer go to the client, with bad answers of the backend too. */
  readonly alwaysSetsCookies: boolean;
}

/** 401 for who does not say the name and password of one of the users (RFC 7617). */
export interface BasicAuth {
  readonly kind: 'basic-auth';
  readonly realm: string;
  readonly users: readonly PasswordUser[];
}

export interface PasswordUser {
  readonly name: string;
  readonly hash: PasswordHash;
}

/** What a password is held against. */
export interface PasswordHash {
  /** SHA-1 of password and salt, or crypt(3) by its mark. */
  readonly scheme: 'sha1' | '$apr1$' | '$1$' | '$5$' | '$6$';
  /** Hexadecimal; of "sha1" that of its bytes, of the others its text. */
  readonly salt: string;
  readonly rounds: number;
  /** In hexadecimal, capital letters. */
  readonly digest: string;
}

/** As nginx's limit_req and limit_conn by the client's address: 503 for what is too much. Always the first filter of a rule. */
export interface ClientLimits {
  readonly kind: 'client-limits';
  /** All rules with the same text here count together. */
  readonly of: string;
  /** Addresses that are not counted. */
  readonly exempt: readonly Cidr[];
  readonly perSecond: number | undefined;
  readonly perMinute: number | undefined;
  /** So many times the number may come at once. */
  readonly burst: number;
  /** Requests at the same time. */
  readonly connections: number | undefined;
}

/**
 * What the client's certificate is held against, beside what the listener asks for: 403 without a good one where it is required, with a wrong one where it may be
 * none. The backend is told of a good one by the headers of ingress-nginx, and never hears what the client says under these names.
 */
export interface ClientCertificate {
  readonly kind: 'client-certificate';
  readonly verify: 'required' | 'optional' | 'anybody';
  /** A regular expression for a part of its subject as RFC 2253 has it, such as "CN=me". */
  readonly subject: string | undefined;
  readonly passesCertificate: boolean;
}
