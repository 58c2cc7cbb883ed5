// The annotations affinity and session-cookie-*: which pod a client comes back to.

import type { BackendPersistence } from '../../model/gateway.ts';
import {
  changed,
  misread,
  not,
  parsed,
  partOf,
  whole,
  type Annotations,
  type Reader,
  type ReaderRow,
} from './ingress-annotation-reading.ts';
import { booleanOf, secondsOf, wordOf } from './ingress-annotation-values.ts';

const NAME = 'INGRESSCOOKIE';

export const SESSION_READERS: readonly ReaderRow[] = [
  [
    'affinity',
    (value, all) =>
      value === 'cookie'
        ? changed('a cookie of our own form, for a server', {
            persistence: persistenceOf(all),
            cookieAttributes: attributesOf(all),
          })
        : misread('affinity known here', value),
  ],
  ...['session-cookie-name', 'session-cookie-max-age', 'session-cookie-expires'].map((it): ReaderRow => [
    it,
    partOf('affinity'),
  ]),
  ['session-cookie-path', attribute(pathOf, 'path of a cookie')],
  ['session-cookie-domain', attribute(domainOf, 'domain of a cookie')],
  ['session-cookie-samesite', attribute(sameSiteOf, 'Strict, Lax or None')],
  ['session-cookie-secure', attribute(booleanOf, 'true or false')],
  [
    'session-cookie-conditional-samesite-none',
    parsed(booleanOf, 'true or false', (isOn) =>
      isOn ? changed('SameSite=None is said to browsers of 2018 too') : whole('it is said to all browsers'),
    ),
  ],
  [
    'session-cookie-change-on-failure',
    parsed(booleanOf, 'true or false', (isOn) =>
      isOn
        ? changed('the session goes on at another pod, under the same cookie')
        : not('a session whose pod fails goes on at another one'),
    ),
  ],
  [
    'affinity-mode',
    (value) => {
      if (value === 'persistent') return whole('sessions stay where they are');
      return value === 'balanced'
        ? changed('sessions stay where they are when there are more pods')
        : misread('mode known here', value);
    },
  ],
  [
    'affinity-canary-behavior',
    (value) =>
      value === 'legacy'
        ? whole('each request is the canary’s or not, whatever session it is of')
        : not('each request is the canary’s or not, whatever session it is of'),
  ],
];

function attribute<T>(parse: (text: string) => T | undefined, what: string): Reader {
  return parsed(parse, what, (_, all) => partOf('affinity')('', all));
}

function persistenceOf(all: Annotations): BackendPersistence {
  const seconds = secondsOf(all.get('session-cookie-max-age') ?? all.get('session-cookie-expires') ?? '');
  return {
    type: 'cookie',
    name: wordOf(all.get('session-cookie-name') ?? '') ?? NAME,
    absoluteTimeoutMs: seconds === undefined ? undefined : seconds * 1000,
    cookieLifetime: seconds === undefined ? 'session' : 'permanent',
  };
}

/** RFC 6265 4.1.1. Undefined where nothing is asked for that is not usual. */
function attributesOf(all: Annotations): string | undefined {
  const of = <T>(name: string, parse: (text: string) => T | undefined): T | undefined =>
    parse(all.get(`session-cookie-${name}`) ?? '');
  const [path, domain] = [of('path', pathOf), of('domain', domainOf)];
  const [sameSite, isSecure] = [of('samesite', sameSiteOf), of('secure', booleanOf) === true];
  if (path === undefined && domain === undefined && sameSite === undefined && !isSecure) return undefined;
  return [
    `Path=${path ?? '/'}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(sameSite === undefined ? [] : [`SameSite=${sameSite}`]),
    ...(isSecure ? ['Secure'] : []),
    'HttpOnly',
  ].join('; ');
}

function pathOf(text: string): string | undefined {
  return /^\/[!-:<-~]{0,1023}$/.test(text) ? text : undefined;
}

function domainOf(text: string): string | undefined {
  return /^\.?[A-Za-z0-9.-]{1,253}$/.test(text) ? text : undefined;
}

function sameSiteOf(text: string): string | undefined {
  return ['Strict', 'Lax', 'None'].find((it) => it.toLowerCase() === text.toLowerCase());
}
