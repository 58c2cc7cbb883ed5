// A frontend as the kernel holds it: what a render asks for and what an observation gives back.

import type { Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import type { Port, Protocol } from '../../base/port.ts';

export interface FrontendRow {
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: Protocol;
  readonly inside: RowChoice;
  readonly outside: RowChoice;
  /** Outside clients are hidden behind the node. */
  readonly masqueradesOutside: boolean;
  /** Sorted, of the frontend's family, no duplicates; undefined for everybody. */
  readonly sourceRanges: readonly Cidr[] | undefined;
  /** The node's own processes are in the source ranges, by one of its addresses. */
  readonly admitsNode: boolean;
  /** Outside clients choose by a consistent hash instead of by chance; there is more than one endpoint for them then. */
  readonly isMaglev: boolean;
  /** Session affinity by client, 0 for none. */
  readonly affinityTimeoutS: number;
  /** Direct return: the endpoints of this node, for what other nodes hand over; undefined where outside clients are treated as the flag above says. */
  readonly direct: readonly RowEndpoint[] | undefined;
  /**
   * Ports of this address without a frontend are refused; the same for all rows of an address. Undefined where the kernel holds the frontend
   * without its address, which is never wanted: no packet comes to it, until another frontend brings the address.
   */
  readonly isExclusiveAddress: boolean | undefined;
}

/** The endpoints for one side of clients: sorted by `endpointText`, no duplicates, all of the frontend's family. */
export interface RowChoice {
  readonly endpoints: readonly RowEndpoint[];
  readonly whenEmpty: 'refuse' | 'drop';
}

export interface RowEndpoint {
  readonly ip: Ip;
  readonly port: Port;
}

/** Canonical text of an endpoint: its order and its identity. */
export function endpointText(endpoint: RowEndpoint): string {
  return `${endpoint.ip} ${endpoint.port}`;
}

export function sortedEndpoints(endpoints: readonly RowEndpoint[]): readonly RowEndpoint[] {
  const sorted = endpoints.map(({ ip, port }) => ({ ip, port })).sort(compareByText);
  return sorted.filter((it, at) => at === 0 || !isSameEndpoint(it, sorted[at - 1]));
}

/** As their texts compare, without making those of a hundred thousand: an address that another one begins with comes first there, too. */
function compareByText(a: RowEndpoint, b: RowEndpoint): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return String(a.port) < String(b.port) ? -1 : 1;
}

function isSameEndpoint(a: RowEndpoint, b: RowEndpoint | undefined): boolean {
  return a.ip === b?.ip && a.port === b.port;
}

/** Same behaviour of the kernel; both rows belong to the same key. */
export function isSameRow(a: FrontendRow, b: FrontendRow): boolean {
  return (
    a.affinityTimeoutS === b.affinityTimeoutS &&
    a.isExclusiveAddress === b.isExclusiveAddress &&
    a.masqueradesOutside === b.masqueradesOutside &&
    a.admitsNode === b.admitsNode &&
    a.isMaglev === b.isMaglev &&
    a.sourceRanges?.join() === b.sourceRanges?.join() &&
    isSameDirect(a.direct, b.direct) &&
    isSameChoice(a.inside, b.inside) &&
    isSameChoice(a.outside, b.outside)
  );
}

function isSameChoice(a: RowChoice, b: RowChoice): boolean {
  return a.whenEmpty === b.whenEmpty && hasSameEndpoints(a, b);
}

function isSameDirect(a: FrontendRow['direct'], b: FrontendRow['direct']): boolean {
  return a === undefined || b === undefined ? a === b : areSame(a, b);
}

export function hasSameEndpoints(a: RowChoice, b: RowChoice): boolean {
  return areSame(a.endpoints, b.endpoints);
}

function areSame(a: readonly RowEndpoint[], b: readonly RowEndpoint[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((it, at) => isSameEndpoint(it, b[at]));
}
