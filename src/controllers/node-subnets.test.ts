import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clusterOf } from '../../test/support/cluster-of.ts';
import { cidrsOverlap, parseCidr } from '../base/cidr.ts';
import { NODES, type Draft } from '../kube/resource.ts';
import type { Node } from '../objects/api-types.ts';
import { allocateSubnets, type SubnetPlan } from './node-subnets.ts';

const PLAN: SubnetPlan = {
  podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')],
  nodePrefixLengths: { 4: 24, 6: 64 },
};

function aNode(name: string, ...podCIDRs: readonly string[]): Draft<Node> {
  return { metadata: { name }, spec: podCIDRs.length === 0 ? {} : { podCIDR: podCIDRs[0] ?? '', podCIDRs } };
}

/** Node name -> what it gets, or the reason of the event. */
function allocated(nodes: readonly Draft<Node>[], plan: SubnetPlan = PLAN): Record<string, unknown> {
  const actions = allocateSubnets(plan, { cluster: clusterOf([NODES, nodes]) });
  return Object.fromEntries(
    actions.map((action) => {
      if (action.kind === 'event') return [action.about.metadata.name, action.event.reason];
      if (action.kind !== 'patch') return ['?', action.kind];
      return [action.at.name, (action.patch['spec'] as { podCIDRs: unknown }).podCIDRs];
    }),
  );
}

test('allocateSubnets() gives each new node the lowest free prefixes', () => {
  const nodes = [aNode('c'), aNode('a', '10.244.0.0/24', 'fd00:10:244::/64'), aNode('b')];
  assert.deepEqual(allocated(nodes), {
    b: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    c: ['10.244.2.0/24', 'fd00:10:244:2::/64'],
  });
});

test('allocateSubnets() fills gaps and goes round prefixes of another length', () => {
  const nodes = [aNode('a', '10.244.1.0/24'), aNode('b', '10.244.2.0/23'), aNode('c'), aNode('d')];
  assert.deepEqual(allocated(nodes), {
    c: ['10.244.0.0/24', 'fd00:10:244::/64'],
    d: ['10.244.4.0/24', 'fd00:10:244:1::/64'],
  });
});

test('allocateSubnets() leaves a node alone whose prefix cannot be read', () => {
  assert.deepEqual(allocated([aNode('a', 'nonsense'), aNode('b')]), {
    b: ['10.244.0.0/24', 'fd00:10:244::/64'],
  });
});

test('allocateSubnets() says so when a family is used up', () => {
  const plan = { podCidrs: [parseCidr('10.244.0.0/24')], nodePrefixLengths: { 4: 25, 6: 64 } };
  assert.deepEqual(allocated([aNode('a'), aNode('b'), aNode('c')], plan), {
    a: ['10.244.0.0/25'],
    b: ['10.244.0.128/25'],
    c: 'CIDRNotAvailable',
  });
});

test('allocateSubnets() refuses to write over a node that changed meanwhile', () => {
  const [action] = allocateSubnets(PLAN, { cluster: clusterOf([NODES, [aNode('a')]]) });
  assert.ok(action?.kind === 'patch');
  assert.deepEqual(action.patch['metadata'], { resourceVersion: '1', uid: 'Node/a' });
});

test('allocateSubnets() never gives two nodes overlapping prefixes, whatever is taken', () => {
  const taken = fc.uniqueArray(fc.integer({ min: 0, max: 15 }), { maxLength: 10 });
  fc.assert(
    fc.property(taken, fc.integer({ min: 0, max: 12 }), (indexes, fresh) => {
      const plan = { podCidrs: [parseCidr('10.244.0.0/20')], nodePrefixLengths: { 4: 24, 6: 64 } };
      const old = indexes.map((index) => aNode(`old-${index}`, `10.244.${index}.0/24`));
      const made = allocated([...old, ...Array.from({ length: fresh }, (_, i) => aNode(`new-${i}`))], plan);
      const given = Object.values(made).filter((value) => Array.isArray(value));
      const all = [...indexes.map((index) => `10.244.${index}.0/24`), ...given.flat()].map((text) =>
        parseCidr(String(text)),
      );
      for (const [i, a] of all.entries()) {
        for (const b of all.slice(i + 1)) assert.ok(!cidrsOverlap(a, b), `${a} and ${b}`);
      }
      assert.equal(given.length, Math.min(fresh, 16 - indexes.length));
    }),
  );
});
