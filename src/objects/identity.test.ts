import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  identitiesByKey,
  identityKey,
  identityLabels,
  INSTANCE_LABELS,
  parseIdentity,
  parseIdentityNumber,
  type IdentityLabels,
} from './identity.ts';

function labelsOf(namespace: string, labels: Readonly<Record<string, string>>): IdentityLabels {
  return { namespace, labels: new Map(Object.entries(labels)) };
}

const WEB = labelsOf('shop', { app: 'web' });

test('identitiesByKey() lets the lowest of several rule, in whatever order they come', () => {
  const list = [
    { number: 700, of: WEB },
    { number: 300, of: WEB },
    { number: 400, of: WEB },
    { number: 500, of: labelsOf('bank', { app: 'web' }) },
    { number: 600, of: labelsOf('shop', {}) },
  ];
  for (const order of [list, list.toReversed()]) {
    const numbers = identitiesByKey(order);
    assert.equal(numbers.get(identityKey(WEB)), 300);
    assert.deepEqual(new Set(numbers.values()), new Set([300, 500, 600]));
  }
});

test('identityKey() is the same for the same labels alone', () => {
  const word = fc.constantFrom('a', 'b', 'c/d', 'a.b');
  const pods = fc.record({ namespace: fc.constantFrom('a', 'b'), labels: fc.dictionary(word, word) });
  const isSame = (a: object, b: object) => isDeepStrictEqual({ ...a }, { ...b });
  fc.assert(
    fc.property(pods, pods, (a, b) => {
      const [one, other] = [a, b].map(({ namespace, labels }) => identityKey(labelsOf(namespace, labels)));
      assert.equal(one === other, a.namespace === b.namespace && isSame(a.labels, b.labels));
    }),
  );
});

test('identityLabels() leaves out single instances, but for those that somebody asks for', () => {
  const labels = new Map<string, string>([...INSTANCE_LABELS].map((key) => [key, 'x'])).set('app', 'web');
  assert.deepEqual([...identityLabels(labels, new Set(['app']))], [['app', 'web']]);
  const asked = identityLabels(labels, new Set(['job-name', 'absent']));
  assert.deepEqual(Object.fromEntries(asked), { app: 'web', 'job-name': 'x' });
});

test('parseIdentity() reads number and labels, and names what it cannot read', () => {
  const identity = parseIdentity({
    metadata: { name: '300' },
    spec: { namespace: 'shop', labels: { app: 'web' } },
  });
  assert.deepEqual([identity.number, identity.of], [300, WEB]);
  assert.throws(
    () => parseIdentity({ metadata: { name: '300' }, spec: {} }),
    /Identity 300: spec\.namespace: must be a text/,
  );
  assert.throws(
    () => parseIdentity({ metadata: { name: 'web' }, spec: { namespace: 'shop' } }),
    /from 256 to 65535/,
  );
});

for (const text of ['255', '65536', '0300', '3e2', ' 300', '300.0', '-300', '']) {
  test(`parseIdentityNumber() refuses "${text}"`, () => {
    assert.throws(() => parseIdentityNumber(text), { code: 'invalid' });
  });
}
