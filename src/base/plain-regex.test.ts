import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlainRegex } from './plain-regex.ts';

for (const { text, matches, others } of [
  { text: '/user/[0-9]+', matches: ['/user/1', '/user/12'], others: ['/user/', 'x/user/1', '/user/1/'] },
  { text: 'red|green', matches: ['red', 'green'], others: ['redgreen', 'reddish', 'darkgreen'] },
  { text: '(?:a|b){2,3}c?', matches: ['ab', 'bab', 'aac'], others: ['a', 'abab', 'abcc'] },
  { text: '^/a$', matches: ['/a'], others: ['/b', '/aa'] },
  { text: String.raw`\d+\.\d*?[^\].]`, matches: ['1.2x', '1.y'], others: ['1.2]', '1'] },
  { text: '[-a-z_.]+', matches: ['a-b_c.d'], others: ['A'] },
  { text: '(/v1)*/x', matches: ['/x', '/v1/v1/x'], others: ['/v1'] },
  { text: '', matches: [''], others: ['x'] },
])
  test(`readPlainRegex() reads ${text}`, () => {
    const regex = readPlainRegex(text);
    assert.deepEqual(
      [...matches, ...others].filter((it) => regex?.test(it)),
      matches,
    );
  });

for (const text of [
  '(',
  ')',
  'a)(b',
  '[',
  '[]',
  ']',
  '[[:alpha:]]',
  '[z-a]',
  '*',
  'a**',
  'a{2}{3}',
  '|*',
  'a{3,2}',
  'a{1000}',
  '{',
  String.raw`(a)\1`,
  String.raw`\p{L}`,
  String.raw`\Aa\z`,
  String.raw`\x41`,
  '(?=a)b',
  '(?<!a)b',
  '(?<name>a)',
  '(?i)a',
  '(?>a)',
  'a++',
  '(a+)+',
  '((a*)b)*',
  '(?:a{2,}){3,}',
  'a\\',
  'a'.repeat(4097),
])
  test(`readPlainRegex() does not read ${text.slice(0, 20)}`, () => {
    assert.equal(readPlainRegex(text), undefined);
  });
