// The pure half of every Service backend as one question: what does what it renders do to a packet? In the words that all of them share.

import { familyOf, type Ip } from '../../src/base/ip.ts';
import { parsePort, type Port, type Protocol } from '../../src/base/port.ts';
import type { ServiceView } from '../../src/model/network.ts';
import { EBPF_RENDERING } from '../../src/backends/service-ebpf/render.ts';
import { traceEbpf } from '../../src/backends/service-ebpf/trace.ts';
import { IPTABLES_RENDERING, isSkeleton } from '../../src/backends/service-iptables/entries.ts';
import type { FrontendRow as IptablesRow } from '../../src/backends/service-iptables/render.ts';
import type { SkeletonEntry } from '../../src/backends/service-iptables/skeleton.ts';
import { traceIptables } from '../../src/backends/service-iptables/trace.ts';
import { IPVS_RENDERING } from '../../src/backends/service-ipvs/render.ts';
import { traceIpvs } from '../../src/backends/service-ipvs/trace.ts';
import { NFTABLES_RENDERING, renderSkeleton } from '../../src/backends/service-nftables/render.ts';
import { SKELETON_KEY } from '../../src/backends/service-nftables/skeleton-entry.ts';
import { traceNftables } from '../../src/backends/service-nftables/trace.ts';
import { renderFrontends } from '../../src/backends/shared-node/service-backend.ts';

/** The first packet of a flow, as a node sees it. */
export interface NodePacket {
  readonly from: 'node' | 'link';
  readonly source: Ip;
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
}

/** `untouched`, `refused`, `dropped`, or every endpoint that may answer, sorted: "10.244.1.2 8080", with " hidden" where it sees another client. */
export type PacketFate = string;

interface TracedBackend {
  readonly name: string;
  /** Renders once; the answer is for any number of packets. */
  trace(view: ServiceView): (packet: NodePacket) => PacketFate;
}

interface Destination {
  readonly ip: Ip;
  readonly port: Port;
  readonly isMasqueraded: boolean;
}

export function fateOf(endpoints: readonly Destination[]): PacketFate {
  return endpoints
    .map(({ ip, port, isMasqueraded }) => `${ip} ${port}${isMasqueraded ? ' hidden' : ''}`)
    .sort()
    .join(', ');
}

export const TRACED_BACKENDS: readonly TracedBackend[] = [
  { name: 'ebpf', trace: ebpf },
  { name: 'nftables', trace: nftables },
  { name: 'iptables', trace: iptables },
  { name: 'ipvs', trace: ipvs },
];

function ebpf(view: ServiceView): (packet: NodePacket) => PacketFate {
  const rows = renderFrontends(EBPF_RENDERING, view);
  return (packet) => {
    const verdict = traceEbpf(rows, packet, { pods: view.node.podCidrs });
    return verdict.kind === 'translated' ? fateOf(verdict.endpoints) : verdict.kind;
  };
}

function nftables(view: ServiceView): (packet: NodePacket) => PacketFate {
  const rows = renderFrontends(NFTABLES_RENDERING, view);
  const { pods = [], local = [] } = renderSkeleton(view).get(SKELETON_KEY) ?? {};
  return (packet) => {
    const verdict = traceNftables(rows, packet, { pods, local, cluster: view.cluster.serviceCidrs });
    return verdict.kind === 'translated' ? fateOf(verdict.endpoints) : verdict.kind;
  };
}

function iptables(view: ServiceView): (packet: NodePacket) => PacketFate {
  const entries = [...renderFrontends(IPTABLES_RENDERING, view)];
  const rows = new Map<string, IptablesRow>();
  const skeleton = new Map<string, SkeletonEntry>();
  for (const [key, entry] of entries) {
    if (isSkeleton(entry)) skeleton.set(key, entry);
    else rows.set(key, entry);
  }
  const context = { skeleton, nodeIps: new Set(view.node.addresses) };
  return ({ ip, from, ...packet }) => {
    const traced = { ...packet, destination: ip, isFromNode: from === 'node' };
    const verdict = traceIptables(rowsFor(rows, ip), traced, context);
    if (verdict.kind !== 'endpoints') return verdict.kind;
    return fateOf(
      [...verdict.to].map(([text, { isMasqueraded }]) => ({ ...endpointOf(text), isMasqueraded })),
    );
  };
}

/** The walk parses all rules of the packet's family for each packet: those of other addresses match nothing and are left out. */
function rowsFor(rows: ReadonlyMap<string, IptablesRow>, ip: Ip): ReadonlyMap<string, IptablesRow> {
  const start = familyOf(ip) === 4 ? `${ip}:` : `[${ip}]:`;
  return new Map([...rows].filter(([key]) => key.startsWith(start)));
}

function endpointOf(text: string): Pick<Destination, 'ip' | 'port'> {
  const [ip, port] = text.split(' ');
  // Printed by the tracer from a row's own endpoint.
  return { ip: ip as Ip, port: parsePort(Number(port)) };
}

function ipvs(view: ServiceView): (packet: NodePacket) => PacketFate {
  const rows = renderFrontends(IPVS_RENDERING, view);
  const context = { podCidrs: view.node.podCidrs, nodeIps: view.node.addresses };
  return (packet) => {
    const verdict = traceIpvs(rows, packet, context);
    if (verdict.kind === 'passed') return 'untouched';
    if (verdict.kind !== 'balanced') return verdict.kind;
    const { to, isMasqueraded, hairpins } = verdict;
    return fateOf(
      to.map((it) => ({ ...it, isMasqueraded: isMasqueraded || hairpins.some(({ ip }) => ip === it.ip) })),
    );
  };
}
