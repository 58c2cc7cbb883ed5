import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlaid } from './overlay.ts';
import type { PlacedObject } from './placed-object.ts';

function anObject(file: string, kind: string, name: string, namespace?: string): PlacedObject {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return { file, lineOf: () => 1, object: { apiVersion: 'v1', kind, metadata } };
}

test('overlaid() replaces objects of the same kind, namespace and name, and keeps the rest', () => {
  const held = [
    anObject('held', 'Pod', 'a', 'default'),
    anObject('held', 'Pod', 'a', 'other'),
    anObject('held', 'Service', 'a', 'default'),
  ];
  const applied = [anObject('applied', 'Pod', 'a'), anObject('applied', 'Pod', 'b')];
  assert.deepEqual(
    overlaid(held, applied).map(
      ({ file, object: { kind, metadata } }) => `${file} ${kind} ${metadata.namespace}/${metadata.name}`,
    ),
    ['held Pod other/a', 'held Service default/a', 'applied Pod undefined/a', 'applied Pod undefined/b'],
  );
});
