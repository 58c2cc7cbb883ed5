import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cidrHasIp, cidrsOverlap } from '../../base/cidr.ts';
import {
  checkClusterName,
  CLUSTER_COUNT,
  fabricCidrsOf,
  hostLinkOf,
  makeClusterConfig,
} from './cluster-config.ts';

test('makeClusterConfig() gives every node an address of each family in the fabric', () => {
  const cluster = makeClusterConfig({ name: 'a', nodeCount: 32, network: 'vxlan', index: 3 });
  const ips = cluster.nodes.flatMap((node) => node.ips);
  assert.equal(new Set([...ips, ...cluster.hostIps]).size, 66);
  for (const node of cluster.nodes) {
    assert.ok(node.ips.every((ip, i) => cidrHasIp(cluster.fabricCidrs[i] ?? cluster.podCidrs[0]!, ip)));
  }
  assert.deepEqual(cluster.dnsIps, ['10.96.0.10', 'fd00:10:96::a']);
});

test('fabricCidrsOf() never gives two clusters the same range', () => {
  const all = Array.from({ length: CLUSTER_COUNT }, (_, i) => fabricCidrsOf(i)).flat();
  for (const [i, a] of all.entries())
    for (const b of all.slice(i + 1)) assert.equal(cidrsOverlap(a, b), false);
});

for (const name of ['a', 'fairlead', 'e2e-shop', 'a2345678901b']) {
  test(`checkClusterName() accepts "${name}", whose link name fits the kernel's 15 characters`, () => {
    checkClusterName(name);
    assert.ok(hostLinkOf(name).length <= 15);
  });
}

for (const name of ['', 'A', '1a', 'a.b', 'a-', '../x', 'a/b', 'abcdefghijklm', 'a b']) {
  test(`checkClusterName() refuses "${name}"`, () =>
    assert.throws(() => checkClusterName(name), { code: 'invalid' }));
}
