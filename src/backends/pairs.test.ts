// Pairs of a Service and a policy backend: all of the registry, and what is said of one that is none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKEND_PAIRS, findPair, pairSupport } from './pairs.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from './registry.ts';

test('every Service backend goes with every policy backend, and no pair stands twice', () => {
  for (const service of SERVICE_BACKENDS)
    for (const policy of POLICY_BACKENDS)
      assert.ok(findPair(service.name, policy.name), `${service.name} with ${policy.name}`);
  const keys = BACKEND_PAIRS.map((it) => `${it.service} ${it.policy}`);
  assert.equal(new Set(keys).size, keys.length);
});

test('pairSupport() refuses a pair that is not in the table and says what goes instead', () => {
  const pairs = BACKEND_PAIRS.filter((it) => it.service !== 'ipvs' || it.policy !== 'nftables');
  assert.deepEqual(pairSupport('iptables', 'nftables', pairs), { kind: 'yes' });
  assert.deepEqual(pairSupport('ipvs', 'nftables', pairs), {
    kind: 'no',
    because: 'policies by nftables go with Services by ebpf, nftables, iptables, not by ipvs',
  });
  assert.deepEqual(pairSupport('ipvs', 'nftables', []), {
    kind: 'no',
    because: 'policies by nftables go with no Service backend',
  });
});
