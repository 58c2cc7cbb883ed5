// Annotations that only together say something: CORS, a canary. Defaults are ingress-nginx's.

import type { Annotations } from './ingress-annotation-reading.ts';
import { booleanOf, listOf, secondsOf, wordOf } from './ingress-annotation-values.ts';
import type { CanaryOptions, IngressOptions } from './ingress-options.ts';

const CORS_METHODS = 'GET, PUT, POST, DELETE, PATCH, OPTIONS';
const CORS_HEADERS =
  'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization';
const CORS_MAX_AGE_S = 1_728_000;
const WEIGHT_TOTAL = 100;

export function corsOf(all: Annotations): NonNullable<IngressOptions['cors']> {
  const list = (name: string, absent: string): readonly string[] => listOf(all.get(`cors-${name}`) ?? absent);
  return {
    kind: 'cors',
    allowOrigins: list('allow-origin', '*'),
    allowMethods: list('allow-methods', CORS_METHODS),
    allowHeaders: list('allow-headers', CORS_HEADERS),
    exposeHeaders: list('expose-headers', ''),
    allowCredentials: booleanOf(all.get('cors-allow-credentials') ?? 'true') ?? true,
    maxAgeS: secondsOf(all.get('cors-max-age') ?? '') ?? CORS_MAX_AGE_S,
  };
}

export function canaryOf(all: Annotations): CanaryOptions {
  const value = all.get('canary-by-header-value');
  const pattern = all.get('canary-by-header-pattern');
  const total = numberOf(all.get('canary-weight-total'), WEIGHT_TOTAL);
  return {
    weight: Math.min(numberOf(all.get('canary-weight'), 0), total),
    weightTotal: total,
    header: wordOf(all.get('canary-by-header') ?? '')?.toLowerCase(),
    headerValue:
      value === undefined
        ? pattern === undefined
          ? undefined
          : { type: 'regex', value: `.*(?:${pattern}).*` }
        : { type: 'exact', value },
    cookie: wordOf(all.get('canary-by-cookie') ?? ''),
  };
}

function numberOf(text: string | undefined, absent: number): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : absent;
}
