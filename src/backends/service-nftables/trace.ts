// What the table does with the first packet of a flow, from rows alone: the same walk as the rules', for proofs and for explaining. Pure.

import { cidrHasIp, parseCidr, type Cidr } from '../../base/cidr.ts';
import { parseIp, type Ip } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { DROP_MARK, kindOfMark, markText, numberMark, REFUSE_MARK } from './flow-kind.ts';
import { rowKey, type FrontendRow, type RowAddress, type RowEndpoint } from './frontend-row.ts';
import type { SkeletonEntry } from './skeleton-entry.ts';

/** The packet's destination is its `ip`, `port` and `protocol`. */
export interface TracedPacket extends RowAddress {
  readonly source: Ip;
  /** `node`: a process of the node sends it. */
  readonly from: 'node' | 'link';
}

export type TraceVerdict =
  /** Not ours: it goes on as it is. */
  | { readonly kind: 'untouched' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'dropped' }
  /** To one of these, each as likely as the others where there is no affinity. */
  | { readonly kind: 'translated'; readonly endpoints: readonly TracedEndpoint[] };

export interface TracedEndpoint extends RowEndpoint {
  /** The endpoint sees an address of the node as the client. */
  readonly isMasqueraded: boolean;
}

/** Of the table what `renderSkeleton` gives, and `cluster` of `renderRefused`. */
export interface TraceContext extends Pick<SkeletonEntry, 'pods' | 'local'> {
  readonly cluster: readonly Cidr[];
}

export function traceNftables(
  rows: ReadonlyMap<string, FrontendRow>,
  packet: TracedPacket,
  context: TraceContext,
): TraceVerdict {
  const row = rows.get(rowKey(packet));
  if (row === undefined) return unused(packet, context);
  if (row.elements.has('limited') && !isAllowed(row, packet.source)) return { kind: 'dropped' };
  const isPod = context.pods.some((cidr) => cidrHasIp(cidr, packet.source));
  const isInside = packet.from === 'node' || isPod;
  const mark = markOf(row, isInside);
  if (mark === undefined) return unused(packet, context);
  if (mark === REFUSE_MARK) return { kind: 'refused' };
  if (mark === DROP_MARK) return { kind: 'dropped' };
  const isHidden = !isInside && row.elements.has('masquerade');
  const endpoints = endpointsOf(row, mark).map((it) => ({
    ...it,
    isMasqueraded: isHidden || (isPod && it.ip === packet.source),
  }));
  return endpoints.length === 0 ? { kind: 'untouched' } : { kind: 'translated', endpoints };
}

function unused(packet: TracedPacket, context: TraceContext): TraceVerdict {
  const has = (cidrs: readonly Cidr[]): boolean => cidrs.some((it) => cidrHasIp(it, packet.ip));
  return has(context.cluster) && !has(context.local) ? { kind: 'refused' } : { kind: 'untouched' };
}

function isAllowed(row: FrontendRow, source: Ip): boolean {
  return [...row.elements.keys()].some((name) => {
    const [set, cidr] = name.split(' ');
    return set === 'allowed' && cidr !== undefined && cidrHasIp(parseCidr(cidr), source);
  });
}

function markOf({ elements }: FrontendRow, isInside: boolean): number | undefined {
  const text = (isInside ? undefined : elements.get('outside')) ?? elements.get('services');
  return text === undefined ? undefined : Number(text);
}

function endpointsOf({ elements }: FrontendRow, mark: number): readonly RowEndpoint[] {
  const kind = kindOfMark(mark);
  if (kind === undefined) return [];
  return Array.from({ length: kind.endpointCount }, (_, place) => {
    const number = markText(numberMark(kind.side, place));
    const name = kind.affinityTimeoutS === 0 ? number : elements.get(`identities ${number}`);
    return elements.get(`endpoints ${name}`);
  }).flatMap((text) => (text === undefined ? [] : [endpointOf(text)]));
}

function endpointOf(text: string): RowEndpoint {
  const at = text.indexOf(' ');
  return { ip: parseIp(text.slice(0, at)), port: parsePort(Number(text.slice(at + 1))) };
}
