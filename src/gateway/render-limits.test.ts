import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitsTree } from './render-limits.ts';
import type { ClientLimits } from '../model/request-guards.ts';

const of = (words: Partial<ClientLimits>) =>
  limitsTree({
    kind: 'client-limits',
    of: 'Ingress/shop/web',
    exempt: [],
    perSecond: undefined,
    perMinute: undefined,
    burst: 5,
    connections: undefined,
    ...words,
  }).slice(3);

test('limitsTree() says how long each request counts and how many may come at once, in microseconds', () => {
  assert.deepEqual(of({ perSecond: 10, connections: 3 }), ['3', ['100000', '5000000'], []]);
  assert.deepEqual(of({ perMinute: 30, burst: 1 }), ['', [], ['2000000', '60000000']]);
});

test('limitsTree() keeps numbers within 31 bits, whatever is asked for', () => {
  assert.deepEqual(of({ perMinute: 1, burst: 999_999 }), ['', [], ['60000000', '1800000000']]);
  assert.deepEqual(of({ perSecond: 0, perMinute: Number.NaN }), ['', [], []]);
});
