// Words for rows about objects as the API holds them.

import type { EndpointText, ObjectText, PacketRow, RowWords, ServiceRow, SliceText } from './row.ts';

/** A row of one step. */
export function objectRow(name: string, objects: ObjectText, packets: readonly PacketRow[]): ServiceRow {
  return { name, steps: [{ frontends: [], objects, packets }] };
}

/** Everybody's: a Service with one port, named `web` at its pods. */
export function serviceOf({ vip, protocol }: RowWords, spec: object = {}): { readonly spec: object } {
  const ip = bare(vip);
  const ports = [{ name: 'web', port: 80, targetPort: 'web', protocol, nodePort: 30080 }];
  return { spec: { type: 'ClusterIP', clusterIP: ip, clusterIPs: [ip], ports, ...spec } };
}

/** Without the brackets that a port needs. */
export function bare(ip: string): string {
  return ip.replaceAll(/[[\]]/g, '');
}

export function sliceOf({ protocol }: RowWords, ...endpoints: readonly EndpointText[]): SliceText {
  return { ports: [{ name: 'web', port: 8080, protocol }], endpoints };
}
