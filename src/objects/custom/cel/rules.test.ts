import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../schema.ts';
import { checkRules } from './check-rules.ts';
import { compileRules, ruleErrors } from './rules.ts';

const PROPERTIES = {
  size: { type: 'integer' },
  limit: { type: 'number' },
  name: { type: 'string' },
  when: { type: 'string', format: 'date-time' },
  wait: { type: 'string', format: 'duration' },
  port: { 'x-kubernetes-int-or-string': true },
  tags: { type: 'array', items: { type: 'string' } },
  parts: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['id'],
    items: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'integer' } } },
  },
  labels: { type: 'object', additionalProperties: { type: 'string' } },
  'with-dash': { type: 'string' },
  namespace: { type: 'string' },
};

interface Rule {
  readonly rule: string;
  readonly [field: string]: unknown;
}

function schemaWith(...rules: readonly Rule[]) {
  const spec = { type: 'object', properties: PROPERTIES, 'x-kubernetes-validations': rules };
  return parseSchema({ type: 'object', properties: { spec } });
}

function errorsOf(rules: readonly Rule[], spec: unknown, before?: unknown): readonly string[] {
  const schema = schemaWith(...rules);
  assert.deepEqual(checkRules(schema, ''), []);
  const tree = compileRules(schema);
  assert.ok(tree !== undefined);
  const found = ruleErrors(tree, { spec }, before === undefined ? undefined : { spec: before });
  return found.map((it) => `${it.field}: ${it.message}`);
}

const HOLDING: readonly (readonly [rule: string, spec: object])[] = [
  ['self.size > 1 && self.size == 2', { size: 2 }],
  ['self.limit > 1 && self.limit < 2.0', { limit: 1.5 }],
  ['!has(self.size) && has(self.name)', { name: 'a' }],
  ['self.?size.orValue(3) == 3', {}],
  ['self.name.matches("(?i)^A[[:digit:]]$")', { name: 'a1' }],
  ['self.when > timestamp("2024-01-01T00:00:00Z")', { when: '2024-06-01T00:00:00Z' }],
  ['self.wait < duration("2m")', { wait: '90s' }],
  ['type(self.port) == int ? self.port > 1 : self.port == "http"', { port: 80 }],
  ['type(self.port) == int ? self.port > 1 : self.port == "http"', { port: 'http' }],
  ['self.tags.isSorted() && self.tags.indexOf("b") == 1 && self.tags.max() == "b"', { tags: ['a', 'b'] }],
  [
    'self.parts.map(p, p.n).sum() == 3',
    {
      parts: [
        { id: 'a', n: 1 },
        { id: 'b', n: 2 },
      ],
    },
  ],
  ['self.parts.exists_one(p, p.id == "a") && self.parts.all(p, p.n > 0)', { parts: [{ id: 'a', n: 1 }] }],
  ['self.labels.all(k, self.labels[k] != "") && "a" in self.labels', { labels: { a: 'b' } }],
  ['self.with__dash__dash == "x"', { 'with-dash': 'x' }],
  [
    'self.labels.constructor == "a" && has(self.labels.constructor) && self.labels.all(k, v, k == "constructor" && v == "a")',
    { labels: { constructor: 'a' } },
  ],
  [
    'self.limit > self.size && self.limit < 5 && self.size * 2 - 1 == 3 && -self.limit < 0.0',
    { limit: 2.5, size: 2 },
  ],
  [
    'self.port == 80 && self.when != timestamp("2024-01-01T00:00:00Z") || self.port == "x"',
    { port: 80, when: '2024-06-01T00:00:00Z' },
  ],
  [
    'self.?size.orValue(1) == 2 && self.labels["a"] + self.name == "bc"',
    { size: 2, labels: { a: 'b' }, name: 'c' },
  ],
  ['self.__namespace__ == "x"', { namespace: 'x' }],
  ['quantity(self.name).isGreaterThan(quantity("1Mi"))', { name: '1Gi' }],
  ['isIP(self.name) && !isCIDR(self.name)', { name: '10.0.0.1' }],
  ['self.name.findAll("[0-9]+") == ["1", "22"]', { name: 'a1b22' }],
  ['self.name.replace("a", "$&") == "$&b"', { name: 'ab' }],
  ['has(self.parts[0].n) && !has(self.parts[0].id)', { parts: [{ n: 1 }] }],
  ['self.name == "has(x)" && r"has(\\d" == "has(\\\\d"', { name: 'has(x)' }],
  ['cel.bind(n, self.size, n + n == 4)', { size: 2 }],
  ['10 - (self.size - 1) == 9', { size: 2 }],
  [
    'self.parts.all(i, p, p.n > i) && self.labels.exists(k, v, k + v == "ab")',
    { parts: [{ n: 1 }], labels: { a: 'b' } },
  ],
  ['self.?size.optMap(n, n > 1).orValue(false)', { size: 2 }],
  ['format.dns1123Label().validate(self.name).hasValue()', { name: 'A' }],
];

for (const [rule, spec] of HOLDING) {
  test(`the rule ${rule} holds for ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(errorsOf([{ rule }], spec), []);
    assert.notDeepEqual(errorsOf([{ rule: `!(${rule})` }], spec), []);
  });
}

const BROKEN: readonly (readonly [name: string, rule: Rule, spec: object, ...errors: string[]])[] = [
  [
    'the rule itself',
    { rule: 'self.size > 1' },
    { size: 1 },
    'spec: Invalid value: "object": failed rule: self.size > 1',
  ],
  [
    'a message',
    { rule: 'self.size > 1', message: 'too small' },
    { size: 1 },
    'spec: Invalid value: "object": too small',
  ],
  [
    'a computed message',
    { rule: 'self.size > 1', messageExpression: '"not " + string(self.size)' },
    { size: 1 },
    'spec: Invalid value: "object": not 1',
  ],
  [
    'a reason at a field',
    { rule: 'has(self.name)', reason: 'FieldValueRequired', fieldPath: '.name', message: 'needed' },
    {},
    'spec.name: Required value: needed',
  ],
  [
    'what could not be evaluated',
    { rule: 'self.size > 1' },
    {},
    'spec: Invalid value: "object": no such key: size evaluating rule: self.size > 1',
  ],
];

for (const [name, rule, spec, ...expected] of BROKEN) {
  test(`a broken rule says ${name}`, () => assert.deepEqual(errorsOf([rule], spec), expected));
}

test('a rule of a transition is asked where there was something before', () => {
  const rule = { rule: 'self.size >= oldSelf.size', message: 'must not shrink' };
  assert.deepEqual(errorsOf([rule], { size: 1 }), []);
  assert.deepEqual(errorsOf([rule], { size: 3 }, { size: 2 }), []);
  assert.deepEqual(errorsOf([rule], { size: 1 }, { size: 2 }), [
    'spec: Invalid value: "object": must not shrink',
  ]);
  const optional = {
    rule: 'oldSelf.hasValue() || self.size == 1',
    optionalOldSelf: true,
    message: 'begins with 1',
  };
  assert.deepEqual(errorsOf([optional], { size: 2 }), ['spec: Invalid value: "object": begins with 1']);
  assert.deepEqual(errorsOf([optional], { size: 3 }, { size: 2 }), []);
});

test('a broken rule of a scalar shows it', () => {
  const name = {
    type: 'string',
    'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'is set' }],
  };
  const tree = compileRules(parseSchema({ type: 'object', properties: { name } }));
  assert.ok(tree !== undefined);
  assert.deepEqual(
    ruleErrors(tree, { name: 'b' }, { name: 'a' }).map((it) => `${it.field}: ${it.message}`),
    ['name: Invalid value: "b": is set'],
  );
});

test('elements of a map are followed by their keys', () => {
  const item = {
    type: 'object',
    properties: { id: { type: 'string' }, n: { type: 'integer' } },
    'x-kubernetes-validations': [{ rule: 'self.n >= oldSelf.n' }],
  };
  const list = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['id'],
    items: item,
  };
  const tree = compileRules(parseSchema(list));
  assert.ok(tree !== undefined);
  const before = [
    { id: 'a', n: 5 },
    { id: 'b', n: 1 },
  ];
  const after = [
    { id: 'b', n: 2 },
    { id: 'a', n: 4 },
    { id: 'c', n: 0 },
  ];
  assert.deepEqual(
    ruleErrors(tree, after, before).map(({ field }) => field),
    ['[1]'],
  );
});

const REFUSED: readonly (readonly [name: string, rule: Rule, expected: RegExp])[] = [
  ['no rule', { rule: ' ' }, /rule: Required value/],
  [
    'what is no expression',
    { rule: 'self.size >' },
    /rule: Invalid value: "self.size >": compilation failed: /,
  ],
  ['a variable that is nowhere', { rule: 'other == 1' }, /compilation failed: Unknown variable: other/],
  ['a field that is nowhere', { rule: 'self.sise > 1' }, /compilation failed: undefined field 'sise'/],
  ['a field of an element that is nowhere', { rule: 'self.parts.all(p, p.m > 1)' }, /undefined field 'm'/],
  ['has() of what is no field', { rule: 'has(self)' }, /has\(\) asks for a field/],
  ['a field of an element with its place', { rule: 'self.parts.all(i, p, p.m > i)' }, /undefined field 'm'/],
  [
    'a field of a value in a list that is made',
    { rule: 'self.parts.transformList(i, p, p.m) == []' },
    /undefined field 'm'/,
  ],
  [
    'a field of an optional value',
    { rule: 'self.?parts[0].optMap(p, p.m > 1).orValue(true)' },
    /undefined field 'm'/,
  ],
  ['a field of what has a name', { rule: 'cel.bind(p, self.parts[0], p.m > 1)' }, /undefined field 'm'/],
  ['a field that has() asks for', { rule: 'has(self.sise)' }, /undefined field 'sise'/],
  [
    'a number that is compared to a text',
    { rule: 'self.size == "1"' },
    /compilation failed: no such overload: int == string$/,
  ],
  [
    'a text that is compared to a number',
    { rule: 'self.parts.all(p, p.id < p.n)' },
    /no such overload: string < int$/,
  ],
  [
    'a sum of a number and a text',
    { rule: 'self.name + self.size == ""' },
    /no such overload: string \+ int$/,
  ],
  [
    'a fraction that is to equal a whole number',
    { rule: 'self.limit == 1' },
    /no such overload: double == int$/,
  ],
  [
    'a text that is to be true',
    { rule: 'has(self.name) && self.name' },
    /Logical operator requires bool operands, got 'string'$/,
  ],
  ['a number that is to be false', { rule: '!self.size' }, /no such overload: !int$/],
  [
    'a text before and a number now',
    { rule: 'oldSelf.name == self.size' },
    /no such overload: string == int$/,
  ],
  ['a number of the schema', { rule: 'self.size' }, /must evaluate to a bool$/],
  [
    'a message of a number',
    { rule: 'true', messageExpression: 'self.size' },
    /messageExpression: .*must evaluate to a string$/,
  ],
  [
    'a message of a field that is nowhere',
    { rule: 'true', messageExpression: 'self.sise' },
    /messageExpression: .*undefined field 'sise'$/,
  ],
  [
    'a pattern that is none',
    { rule: 'self.name.matches("[")' },
    /compilation failed: invalid matches argument: must be a valid regular/,
  ],
  [
    'a pattern that is none inside of a macro',
    { rule: 'self.parts.exists(i, p, matches(p.id, "("))' },
    /invalid matches argument/,
  ],
  [
    'a duration that is none',
    { rule: 'duration("1 day") > self.wait' },
    /invalid duration argument: "1 day" is none$/,
  ],
  [
    'a time that is none',
    { rule: 'timestamp("now") > self.when' },
    /invalid timestamp argument: "now" is none$/,
  ],
  ['a function that is nowhere', { rule: 'self.size.twice() > 1' }, /compilation failed: /],
  ['what is neither true nor false', { rule: 'self.size + 1' }, /must evaluate to a bool/],
  ['a reason of its own', { rule: 'true', reason: 'Because' }, /reason: Unsupported value: "Because"/],
  ['an endless one', { rule: `self.size > 0${' && true'.repeat(9000)}` }, /compilation failed: /],
  ['a deep one', { rule: `${'('.repeat(2000)}true${')'.repeat(2000)}` }, /compilation failed: /],
];

for (const [name, rule, expected] of REFUSED) {
  test(`checkRules() refuses ${name}`, () => {
    const [first] = checkRules(schemaWith(rule), 'schema');
    assert.match(`${first?.field}: ${first?.message}`, expected);
  });
}

test('checkRules() refuses a transition of elements that nothing tells to be the same', () => {
  const items = { type: 'object', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] };
  const [first] = checkRules(parseSchema({ type: 'array', items }), 'schema');
  assert.match(first?.message ?? '', /oldSelf cannot be used on the uncorrelatable portion of the schema/);
});
