import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAssertions } from './assertion-file.ts';

test('readAssertions() reads every field, with the line of the test', () => {
  const text = `apiVersion: policy.fairlead.dev/v1alpha1
kind: PolicyTest
metadata: { name: it }
namespace: shop
tests:
  - from: web
    to: api
    port: 8080
    expect: allow
---
tests:
  - { name: n, from: a/b, to: 203.0.113.7, port: dns, protocol: UDP, expect: deny, by: p, why: so }
`;
  const { assertions, mistakes } = readAssertions('a.yaml', text);
  assert.deepEqual(mistakes, []);
  assert.deepEqual(assertions, [
    {
      place: { file: 'a.yaml', line: 6 },
      namespace: 'shop',
      name: undefined,
      from: 'web',
      to: 'api',
      except: [],
      port: '8080',
      protocol: undefined,
      expect: 'allow',
      by: undefined,
      why: undefined,
    },
    {
      place: { file: 'a.yaml', line: 12 },
      namespace: 'default',
      name: 'n',
      from: 'a/b',
      to: '203.0.113.7',
      except: [],
      port: 'dns',
      protocol: 'UDP',
      expect: 'deny',
      by: 'p',
      why: 'so',
    },
  ]);
});

test('readAssertions() makes an assertion of every combination of lists', () => {
  const { assertions } = readAssertions(
    'a.yaml',
    'tests: [ { from: [a, b], to: [c, d], port: [1, 2], expect: deny } ]',
  );
  assert.deepEqual(
    assertions.map(({ from, to, port }) => `${from}${to}${port}`),
    ['ac1', 'ac2', 'ad1', 'ad2', 'bc1', 'bc2', 'bd1', 'bd2'],
  );
});

const GOOD = 'from: a, to: b, port: 1';

for (const row of [
  {
    name: 'a text without documents',
    text: '',
    expected: ['1: no tests in it: a mapping with a list "tests"'],
  },
  {
    name: 'an empty list',
    text: 'tests: []',
    expected: ['1: no tests in it: a mapping with a list "tests"'],
  },
  { name: 'a list at the top', text: '- a', expected: ['1: must be a mapping with a list "tests"'] },
  { name: 'a mapping without tests', text: '\nnamespace: a', expected: ['2: tests: required, a list'] },
  { name: 'a test that is a text', text: 'tests:\n  - a', expected: /2: must be a mapping/ },
  {
    name: 'a key twice',
    text: `tests: [ { ${GOOD}, port: 2, expect: deny } ]`,
    expected: /1: Map keys must be unique/,
  },
  {
    name: 'an unknown field',
    text: `tests:\n  - { ${GOOD}, expect: deny,\n      form: c }`,
    expected: ['3: form: unknown field, there are name, from, to, except, port, protocol, expect, by, why'],
  },
  {
    name: 'exceptions of a name',
    text: `tests: [ { ${GOOD}, except: [c], expect: deny } ]`,
    expected: ['1: except: neither from nor to is a pattern such as shop/*'],
  },
  { name: 'no expectation', text: `tests: [ { ${GOOD} } ]`, expected: ['1: expect: must be allow or deny'] },
  {
    name: 'another word',
    text: `tests:\n  - ${GOOD.replaceAll(', ', '\n    ')}\n    expect: allowed`,
    expected: ['5: expect: must be allow or deny'],
  },
  {
    name: 'no destination',
    text: 'tests: [ { from: a, port: 1, expect: deny } ]',
    expected: ['1: to: required'],
  },
  {
    name: 'an empty list of sources',
    text: 'tests: [ { from: [], to: b, port: 1, expect: deny } ]',
    expected: ['1: from: required'],
  },
  {
    name: 'a mapping for a text',
    text: `tests: [ { ${GOOD.replace('a', '{}')}, expect: deny } ]`,
    expected: /1: must be a text or a number/,
  },
])
  test(`readAssertions() refuses ${row.name}`, () => {
    const { assertions, mistakes } = readAssertions('a.yaml', row.text);
    const texts = mistakes.map(({ place, text }) => `${place.line}: ${text}`);
    assert.deepEqual(assertions, []);
    if (Array.isArray(row.expected)) assert.deepEqual(texts, row.expected);
    else assert.match(texts.join('\n'), row.expected);
  });
