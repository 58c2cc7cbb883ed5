import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { served } from '../../test/support/cluster-of.ts';
import { ENDPOINT_SLICES } from '../kube/resource.ts';
import type { Endpoint, EndpointSlice } from '../objects/api-types.ts';
import { packSlices, type PackedSlice } from './slice-packing.ts';

function anEndpoint(id: number, ready = true): Endpoint {
  return { addresses: [`10.0.0.${id}`], conditions: { ready }, targetRef: { kind: 'Pod', uid: `${id}` } };
}

function aSlice(name: string, ids: readonly number[]): EndpointSlice {
  return served(ENDPOINT_SLICES, {
    metadata: { namespace: 'shop', name },
    addressType: 'IPv4',
    endpoints: ids.map((id) => anEndpoint(id)),
  });
}

function shape(packed: readonly PackedSlice[]): readonly string[] {
  return packed.map(({ slice, endpoints, isChanged }) => {
    const ids = endpoints.map((endpoint) => endpoint.targetRef?.uid).join(' ');
    return `${slice?.metadata.name ?? 'new'}${isChanged ? '*' : ''}: ${ids}`;
  });
}

const ROWS = [
  {
    name: 'fills new slices up to the bound',
    existing: [],
    desired: [1, 2, 3, 4],
    expected: ['new*: 1 2 3', 'new*: 4'],
  },
  {
    name: 'leaves slices alone that need no change',
    existing: [aSlice('a', [1, 2]), aSlice('b', [3])],
    desired: [1, 2, 3],
    expected: ['a: 1 2', 'b: 3'],
  },
  {
    name: 'puts new endpoints first where something changes anyway',
    existing: [aSlice('a', [1, 2]), aSlice('b', [3, 4])],
    desired: [1, 2, 3, 5],
    expected: ['a: 1 2', 'b*: 3 5'],
  },
  {
    name: 'puts new endpoints into the fullest slice with room',
    existing: [aSlice('a', [1]), aSlice('b', [2, 3])],
    desired: [1, 2, 3, 4],
    expected: ['a: 1', 'b*: 2 3 4'],
  },
  {
    name: 'keeps an endpoint of two slices in one',
    existing: [aSlice('a', [1]), aSlice('b', [1, 2])],
    desired: [1, 2],
    expected: ['a: 1', 'b*: 2'],
  },
  {
    name: 'empties slices of endpoints that are gone',
    existing: [aSlice('a', [1, 2])],
    desired: [],
    expected: ['a*: '],
  },
];

for (const { name, existing, desired, expected } of ROWS) {
  test(`packSlices() ${name}`, () => {
    const packed = packSlices(
      existing,
      desired.map((id) => anEndpoint(id)),
      3,
    );
    assert.deepEqual(shape(packed), expected);
  });
}

test('packSlices() places every endpoint exactly once, within the bound, and is stable', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: 30 }));
  fc.assert(
    fc.property(
      fc.array(ids, { maxLength: 6 }),
      ids,
      fc.integer({ min: 1, max: 8 }),
      (slices, desired, max) => {
        const existing = slices.map((each, i) => aSlice(`s${i}`, each.slice(0, max)));
        const endpoints = desired.map((id) => anEndpoint(id));
        const packed = packSlices(existing, endpoints, max);
        const placed = packed.flatMap((each) =>
          each.endpoints.map((endpoint) => Number(endpoint.targetRef?.uid)),
        );
        const byValue = (a: number, b: number) => a - b;
        assert.deepEqual(placed.sort(byValue), [...desired].sort(byValue));
        assert.ok(packed.every((each) => each.endpoints.length <= max));
        const again = packed.map(({ slice, endpoints: held }, i) => ({
          ...(slice ?? aSlice(`n${i}`, [])),
          endpoints: held,
        }));
        assert.ok(packSlices(again, endpoints, max).every((each) => !each.isChanged));
      },
    ),
  );
});
