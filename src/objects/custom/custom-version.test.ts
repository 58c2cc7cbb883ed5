import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aDefinition } from '../../../test/support/custom-kinds.ts';
import type { Draft } from '../json.ts';
import { storedResourceOf } from './definition.ts';
import { validateDefinition } from './validate-definition.ts';

function complaints(spec: object, value: unknown): readonly string[] {
  const { custom } = storedResourceOf(aDefinition({ spec }));
  const errors =
    custom?.validate({ apiVersion: 'v1', kind: 'W', metadata: {}, spec: value }, undefined) ?? [];
  return errors.map((it) => it.message);
}

const ENDED = /Forbidden: the object cannot be judged by its definition: it takes longer than 1000 ms/;

test('a rule that would run forever is ended, and others go on', () => {
  const nested = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].reduceRight(
    (inner, name) => `self.tags.all(${name}, ${inner})`,
    'size(self.tags) > 0',
  );
  const tags = { type: 'array', items: { type: 'string' } };
  const spec = { type: 'object', properties: { tags }, 'x-kubernetes-validations': [{ rule: nested }] };
  const { custom } = storedResourceOf(aDefinition({ spec }));
  const judge = (count: number) => {
    const value = { tags: Array.from({ length: count }, (_, i) => `tag-${i}`) };
    return custom?.validate({ spec: value }, undefined).map((it) => it.message);
  };
  assert.match(judge(200)?.[0] ?? '', ENDED);
  assert.deepEqual(judge(2), []);
});

test('a pattern that costs too much on a long text is ended', () => {
  const spec = { type: 'string', pattern: '[\\pL\\pN]{1000}'.repeat(100) };
  assert.match(complaints(spec, 'aB'.repeat(100_000))[0] ?? '', ENDED);
});

test('a definition whose patterns take too long to compile is refused', () => {
  const properties = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`p${i}`, { type: 'string', pattern: '\\pL{1000}'.repeat(400) }]),
  );
  const definition = aDefinition({ spec: { type: 'object', properties } }) as Draft;
  assert.deepEqual(
    validateDefinition(definition, undefined).map(({ field, message }) => `${field}: ${message}`),
    ['spec: Forbidden: its patterns and rules cannot be judged: it takes longer than 5000 ms'],
  );
});
