// Selectors: their texts against cases from the API's documents, and against a naive reading of the same conditions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasCode } from '../base/errors.ts';
import { matchesSelector, parseFieldSelector, parseLabelSelector, selectorOf } from './meta.ts';

const LABELS = { app: 'web', tier: 'front', 'example.com/rank': '3', empty: '' };

const ROWS: readonly (readonly [string, boolean])[] = [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  [' app = web , tier = front ', true],
  ['app=web,tier=back', false],
  ['app!=db', true],
  ['missing!=db', true],
  ['app in (web,db)', true],
  ['app in (db)', false],
  ['app notin (db)', true],
  ['missing notin (db)', true],
  ['app', true],
  ['missing', false],
  ['!missing', true],
  ['! app', false],
  ['empty=', true],
  ['app=', false],
  ['empty in (,x)', true],
  ['example.com/rank>2', true],
  ['example.com/rank<3', false],
  ['app>2', false],
];

for (const [text, expected] of ROWS) {
  test(`parseLabelSelector() reads "${text}"`, () => {
    assert.equal(matchesSelector(parseLabelSelector(text), LABELS), expected);
  });
}

test('parseLabelSelector() refuses what is no selector', () => {
  for (const text of [
    ',',
    'a,',
    'a in',
    'a in (',
    'a in (b',
    '=a',
    '!',
    '!=a',
    'a b',
    'a=b=c',
    'a>b',
    '(a)',
    'a=b,,c=d',
  ]) {
    assert.throws(
      () => parseLabelSelector(text),
      (error) => hasCode(error, 'invalid'),
      text,
    );
  }
});

const key = fc.constantFrom('a', 'b', 'x.y/z');
const value = fc.constantFrom('1', '2', 'v-w');
const labels = fc.dictionary(key, value);
const condition = fc.oneof(
  fc.record({
    operator: fc.constantFrom('In', 'NotIn'),
    key,
    values: fc.array(value, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ operator: fc.constantFrom('Exists', 'DoesNotExist'), key }),
);

function textOf(it: { operator: string; key: string; values?: readonly string[] }): string {
  const list = (it.values ?? []).join(',');
  if (it.operator === 'In') return `${it.key} in (${list})`;
  if (it.operator === 'NotIn') return `${it.key} notin (${list})`;
  return it.operator === 'Exists' ? it.key : `!${it.key}`;
}

function holds(
  it: { operator: string; key: string; values?: readonly string[] },
  of: Record<string, string>,
): boolean {
  const found = of[it.key];
  if (it.operator === 'In') return found !== undefined && (it.values ?? []).includes(found);
  if (it.operator === 'NotIn') return found === undefined || !(it.values ?? []).includes(found);
  return (found !== undefined) === (it.operator === 'Exists');
}

test('the text form, the object form and a naive reading agree', () => {
  fc.assert(
    fc.property(fc.array(condition, { maxLength: 4 }), labels, (conditions, of) => {
      const expected = conditions.every((it) => holds(it, of));
      assert.equal(matchesSelector(selectorOf({ matchExpressions: conditions }), of), expected);
      assert.equal(matchesSelector(parseLabelSelector(conditions.map(textOf).join(',')), of), expected);
    }),
  );
});

test('parseLabelSelector() ends for any text: a selector or a refusal', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'ab=!,()<> in notin/.-'.split('')), maxLength: 40 }),
      (text) => {
        try {
          parseLabelSelector(text);
        } catch (error) {
          assert.ok(hasCode(error, 'invalid'));
        }
      },
    ),
  );
});

test('parseFieldSelector() reads terms and escapes', () => {
  assert.deepEqual(parseFieldSelector('metadata.name=a,status.phase!=Running'), [
    { path: 'metadata.name', value: 'a', isNegated: false },
    { path: 'status.phase', value: 'Running', isNegated: true },
  ]);
  assert.deepEqual(parseFieldSelector('a=b\\,c\\=d'), [{ path: 'a', value: 'b,c=d', isNegated: false }]);
  assert.throws(
    () => parseFieldSelector('nothing'),
    (error) => hasCode(error, 'invalid'),
  );
});
