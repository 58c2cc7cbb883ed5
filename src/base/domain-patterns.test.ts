import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DomainPatterns } from './domain-patterns.ts';

const PATTERNS = new DomainPatterns([
  'www.example.com',
  '*.example.com',
  '*.com',
  'example.com',
  '*.example.com',
]);

const ROWS: readonly { readonly name: string; readonly means: readonly string[] }[] = [
  { name: 'example.com', means: ['*.com', 'example.com'] },
  { name: 'www.example.com', means: ['*.com', '*.example.com', 'www.example.com'] },
  { name: 'a.b.example.com', means: ['*.com', '*.example.com'] },
  { name: 'myexample.com', means: ['*.com'] },
  { name: 'example.org', means: [] },
  { name: 'com', means: [] },
  { name: '', means: [] },
];

for (const { name, means } of ROWS)
  test(`DomainPatterns: "${name}" is meant by ${means.join(', ') || 'none'}`, () => {
    assert.deepEqual(PATTERNS.matching(name), means);
    assert.equal(PATTERNS.has(name), means.length > 0);
  });

test('DomainPatterns.around() gives what means all that a pattern means', () => {
  assert.deepEqual(PATTERNS.all, ['*.com', '*.example.com', 'example.com', 'www.example.com']);
  assert.deepEqual(PATTERNS.around('*.example.com'), ['*.com', '*.example.com']);
  assert.deepEqual(PATTERNS.around('*.com'), ['*.com']);
  assert.deepEqual(PATTERNS.around('www.example.com'), ['*.com', '*.example.com', 'www.example.com']);
});

test('DomainPatterns.around(): what a name matches is what is around one of its patterns', () => {
  const someName = fc
    .array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 })
    .map((it) => it.join('.'));
  const somePattern = fc.tuple(fc.boolean(), someName).map(([isWide, name]) => (isWide ? `*.${name}` : name));
  fc.assert(
    fc.property(fc.array(somePattern), someName, (all, name) => {
      const patterns = new DomainPatterns(all);
      const matching = patterns.matching(name);
      if (matching.length === 0) return;
      assert.ok(matching.some((it) => isSame(patterns.around(it), matching)));
    }),
  );
});

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}
