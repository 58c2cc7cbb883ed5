import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from './schema.ts';
import { valueErrors } from './validate-value.ts';

type Row = readonly [name: string, schema: object, value: unknown, ...errors: string[]];

/** Each schema is that of `spec`, and each value too. */
const ROWS: readonly Row[] = [
  ['nothing wrong', { type: 'string' }, 'a'],
  [
    'a text for a number',
    { type: 'integer' },
    'x',
    'spec: Invalid value: "string": spec in body must be of type integer: "string"',
  ],
  [
    'null where it may not stand',
    { type: 'array', items: { type: 'object' } },
    [null],
    'spec[0]: Invalid value: "null": spec[0] in body must be of type object: "null"',
  ],
  ['null where it may', { type: 'string', nullable: true, minLength: 3 }, null],
  [
    'a fraction',
    { type: 'integer' },
    1.5,
    'spec: Invalid value: "number": spec in body must be of type integer: "number"',
  ],
  ['a whole number as number', { type: 'number' }, 1],
  ['what is required', { type: 'object', required: ['a'] }, {}, 'spec.a: Required value'],
  [
    'a word that is none of those',
    { type: 'string', enum: ['a', 'b'] },
    'c',
    'spec: Unsupported value: "c": supported values: "a", "b"',
  ],
  [
    'a pattern that takes RegExp forever',
    { type: 'string', pattern: '^(a+)+$' },
    `${'a'.repeat(200)}!`,
    `spec: Invalid value: "${'a'.repeat(199)}...: spec in body should match '^(a+)+$'`,
  ],
  ['a pattern of RE2', { type: 'string', pattern: '^(?i)[[:alpha:]]+\\z' }, 'aBc'],
  ['length in code points', { type: 'string', maxLength: 2 }, '😀😀'],
  ['too long', { type: 'string', maxLength: 2 }, 'abc', 'spec: Too long: may not be more than 2 bytes'],
  [
    'too short',
    { type: 'string', minLength: 2 },
    'a',
    'spec: Invalid value: "a": spec in body should be at least 2 chars long',
  ],
  [
    'bounds',
    { type: 'integer', minimum: 1, maximum: 3, exclusiveMaximum: true, multipleOf: 2 },
    3,
    'spec: Invalid value: 3: spec in body should be less than 3',
    'spec: Invalid value: 3: spec in body should be a multiple of 2',
  ],
  [
    'lists',
    { type: 'array', maxItems: 1, items: { type: 'string' } },
    ['a', 'b'],
    'spec: Too many: 2: must have at most 1 items',
  ],
  [
    'a format',
    { type: 'string', format: 'date-time' },
    '2024-02-30T00:00:00Z',
    'spec: Invalid value: "2024-02-30T00:00:00Z": spec in body must be of type date-time: "2024-02-30T00:00:00Z"',
  ],
  ['a format that nobody judges', { type: 'string', format: 'color' }, 'x'],
  ['either number or text', { 'x-kubernetes-int-or-string': true }, '80'],
  [
    'neither number nor text',
    { 'x-kubernetes-int-or-string': true },
    true,
    'spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"',
  ],
  [
    'an element of a set twice',
    { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ['a', 'b', 'a'],
    'spec[2]: Duplicate value: "a"',
  ],
  [
    'a key of a map twice',
    {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port'],
      items: { type: 'object', properties: { port: { type: 'integer' } } },
    },
    [{ port: 1 }, { port: 1 }],
    'spec[1]: Duplicate value: {"port":1}',
  ],
  [
    'values of a map',
    { type: 'object', maxProperties: 2, additionalProperties: { type: 'string' } },
    { a: 1 },
    'spec.a: Invalid value: "integer": spec.a in body must be of type string: "integer"',
  ],
  [
    'an embedded object without type',
    { type: 'object', 'x-kubernetes-embedded-resource': true },
    { kind: 'Pod' },
    'spec.apiVersion: Required value: must not be empty',
  ],
  [
    'none of oneOf',
    { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b', 'c'] }] },
    {},
    'spec: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
    'spec.a: Required value',
  ],
  [
    'two of oneOf',
    { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    { a: 1, b: 1 },
    'spec: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  [
    'none of anyOf',
    { type: 'string', anyOf: [{ minLength: 3 }] },
    'a',
    'spec: Invalid value: "": "spec" must validate at least one schema (anyOf)',
    'spec: Invalid value: "a": spec in body should be at least 3 chars long',
  ],
  [
    'what must not be',
    { type: 'string', not: { pattern: '^a' } },
    'ab',
    'spec: Invalid value: "": "spec" must not validate the schema (not)',
  ],
];

for (const [name, schema, value, ...expected] of ROWS) {
  test(`valueErrors() finds ${name}`, () => {
    const found = valueErrors(parseSchema(schema), value, { at: 'spec' });
    assert.deepEqual(
      found.map((it) => `${it.field}: ${it.message}`),
      expected,
    );
  });
}

test('valueErrors() lets stand what was wrong before, and judges what changed beside it', () => {
  const schema = parseSchema({
    type: 'object',
    properties: {
      old: { type: 'string', maxLength: 1 },
      list: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          properties: { name: { type: 'string' }, size: { type: 'integer', maximum: 1 } },
        },
      },
    },
  });
  const before = { old: 'long', list: [{ name: 'a', size: 9 }] };
  const after = {
    old: 'long',
    list: [
      { name: 'b', size: 9 },
      { name: 'a', size: 9 },
    ],
  };
  assert.deepEqual(
    valueErrors(schema, after, { at: '', before }).map(({ field }) => field),
    ['list[0].size'],
  );
});
