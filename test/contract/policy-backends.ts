// Policy backends at work in the world of the policy contract, as suites take them.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { openNodeBpf, type NodeBpf } from '../../src/backends/shared-bpf/node-bpf.ts';
import { CLOSED_STANDING } from '../../src/backends/shared-bpf/pod-interfaces.ts';
import { podStandingPart } from '../../src/backends/shared-node/pod-standing.ts';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { IPTABLES_POLICIES } from '../../src/backends/policy-iptables/backend.ts';
import { NFTABLES_POLICIES } from '../../src/backends/policy-nftables/backend.ts';
import type {
  PolicyBackend,
  PolicyInput,
  PolicyView,
  PodLink,
} from '../../src/backends/shared-node/policy-backend.ts';
import { DENIAL_LOG_GROUP, deniedPacketOf } from '../../src/backends/shared-policy/denial-log.ts';
import { deniedByPrograms, type DeniedPacket } from '../../src/backends/shared-policy/denied-packet.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import type { Part } from '../../src/reconcile/engine.ts';
import type { IptablesFlavour } from '../../src/sys/iptables.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { openNflog } from '../../src/sys/nflog.ts';
import type { LoggedPacket } from '../../src/wire/netlink/nflog.ts';
import { startPassing } from './passing-engine.ts';
import type { PolicyWorld } from './policy-world.ts';
import { linkIndex } from './service-world.ts';

type Roles = PolicyInput['policyRoles'];

export interface RunningPolicies {
  /** Resolves when the kernel holds what these policies mean; rejects with what it refused. `roles`: who carries them, where that changes. */
  apply(policies: NodePolicies, roles?: Roles): Promise<void>;
  /** Tells of each packet that is denied from now on, as an agent hears of it. */
  watchDenied(onDenied: (packet: DeniedPacket) => void): void;
}

/** The pods' links in the node's namespace. */
type PolicyPlace = Pick<PolicyWorld, 'nodeNetns' | 'pinDir' | 'pods'>;

export type MakePolicies = (world: PolicyPlace, lifetime: Lifetime) => Promise<RunningPolicies>;

const OBJECTS = new URL('../../build/bpf', import.meta.url).pathname;

export const ebpfPolicies = policiesBy(EBPF_POLICIES);

export const nftablesPolicies = policiesBy(NFTABLES_POLICIES);

/** Policies by iptables in a flavour, whatever the system's is. */
export function iptablesPoliciesIn(iptablesFlavour: IptablesFlavour): PolicyBackend {
  return {
    ...IPTABLES_POLICIES,
    open: (doors) => IPTABLES_POLICIES.open({ ...doors, iptablesFlavour }),
  };
}

export const iptablesPolicies = policiesBy(iptablesPoliciesIn('nft'));

export const legacyPolicies = policiesBy(iptablesPoliciesIn('legacy'));

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
  const running = runPolicies(parts, { roles, links }, lifetime);
  const watchDenied = (onDenied: (packet: DeniedPacket) => void): void => {
    const note = (packet: DeniedPacket | undefined): void => {
      if (packet !== undefined) onDenied(packet);
    };
    bpf.events((event) => note(deniedByPrograms(event)), lifetime);
    const onPacket = (packet: LoggedPacket): void => note(deniedPacketOf(packet));
    lifetime.own('log', openNflog({ netns, group: DENIAL_LOG_GROUP, onPacket }), (it) => it.close());
  };
  return { bpf, running: { ...running, watchDenied } };
}

function runPolicies(
  parts: readonly Part<PolicyInput>[],
  { roles: first, links }: { readonly roles: Roles; readonly links: readonly PodLink[] },
  lifetime: Lifetime,
): Pick<RunningPolicies, 'apply'> {
  const submit = startPassing(parts, lifetime);
  return {
    apply: (policies, roles = first) =>
      submit({ policies: { ...policies, links } satisfies PolicyView, policyRoles: roles }),
  };
}
