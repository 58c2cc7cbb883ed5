// A frontend as the kernel holds it: what a render asks for and what an observation gives back.

import type { Ip } from '../../base/ip.ts';
import type { Port } from '../../base/port.ts';

/** Endpoints are sorted by `endpointText` and have no duplicates; all are of the frontend's family. */
export interface FrontendRow {
  readonly ip: Ip;
  readonly port: Port;
  readonly protocol: 'TCP' | 'UDP';
  readonly endpoints: readonly RowEndpoint[];
  /** Session affinity by client, 0 for none. */
  readonly affinityTimeoutS: number;
  /** Ports of this address without a frontend are refused; the same for all rows of an address. */
  readonly isExclusiveAddress: boolean;
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
  const byText = new Map(endpoints.map((it) => [endpointText(it), { ip: it.ip, port: it.port }]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** Same behaviour of the kernel; both rows belong to the same key. */
export function isSameRow(a: FrontendRow, b: FrontendRow): boolean {
  return (
    a.affinityTimeoutS === b.affinityTimeoutS &&
    a.isExclusiveAddress === b.isExclusiveAddress &&
    a.endpoints.length === b.endpoints.length &&
    a.endpoints.every((it, at) => it.ip === b.endpoints[at]?.ip && it.port === b.endpoints[at].port)
  );
}
