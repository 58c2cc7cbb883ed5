// What the programs do with the first packet of a flow, from rows alone: the same order of look-ups as `service_find` and who calls it. Pure.

import { cidrHasIp, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import type { FrontendRow, RowEndpoint } from './frontend-row.ts';

export interface TracedPacket {
  readonly source: Ip;
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
  /** `node`: a process of the node sends it, which its cgroup's programs see; `link`: it comes by a pod's interface or a link of the node. */
  readonly from: 'node' | 'link';
}

export type TraceVerdict =
  /** `untouched`: not ours, it goes on as it is. */
  | { readonly kind: 'untouched' | 'refused' | 'dropped' }
  /** To one of these, each as likely as the others where there is no affinity. */
  | { readonly kind: 'translated'; readonly endpoints: readonly TracedEndpoint[] };

export interface TracedEndpoint extends RowEndpoint {
  /** The endpoint sees another address than the client's. */
  readonly isMasqueraded: boolean;
}

/** Rows by frontend key; `pods` are the node's pod prefixes, whose addresses have the pod program before them. */
export function traceEbpf(
  rows: ReadonlyMap<string, FrontendRow>,
  packet: TracedPacket,
  { pods }: { readonly pods: readonly Cidr[] },
): TraceVerdict {
  const row = rows.get(frontendKey(packet));
  if (row === undefined) return unused(rows, packet);
  if (!isAdmitted(row, packet)) return { kind: 'dropped' };
  const isPod = packet.from === 'link' && pods.some((cidr) => cidrHasIp(cidr, packet.source));
  const isInside = packet.from === 'node' || isPod;
  const { endpoints, whenEmpty } = isInside ? row.inside : row.outside;
  if (endpoints.length === 0) return { kind: whenEmpty === 'drop' ? 'dropped' : 'refused' };
  // With direct return pods see the client. Other endpoints are not told from them here, nor are other clients: what is another node's is hidden.
  const isHidden = !isInside && row.masqueradesOutside && row.direct === undefined;
  return {
    kind: 'translated',
    endpoints: endpoints.map((it) => ({
      ...it,
      isMasqueraded: isHidden || (isPod && it.ip === packet.source),
    })),
  };
}

/** An address is known by its frontends; each of them carries the address's flags. */
function unused(rows: ReadonlyMap<string, FrontendRow>, { ip }: TracedPacket): TraceVerdict {
  const known = rows.values().find((row) => row.ip === ip);
  return { kind: known?.isExclusiveAddress === true ? 'refused' : 'untouched' };
}

/** A socket has no address yet when its programs look: the row says for all of the node whether it may. */
function isAdmitted({ admitsNode, sourceRanges }: FrontendRow, { from, source }: TracedPacket): boolean {
  if (from === 'node') return admitsNode;
  return sourceRanges?.some((cidr) => cidrHasIp(cidr, source)) ?? true;
}
