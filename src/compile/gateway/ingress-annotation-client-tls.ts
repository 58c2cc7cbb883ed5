// The annotations auth-tls-*: certificates that clients have to show.

import {
  changed,
  closed,
  notHad,
  parsed,
  partOf,
  quoted,
  whole,
  type Annotations,
  type ReaderRow,
  type Reading,
} from './ingress-annotation-reading.ts';
import { booleanOf } from './ingress-annotation-values.ts';
import type { ClientTlsOptions } from './ingress-options.ts';

const VERIFY: ReadonlyMap<string, ClientTlsOptions['verify']> = new Map([
  ['on', 'required'],
  ['optional', 'optional'],
  ['optional_no_ca', 'anybody'],
]);
const MAX_SUBJECT = 512;

export const CLIENT_TLS_READERS: readonly ReaderRow[] = [
  ['auth-tls-secret', readSecret],
  ['auth-tls-verify-client', partOf('auth-tls-secret')],
  ['auth-tls-match-cn', partOf('auth-tls-secret')],
  [
    'auth-tls-pass-certificate-to-upstream',
    parsed(booleanOf, 'true or false', (_, all) => partOf('auth-tls-secret')('', all)),
  ],
  ['auth-tls-verify-depth', notHad('chains of any length to the authority are good')],
  ['auth-tls-error-page', notHad('who shows no good certificate is answered 403')],
];

function readSecret(secret: string, all: Annotations): Reading {
  const how = all.get('auth-tls-verify-client') ?? 'on';
  if (how === 'off') return whole('nobody is asked');
  const verify = VERIFY.get(how);
  if (verify === undefined) return closed(`auth-tls-verify-client is none: ${quoted(how)}`);
  if (!/^(?:[a-z0-9.-]{1,253}\/)?[a-z0-9.-]{1,253}$/.test(secret))
    return closed(`it names no Secret: ${quoted(secret)}`);
  const subject = all.get('auth-tls-match-cn');
  if (subject !== undefined && !/^CN=.+/.test(subject.slice(0, MAX_SUBJECT)))
    return closed(`auth-tls-match-cn does not begin with CN=: ${quoted(subject)}`);
  if (subject !== undefined && subject.length > MAX_SUBJECT) return closed('auth-tls-match-cn is too long');
  const passesCertificate = booleanOf(all.get('auth-tls-pass-certificate-to-upstream') ?? '') ?? false;
  return changed('403 for who shows no good certificate; HTTP is redirected', {
    clientTls: { secret, verify, subject, passesCertificate },
  });
}
