// The annotations proxy-next-upstream, and how long a connection is waited for.

import type { BackendRetry } from '../../model/gateway.ts';
import {
  changed,
  misread,
  not,
  notHad,
  parsed,
  partOf,
  whole,
  type Annotations,
  type ReaderRow,
  type Reading,
} from './ingress-annotation-reading.ts';
import { secondsOf } from './ingress-annotation-values.ts';

/** ingress-nginx's, the first one with them; 0 is without end there. */
const TRIES = 3;
const MOST_TRIES = 20;
const CODES = new Set(['http_403', 'http_404', 'http_500', 'http_502', 'http_503', 'http_504']);
const WORDS = new Set([...CODES, 'http_429', 'error', 'timeout', 'invalid_header', 'non_idempotent', 'off']);

export const RETRY_READERS: readonly ReaderRow[] = [
  [
    'proxy-connect-timeout',
    parsed(secondsOf, 'number of seconds', (seconds) =>
      changed('connections are waited for so long, to the next of 1, 2, 5, 10, 30 and 75 s', {
        connectTimeoutMs: Math.max(1, seconds) * 1000,
      }),
    ),
  ],
  [
    'proxy-send-timeout',
    (_, all) =>
      all.has('proxy-read-timeout')
        ? changed('proxy-read-timeout bounds both ways')
        : not('only proxy-read-timeout bounds how long a backend is waited for'),
  ],
  ['proxy-next-upstream', readNextUpstream],
  [
    'proxy-next-upstream-tries',
    (value, all) => {
      if (!/^\d{1,6}$/.test(value)) return misread('number of tries', value);
      // Alone it is for what is asked again by default.
      return all.has('proxy-next-upstream')
        ? partOf('proxy-next-upstream')(value, all)
        : readNextUpstream('error timeout', all);
    },
  ],
  [
    'proxy-next-upstream-timeout',
    (value) => (value === '0' ? whole('it is so') : notHad('tries have no time together')(value, new Map())),
  ],
];

function readNextUpstream(value: string, all: Annotations): Reading {
  const words = value.split(/\s+/).filter((it) => it !== '');
  if (words.length === 0 || words.some((it) => !WORDS.has(it)))
    return misread('list of what is asked again for', value);
  const retry = retryOf(new Set(words), all.get('proxy-next-upstream-tries') ?? '');
  if (words.includes('http_429')) return { ...not('429 is not asked again for'), options: { retry } };
  return changed('connections that fail are tried again always, by every method', { retry });
}

function retryOf(words: ReadonlySet<string>, triesText: string): BackendRetry {
  const given = /^\d{1,6}$/.test(triesText) ? Number(triesText) : TRIES;
  const tries = given === 0 ? MOST_TRIES : Math.min(given, MOST_TRIES);
  return {
    attempts: words.has('off') ? 0 : tries - 1,
    codes: [...CODES].filter((it) => words.has(it)).map((it) => Number(it.slice('http_'.length))),
    isWithoutTimeouts: !words.has('timeout'),
    isIdempotentAlone: !words.has('non_idempotent'),
  };
}
