import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeClusterConfig } from './cluster-config.ts';
import { checkCidrs, completeCidrs, DEFAULT_POD_CIDRS, DEFAULT_SERVICE_CIDRS } from './cluster-cidrs.ts';
import { checkSame, checkWish, type ClusterWish } from './plan-cluster.ts';

test('completeCidrs() puts each prefix in the place of its family', () => {
  const complete = (...asked: readonly string[]) => completeCidrs('--pod-cidr', asked, DEFAULT_POD_CIDRS);
  assert.deepEqual(complete(), DEFAULT_POD_CIDRS);
  assert.deepEqual(complete('10.1.0.0/16'), ['10.1.0.0/16', 'fd00:10:244::/56']);
  assert.deepEqual(complete('fd01::/56'), ['10.244.0.0/16', 'fd01::/56']);
  assert.deepEqual(complete('fd01::/56', '10.1.0.0/16'), ['10.1.0.0/16', 'fd01::/56']);
});

const WISH: ClusterWish = {
  name: 'a',
  nodeCount: 3,
  network: undefined,
  podCidrs: undefined,
  serviceCidrs: undefined,
};

for (const row of [
  {
    name: 'host bits',
    wish: { podCidrs: ['10.1.2.3/16'] },
    error: /--pod-cidr 10\.1\.2\.3\/16: .*10\.1\.0\.0\/16/,
  },
  { name: 'no prefix', wish: { podCidrs: ['many'] }, error: /--pod-cidr many: Cannot read prefix/ },
  {
    name: 'two of one family',
    wish: { podCidrs: ['10.1.0.0/16', '10.2.0.0/16'] },
    error: /one prefix per address family/,
  },
  { name: 'pods too small for a node', wish: { podCidrs: ['10.1.0.0/25'] }, error: /each node gets a \/24/ },
  {
    name: 'pods too small for all nodes',
    wish: { podCidrs: ['10.1.0.0/23'] },
    error: /a \/24 for 2 of 3 nodes/,
  },
  {
    name: 'pods of the second family too small',
    wish: { podCidrs: ['fd01::/63'] },
    error: /a \/64 for 2 of 3 nodes/,
  },
  { name: 'Services too small', wish: { serviceCidrs: ['10.1.0.0/29'] }, error: /between \/12 and \/27/ },
  { name: 'Services too large', wish: { serviceCidrs: ['fd01::/64'] }, error: /between \/108 and \/123/ },
  {
    name: 'loopback',
    wish: { podCidrs: ['127.0.0.0/16'] },
    error: /overlaps 127\.0\.0\.0\/8, which is reserved/,
  },
  { name: 'the gateway of pods', wish: { serviceCidrs: ['169.254.0.0/16'] }, error: /which is reserved/ },
  {
    name: 'pods in Services',
    wish: { podCidrs: ['10.96.0.0/16'] },
    error: /overlaps the Service prefix 10\.96\.0\.0\/16/,
  },
  { name: 'no node', wish: { nodeCount: 0 }, error: /1 to 32/ },
  { name: 'an army of nodes', wish: { nodeCount: 33 }, error: /1 to 32/ },
]) {
  test(`checkWish() refuses ${row.name}`, () =>
    assert.throws(() => checkWish({ ...WISH, ...row.wish }), { code: 'invalid', message: row.error }));
}

test('checkCidrs() takes the defaults for as many nodes as there can be', () => {
  checkCidrs(DEFAULT_POD_CIDRS, DEFAULT_SERVICE_CIDRS, 32);
});

test('checkSame() names everything that is asked for otherwise, with what to do', () => {
  const existing = makeClusterConfig({ name: 'a', nodeCount: 3, network: 'vxlan', index: 0 });
  checkSame(existing, { ...WISH, network: 'vxlan', podCidrs: ['10.244.0.0/16'] });
  assert.throws(() => checkSame(existing, { ...WISH, nodeCount: 2, serviceCidrs: ['10.97.0.0/16'] }), {
    code: 'conflict',
    message:
      /--nodes 2 is asked for, it stands with 3; --service-cidr 10\.97\.0\.0\/16,fd00:10:96::\/112 .*"fairlead down --name a" first/,
  });
  assert.throws(() => checkSame(existing, { ...WISH, iptablesFlavour: 'legacy' }), {
    code: 'conflict',
    message: /--iptables-flavour legacy is asked for, it stands with the machine’s own/,
  });
  checkSame({ ...existing, iptablesFlavour: 'legacy' }, { ...WISH, iptablesFlavour: 'legacy' });
});
