// The annotations limit-*: how many requests a client may make.

import {
  misread,
  notHad,
  whole,
  type Annotations,
  type Reader,
  type ReaderRow,
} from './ingress-annotation-reading.ts';
import { cidrsOf } from './ingress-annotation-values.ts';
import type { LimitOptions } from './ingress-options.ts';

/** ingress-nginx's. */
const BURST = 5;
const LIMITS = ['limit-rps', 'limit-rpm', 'limit-connections'];

export const LIMIT_READERS: readonly ReaderRow[] = [
  ...LIMITS.map((it): ReaderRow => [it, readLimit]),
  ['limit-burst-multiplier', partOfLimits(countOf, 'number')],
  ['limit-whitelist', partOfLimits(cidrsOf, 'list of prefixes')],
  ['limit-allowlist', partOfLimits(cidrsOf, 'list of prefixes')],
  ...['limit-rate', 'limit-rate-after'].map((it): ReaderRow => [
    it,
    notHad('answers go as fast as they are read'),
  ]),
];

function readLimit(value: string, all: Annotations): ReturnType<Reader> {
  const count = countOf(value);
  if (count === undefined) return misread('number', value);
  if (count === 0) return whole('no limit');
  return whole('503 for what one address asks beyond it', { limits: limitsOf(all) });
}

function limitsOf(all: Annotations): LimitOptions {
  const of = (name: string): number | undefined => countOf(all.get(name) ?? '') || undefined;
  return {
    exempt: cidrsOf(all.get('limit-allowlist') ?? all.get('limit-whitelist') ?? '') ?? [],
    perSecond: of('limit-rps'),
    perMinute: of('limit-rpm'),
    burst: of('limit-burst-multiplier') ?? BURST,
    connections: of('limit-connections'),
  };
}

function countOf(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function partOfLimits<T>(parse: (text: string) => T | undefined, what: string): Reader {
  return (value, all) => {
    if (parse(value) === undefined) return misread(what, value);
    return LIMITS.some((it) => all.has(it))
      ? whole('part of the limits')
      : whole('says nothing without a limit');
  };
}
