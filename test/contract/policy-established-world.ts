// The pods of contracts about connections that stand, and policies for them.

import assert from 'node:assert/strict';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import { applyNft } from '../../src/sys/nft.ts';
import { POLICY_CLUSTER, slimPolicyObjects } from '../support/policy-state.ts';
import { podNamed, POD_NAMES, type PodName, type Policies } from './policy-established-rows.ts';
import type { Party } from './policy-prober.ts';
import { buildPolicyWorld, type BuildPolicyWorld, type PolicyWorld } from './policy-world.ts';

export type FamilyIndex = 0 | 1;

const OTHER_NODE = 'far';
const IPS = new Map(
  POD_NAMES.map((name, at) => {
    const node = name === OTHER_NODE ? 1 : 0;
    return [name, [parseIp(`10.244.${node}.${at + 1}`), parseIp(`fd00:244:0:${node}::${at + 1}`)] as const];
  }),
);
/** Places of addresses. */
export const FAMILIES = [0, 1] as const;
/** The masquerade of every node has the kernel track connections. */
const TRACKING = [
  'add table inet tracking',
  'add chain inet tracking tracked { type filter hook forward priority filter; policy accept; }',
  'add rule inet tracking tracked ct state new counter',
  '',
].join('\n');

/** `POD_NAMES` and their nodes. */
export async function buildEstablishedWorld(
  lifetime: Lifetime,
  build: BuildPolicyWorld = buildPolicyWorld,
): Promise<PolicyWorld> {
  const own = [...IPS].filter(([name]) => name !== OTHER_NODE);
  const world = await build(
    { pods: new Map(own), nodeIps: [parseIp('192.0.2.1')], far: IPS.get(OTHER_NODE) ?? [] },
    lifetime,
  );
  await applyNft(TRACKING, { netns: world.nodeNetns });
  return world;
}

export function partyOf(world: PolicyWorld, name: PodName, family: FamilyIndex): Party {
  const ip = IPS.get(name)?.[family];
  assert.ok(ip);
  return { netns: world.pods.get(name)?.netns ?? world.farNetns, ip };
}

/** What these policies mean on the node. */
export function policiesOf(policies: Policies): NodePolicies {
  const pods = [...IPS].map(([name, ips]) => ({
    metadata: { namespace: 'a', name, uid: name, labels: { app: name } },
    spec: { nodeName: name === OTHER_NODE ? 'n2' : 'n1', containers: [] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  }));
  const networkPolicies = Object.entries(policies).map(([name, { of, ingress, egress }]) => ({
    metadata: { namespace: 'a', name },
    spec: {
      ...podNamed(of),
      policyTypes: [...(ingress ? ['Ingress'] : []), ...(egress ? ['Egress'] : [])],
      ...(ingress && { ingress }),
      ...(egress && { egress }),
    },
  }));
  const objects = slimPolicyObjects({
    nodes: ['192.0.2.1', '192.0.2.2'].map((address, at) => ({
      metadata: { name: `n${at + 1}` },
      status: { addresses: [{ type: 'InternalIP', address }] },
    })),
    namespaces: [{ metadata: { name: 'a' } }],
    pods,
    networkPolicies,
    clusterNetworkPolicies: [],
  });
  return new PolicyCompiler({ nodeName: 'n1', cluster: POLICY_CLUSTER }).compile(objects);
}
