// Pods whose links another plugin has made ports of a bridge: pods of one bridge speak to each other without the node's stack, so that only who judges at
// the links keeps them. Whoever else is to keep policies is refused beside such a pod, and such a pod beside him.

import { POLICY_BACKENDS } from '../backends/registry.ts';
import { policyMode } from '../backends/shared-bpf/policy-mode.ts';
import type { NodeMaps } from '../backends/shared-bpf/node-maps.ts';
import type { PodLink } from '../backends/shared-node/policy-backend.ts';
import type { BackendRole } from '../backends/shared-node/service-backend.ts';
import { FairleadError } from '../base/errors.ts';
import { POLICY_MODES } from '../base/policy-numbers.ts';
import type { DatapathPod } from '../cni/doors.ts';
import type { Netlink } from '../sys/netlink-types.ts';

const isAskedAcrossBridges = (backend: string): boolean =>
  POLICY_BACKENDS.some((it) => it.name === backend && it.isAskedAcrossBridges === true);

const OTHERS = POLICY_BACKENDS.filter((it) => it.isAskedAcrossBridges === true).map((it) => it.name);

const WHY = `packets between pods of a bridge pass no netfilter; set policy=${OTHERS.join(' or ')}`;

/** Why the node's pods cannot be kept by the backend, undefined where they can. */
export function bridgedPodProblem(backend: string, links: readonly PodLink[]): string | undefined {
  if (isAskedAcrossBridges(backend)) return undefined;
  const link = links.find((it) => it.bridge !== undefined);
  if (link === undefined) return undefined;
  const whose = link.pod === undefined ? `the pod with address ${link.ips[0]}` : `pod ${link.pod.key}`;
  return `the link of ${whose} is a port of ${link.bridge}, where ${backend} is not asked: ${WHY}`;
}

/** Throws `unsupported` for a link of a bridge unless those who keep policies, now and next, are asked there. */
export function bridgeGate(
  policies: { roles(): ReadonlyMap<string, BackendRole> },
  maps: Pick<NodeMaps, 'policyState'>,
): (pod: DatapathPod) => void {
  return (pod) => refuseBridged(pod, policies.roles(), maps);
}

function refuseBridged(
  { linkName, bridge }: DatapathPod,
  roles: ReadonlyMap<string, BackendRole>,
  maps: Pick<NodeMaps, 'policyState'>,
): void {
  if (bridge === undefined) return;
  const carriers = [...roles].filter(([, role]) => role === 'carry').map(([name]) => name);
  const other = carriers.find((it) => !isAskedAcrossBridges(it));
  // Until the settings are known the kernel says who judges.
  if (other === undefined && policyMode(maps) === POLICY_MODES.judges) return;
  const who = other === undefined ? 'policies are not asked' : `policies by ${other} are not asked`;
  throw new FairleadError(
    'unsupported',
    `Cannot keep link ${linkName} to policies: it is a port of ${bridge}, where ${who}: ${WHY}`,
  );
}

/** Names of the bridges that links of the node are ports of, by the link's index. */
export async function bridgesOf(netlink: Pick<Netlink, 'links'>): Promise<ReadonlyMap<number, string>> {
  const links = await netlink.links();
  return new Map(
    links.flatMap(({ index, master }) => (master === undefined ? [] : [[index, master] as const])),
  );
}
