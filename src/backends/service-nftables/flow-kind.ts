// What happens to a new flow of a frontend, as a number: the map of Services gives it, the packet mark carries it from the filter hook to
// the nat hook, and a chain of the table stands for each. Pure.
//
//   mark    31..30  29        28                    27..11                10..0
//   kind    01      0         1 for outside         affinity, seconds     endpoints
//   number  01      0         1 for outside         0                     place of an endpoint among those of the frontend
//   sticky  01      1         1 for outside         bit 27: 0, 27 bits that stand for an endpoint wherever its place is
//   client  01      1         0                     bit 27: 1, hash of an IPv6 client and its Service

/** Clients of which one chain takes care. */
export type ClientSide = 'inside' | 'outside';

/** Flows that one chain treats the same: so many endpoints, so long an affinity, for clients of that side. */
export interface FlowKind {
  readonly side: ClientSide;
  /** From 1 to `MAX_ENDPOINTS`. */
  readonly endpointCount: number;
  /** 0 for no affinity. */
  readonly affinityTimeoutS: number;
}

/** Marks that are ours while a packet is in the hooks of the table: of these two bits the upper is 0, the lower is 1. */
export const OUR_MARK_MASK = 0xc000_0000;
export const OUR_MARK = 0x4000_0000;
const STICKY_BIT = 0x2000_0000;
const OUTSIDE_BIT = 0x1000_0000;
const TIMEOUT_SHIFT = 11;
const COUNT_MASK = 0x7ff;
const TIMEOUT_MASK = 0x0fff_ffff;
const STICKY_MASK = 0x07ff_ffff;
export const CLIENT_HASH_MARK = 0x6800_0000;
export const CLIENT_HASH_COUNT = 0x0800_0000;
/** Kubernetes takes a day at most, so that these stand for no kind. */
export const REFUSE_MARK = 0x5fff_fffe;
export const DROP_MARK = 0x5fff_ffff;
/** Bit of the connection mark: the flow was translated by this table. */
export const OUR_FLOW_BIT = 0x4000_0000;

/** More endpoints of one frontend than this take no flows. */
export const MAX_ENDPOINTS = COUNT_MASK;
export const MAX_AFFINITY_S = 86_400;

export function markOfKind(kind: FlowKind): number {
  const side = kind.side === 'outside' ? OUTSIDE_BIT : 0;
  return OUR_MARK + side + (kind.affinityTimeoutS << TIMEOUT_SHIFT) + kind.endpointCount;
}

/** Undefined for marks that are no kind of flow. */
export function kindOfMark(mark: number): FlowKind | undefined {
  const endpointCount = mark & COUNT_MASK;
  const affinityTimeoutS = (mark & TIMEOUT_MASK) >>> TIMEOUT_SHIFT;
  const isKind = (mark & (OUR_MARK_MASK | STICKY_BIT)) === OUR_MARK;
  if (!isKind || endpointCount === 0 || affinityTimeoutS > MAX_AFFINITY_S) return undefined;
  return { side: (mark & OUTSIDE_BIT) === 0 ? 'inside' : 'outside', endpointCount, affinityTimeoutS };
}

/** The mark by which clients with affinity remember an endpoint; 27 bits of `hash` count. */
export function stickyMark(side: ClientSide, hash: number): number {
  return OUR_MARK + STICKY_BIT + (side === 'outside' ? OUTSIDE_BIT : 0) + (hash & STICKY_MASK);
}

/** As nft writes marks. */
export function markText(mark: number): string {
  return `0x${mark.toString(16).padStart(8, '0')}`;
}

/** The mark that stands for an endpoint by its place; outside clients' own endpoints have other ones than the inside ones'. */
export function numberMark(side: ClientSide, place: number): number {
  return OUR_MARK + (side === 'outside' ? OUTSIDE_BIT : 0) + place;
}

/** "inside-3", "outside-3-10800": side, endpoints, affinity in seconds. */
export function chainOfKind({ side, endpointCount, affinityTimeoutS }: FlowKind): string {
  return `${side}-${endpointCount}${affinityTimeoutS === 0 ? '' : `-${affinityTimeoutS}`}`;
}

/** Undefined for names that are no kind's. */
export function kindOfChain(chain: string): FlowKind | undefined {
  const [, side, count, timeout = '0'] = /^(inside|outside)-([1-9]\d*)(?:-([1-9]\d*))?$/.exec(chain) ?? [];
  const [endpointCount, affinityTimeoutS] = [Number(count), Number(timeout)];
  if (side === undefined || endpointCount > MAX_ENDPOINTS || affinityTimeoutS > MAX_AFFINITY_S)
    return undefined;
  return { side: side === 'outside' ? 'outside' : 'inside', endpointCount, affinityTimeoutS };
}
