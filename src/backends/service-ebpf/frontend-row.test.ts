// The order of endpoints, which every node and every reader of the maps has to agree on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipFromBytes } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { endpointText, sortedEndpoints } from './frontend-row.ts';

// Few values, so that there are duplicates, and addresses and ports that others begin with.
const aByte = fc.constantFrom(1, 2, 10, 19, 100);
const anEndpoint = fc.record({
  ip: fc
    .oneof(
      fc.tuple(fc.constant(10), fc.constant(0), aByte, aByte),
      fc.tuple(fc.constant(0xfd), ...Array.from({ length: 13 }, () => fc.constant(0)), aByte, aByte),
    )
    .map((bytes) => ipFromBytes(Uint8Array.from(bytes))),
  port: fc.constantFrom(8, 80, 443, 8080, 9000, 10000).map(parsePort),
});

test('sortedEndpoints() sorts by text and drops duplicates, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(anEndpoint, { maxLength: 30 }), (endpoints) => {
      const texts = [...new Set(endpoints.map(endpointText))].sort();
      assert.deepEqual(sortedEndpoints(endpoints).map(endpointText), texts);
    }),
  );
});
