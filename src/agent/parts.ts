// Everything that the agent programs, in the order in which it has to exist. Updates go down this list, removals up.

import { kernelNameParts } from '../backends/dns-ebpf/target.ts';
import { NODE_SYSCTLS } from '../backends/network-vxlan/node-settings.ts';
import { peerAddressTarget, tunnelPeerTarget } from '../backends/network-vxlan/peer-map.ts';
import { networkVxlanTargets, type VxlanTargets } from '../backends/network-vxlan/target.ts';
import { podStandingPart } from '../backends/shared-node/pod-standing.ts';
import type { NodeLinks } from '../backends/shared-bpf/node-links.ts';
import type { NodeMaps } from '../backends/shared-bpf/node-maps.ts';
import { POLICY_BACKENDS, SERVICE_BACKENDS } from '../backends/registry.ts';
import { MASQUERADE, renderMasquerade } from '../backends/shared-nft/masquerade.ts';
import { tableTarget } from '../backends/shared-nft/table-target.ts';
import { renderUnusedServices, UNUSED_SERVICES } from '../backends/shared-nft/unused-services.ts';
import { localAddressTarget, renderLocalAddresses } from '../backends/shared-node/local-addresses.ts';
import { staleFlowPart } from '../backends/shared-node/stale-flows.ts';
import { staleSocketPart } from '../backends/shared-node/stale-sockets.ts';
import { sysctlTarget, type SysctlDoor } from '../backends/shared-node/sysctls.ts';
import type { Clock } from '../base/clock.ts';
import type { Lifetime } from '../base/lifetime.ts';
import { part, type Part } from '../reconcile/engine.ts';
import type { Conntrack } from '../sys/conntrack.ts';
import type { Netlink } from '../sys/netlink-types.ts';
import type { SockDiag } from '../sys/sock-diag.ts';
import type { AgentConfig } from './config.ts';
import type { AgentView } from './agent-view.ts';
import { renderHealthDoors } from './health-answer.ts';
import { healthTarget } from './health-target.ts';
import { kernelNames } from './kernel-names.ts';

/** The doors that targets go through. */
export interface PartDoors {
  readonly netlink: Netlink;
  readonly conntrack: Conntrack;
  /** Undefined where the kernel ends no sockets. */
  readonly sockets: SockDiag | undefined;
  readonly sysctl: SysctlDoor;
  readonly maps: NodeMaps;
  readonly clock: Clock;
  readonly nodeLinks: NodeLinks;
  /** What targets open ends with it. */
  readonly lifetime: Lifetime;
}

export function agentParts(config: AgentConfig, doors: PartDoors): readonly Part<AgentView>[] {
  const { netlink, conntrack, sockets, sysctl, maps, nodeLinks, lifetime, clock } = doors;
  const writeSysctls = (values: ReadonlyMap<string, string>): void => sysctl.writeSysctls(values);
  const { iptablesFlavour } = config;
  const serviceDoors = { maps, nodeLinks, netns: undefined, lifetime, iptablesFlavour };
  const vxlan = networkVxlanTargets({ netlink, writeSysctls });
  return [
    part(sysctlTarget(NODE_SYSCTLS, sysctl), () => NODE_SYSCTLS),
    part(localAddressTarget(netlink, config.serviceCidrs), (view) =>
      view.services === undefined
        ? undefined
        : renderLocalAddresses([...view.services.cluster.dnsIps, ...config.nodeLocalDnsIps]),
    ),
    ...vxlanParts<AgentView>(vxlan),
    part(tunnelPeerTarget(maps), (view) => view.vxlan?.peers),
    part(peerAddressTarget(maps), (view) => view.vxlan?.peerAddresses),
    part(tableTarget('masquerade', MASQUERADE), ({ node }) => node && renderMasquerade(node)),
    part(
      tableTarget('unused-services', UNUSED_SERVICES),
      ({ node }) => node && renderUnusedServices(node.cluster),
    ),
    staleFlowPart<AgentView>(conntrack),
    ...(sockets === undefined ? [] : [staleSocketPart<AgentView>(sockets, maps.nodeUdpPeers)]),
    ...POLICY_BACKENDS.flatMap((it) =>
      it.open<AgentView>({ maps, netns: undefined, lifetime, iptablesFlavour }),
    ),
    podStandingPart<AgentView>(maps),
    ...kernelNameParts<AgentView>(maps, kernelNames(config)),
    ...SERVICE_BACKENDS.flatMap((it) => it.open<AgentView>(serviceDoors)),
    part(healthTarget(clock, lifetime), ({ services, isDraining }) =>
      services === undefined
        ? undefined
        : renderHealthDoors(services, { isDraining, nodePort: config.healthPort }),
    ),
  ];
}

/** The tunnel's targets in their order. */
export function vxlanParts<V extends Pick<AgentView, 'vxlan'>>(targets: VxlanTargets): readonly Part<V>[] {
  return [
    part(targets.devices, ({ vxlan }: V) => vxlan?.devices),
    part(targets.addresses, ({ vxlan }: V) => vxlan?.addresses),
    part(targets.neighbours, ({ vxlan }: V) => vxlan?.neighbours),
    part(targets.forwardings, ({ vxlan }: V) => vxlan?.forwardings),
    part(targets.routes, ({ vxlan }: V) => vxlan?.routes),
    part(targets.rules, ({ vxlan }: V) => vxlan?.rules),
  ];
}
