// A pair of a Service and a policy backend at work in the world of the Service contract, with the roles that an agent gives them.

import { BackendChoice } from '../../src/agent/backend-choice.ts';
import { serviceRoles } from '../../src/agent/backend-choices.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from '../../src/backends/registry.ts';
import { openNodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { CLOSED_STANDING } from '../../src/backends/shared-bpf/pod-interfaces.ts';
import { podStandingPart } from '../../src/backends/shared-node/pod-standing.ts';
import type { PodLink, PolicyInput } from '../../src/backends/shared-node/policy-backend.ts';
import type { ServiceInput } from '../../src/backends/shared-node/service-backend.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import type { ServiceView } from '../../src/model/network.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import type { Part } from '../../src/reconcile/engine.ts';
import type { IptablesFlavour } from '../../src/sys/iptables.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { startPassing } from './passing-engine.ts';
import { linkIndex, type ServiceWorld } from './service-world.ts';

export interface RunningPair {
  /** Resolves when the kernel holds what the view and the policies mean; rejects with what it refused. */
  apply(view: ServiceView, policies: NodePolicies): Promise<void>;
}

export interface PairNames {
  readonly service: string;
  readonly policy: string;
  readonly flavour?: IptablesFlavour;
}

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;

/** The programs are at pods' links in every pair, and leave with the lifetime. */
export async function openPair(
  { service, policy, flavour: iptablesFlavour }: PairNames,
  { nodeNetns: netns, pinDir, cgroup, pods }: ServiceWorld,
  lifetime: Lifetime,
): Promise<RunningPair> {
  const bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns }, lifetime);
  lifetime.defer('BPF of the node', () => bpf.detachAll());
  const links = [...pods.values()].map(({ link, mac, ips }): PodLink => {
    const ifindex = inNetns(netns, () => linkIndex(link));
    bpf.podInterfaces.attach({ ifindex, mac, ips, standing: CLOSED_STANDING });
    return { ifindex, ips, pod: undefined };
  });
  const { maps, nodeLinks } = bpf;
  const parts: readonly Part<PolicyInput & ServiceInput>[] = [
    ...POLICY_BACKENDS.flatMap((it) =>
      it.open<PolicyInput & ServiceInput>({ maps, netns, lifetime, iptablesFlavour }),
    ),
    podStandingPart(maps),
    ...SERVICE_BACKENDS.filter(({ name }) => name === service || name === 'ebpf').flatMap((it) =>
      it.open<PolicyInput & ServiceInput>({ maps, nodeLinks, netns, lifetime, iptablesFlavour }),
    ),
  ];
  const choices = {
    services: chosen(service, SERVICE_BACKENDS),
    policies: chosen(policy, POLICY_BACKENDS),
  };
  const roles = { serviceRoles: serviceRoles(choices), policyRoles: choices.policies.roles() };
  const submit = startPassing(parts, lifetime);
  return {
    apply: (services, policies) =>
      submit({ services, policies: { ...policies, links }, changedFrontends: undefined, ...roles }),
  };
}

/** The choice of a node on which the backend carries. */
function chosen(name: string, backends: readonly { readonly name: string }[]): BackendChoice {
  const known = backends.map((it) => it.name);
  const choice = new BackendChoice({ role: 'any', known, fallback: name, support: () => ({ kind: 'yes' }) });
  choice.want(name);
  choice.settle(() => true);
  return choice;
}
