// What `fairlead set` refuses before it writes anything: a backend that does not go with what a node has beside it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKEND_PAIRS } from '../../backends/pairs.ts';
import { hasCode } from '../../base/errors.ts';
import { refusePair } from './pairs.ts';
import type { NodeAnswer } from './settings.ts';

const PAIRS = BACKEND_PAIRS.filter((it) => it.service !== 'ipvs' || it.policy !== 'nftables');

function aNode(services: string | undefined, policies: string | undefined, wanted?: string): NodeAnswer {
  const choice = (carrier: string | undefined) => ({ wanted, carrier, next: undefined, problem: undefined });
  const engine = { isConverged: true, targets: [] };
  // Of the answer it looks at the choices alone.
  const status = { services: choice(services), policies: choice(policies), xdp: undefined, engine };
  return { node: 'node-1', status: status as unknown as NodeAnswer['status'] };
}

function refusal(...[wish, nodes]: Parameters<typeof refusePair>): string | undefined {
  try {
    refusePair(wish, nodes, PAIRS);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error && hasCode(error, 'unsupported'));
    return error.message;
  }
}

const BECAUSE = 'policies by nftables go with Services by ebpf, nftables, iptables, not by ipvs';

for (const { name, wish, node, expected } of [
  { name: 'a pair of the table', wish: { proxy: 'ipvs' }, node: aNode('ebpf', 'ebpf'), expected: undefined },
  {
    name: 'Services that do not go with the policies',
    wish: { proxy: 'ipvs' },
    node: aNode('ebpf', 'nftables'),
    expected: `Cannot carry Services by ipvs on node-1: ${BECAUSE}`,
  },
  {
    name: 'policies that do not go with the Services',
    wish: { policy: 'nftables' },
    node: aNode('ipvs', 'ebpf'),
    expected: `Cannot keep policies by nftables on node-1: ${BECAUSE}`,
  },
  {
    name: 'what is set counts before what stands still',
    wish: { policy: 'nftables' },
    node: aNode('ebpf', 'ebpf', 'ipvs'),
    expected: `Cannot keep policies by nftables on node-1: ${BECAUSE}`,
  },
  {
    name: 'a node that carries nothing yet',
    wish: { policy: 'nftables' },
    node: aNode(undefined, undefined),
    expected: undefined,
  },
  {
    name: 'a node that does not answer',
    wish: { policy: 'nftables' },
    node: { node: 'node-1', status: undefined },
    expected: undefined,
  },
])
  test(`refusePair(): ${name}`, () => {
    assert.equal(refusal(wish, [node]), expected);
  });
