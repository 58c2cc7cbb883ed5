// Policy backends at work in the world of the policy contract, as suites take them.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { openNodeBpf, type NodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { CLOSED_STANDING } from '../../src/backends/shared-bpf/pod-interfaces.ts';
import { podStandingPart } from '../../src/backends/shared-node/pod-standing.ts';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { NFTABLES_POLICIES } from '../../src/backends/policy-nftables/backend.ts';
import type {
  PolicyBackend,
  PolicyInput,
  PolicyView,
  PodLink,
} from '../../src/backends/shared-node/policy-backend.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import type { Part } from '../../src/reconcile/engine.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { startPassing } from './passing-engine.ts';
import type { PolicyWorld } from './policy-world.ts';
import { linkIndex } from './service-world.ts';

type Roles = PolicyInput['policyRoles'];

export interface RunningPolicies {
  /** Resolves when the kernel holds what these policies mean; rejects with what it refused. `roles`: who carries them, where that changes. */
  apply(policies: NodePolicies, roles?: Roles): Promise<void>;
}

/** The pods' links in the node's namespace. */
type PolicyPlace = Pick<PolicyWorld, 'nodeNetns' | 'pinDir' | 'pods'>;

export type MakePolicies = (world: PolicyPlace, lifetime: Lifetime) => Promise<RunningPolicies>;

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;

export const ebpfPolicies = policiesBy(EBPF_POLICIES);

export const nftablesPolicies = policiesBy(NFTABLES_POLICIES);

/** All of them in one engine, as an agent has them. */
export const switchedPolicies = policiesBy(...POLICY_BACKENDS);

/** The first one carries unless it is told otherwise. */
export function policiesBy(...backends: readonly PolicyBackend[]): MakePolicies {
  return async (world, lifetime) => {
    const { bpf, running } = await keepPolicies(backends, world, lifetime);
    lifetime.defer('BPF of the node', () => bpf.detachAll());
    return running;
  };
}

/** As an agent does it that may be one of several in turn: it takes what it finds in the kernel, and leaves it as it is at its end. */
export function keepersBy(...backends: readonly PolicyBackend[]): MakePolicies {
  return async (world, lifetime) => (await keepPolicies(backends, world, lifetime)).running;
}

async function keepPolicies(
  backends: readonly PolicyBackend[],
  { pinDir, nodeNetns: netns, pods }: PolicyPlace,
  lifetime: Lifetime,
): Promise<{ readonly bpf: NodeBpf; readonly running: RunningPolicies }> {
  const bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns }, lifetime);
  const known = new Set(bpf.podInterfaces.list().map(({ ifindex }) => ifindex));
  const links = [...pods.values()].map(({ link, mac, ips }): PodLink => {
    const ifindex = inNetns(netns, () => linkIndex(link));
    if (!known.has(ifindex)) bpf.podInterfaces.attach({ ifindex, mac, ips, standing: CLOSED_STANDING });
    return { ifindex, ips, pod: undefined };
  });
  const own = backends.flatMap((it) => it.open<PolicyInput>({ maps: bpf.maps, netns, lifetime }));
  const parts = [...own, podStandingPart<PolicyInput>(bpf.maps)];
  const roles: Roles = new Map(backends.map(({ name }, at) => [name, at === 0 ? 'carry' : 'leave'] as const));
  return { bpf, running: runPolicies(parts, { roles, links }, lifetime) };
}

function runPolicies(
  parts: readonly Part<PolicyInput>[],
  { roles: first, links }: { readonly roles: Roles; readonly links: readonly PodLink[] },
  lifetime: Lifetime,
): RunningPolicies {
  const submit = startPassing(parts, lifetime);
  return {
    apply: (policies, roles = first) =>
      submit({ policies: { ...policies, links } satisfies PolicyView, policyRoles: roles }),
  };
}
