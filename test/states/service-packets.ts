// Packets to try on random clusters, and what a node's frontends make of each, in the words of the oracle.

import { cidrHasIp } from '../../src/base/cidr.ts';
import { familyOf, parseIp, type Ip } from '../../src/base/ip.ts';
import { parsePort } from '../../src/base/port.ts';
import { frontendKey, type Frontend, type NodeView } from '../../src/model/network.ts';
import type { ServiceClient, ServicePacket, ServiceVerdict } from '../../src/oracle/service.ts';
import {
  CLUSTER_IPS,
  EXTERNAL_IPS,
  HOST_PORTS,
  NODE_IPS,
  NODE_NAMES,
  NODE_PORTS,
} from './arbitrary-cluster.ts';

const ADDRESSES = [...new Set([...CLUSTER_IPS, ...EXTERNAL_IPS, ...NODE_IPS].map(parseIp))];
const PORTS = [...new Set([53, 80, ...NODE_PORTS, ...HOST_PORTS])];

/** One client of each kind for each family, and one in each source range. */
export function clientsOf(node: string, ip: Ip): readonly ServiceClient[] {
  const isV4 = familyOf(ip) === 4;
  const [near, far, known, unknown] = isV4
    ? ['10.244.1.9', '10.244.2.9', '192.0.2.9', '203.0.113.9']
    : ['fd00:10:244:1::9', 'fd00:10:244:2::9', '2001:db8::9', '2001:db8:1::9'];
  const other = NODE_NAMES.find((it) => it !== node) ?? '';
  return [
    { kind: 'pod', node, ip: parseIp(near) },
    { kind: 'pod', node: other, ip: parseIp(far) },
    { kind: 'node', name: node },
    { kind: 'outside', ip: parseIp(known) },
    { kind: 'outside', ip: parseIp(unknown) },
  ];
}

/** Every address and port that a random cluster may have, at this node, from every kind of client. */
export function packetsAt(node: string): readonly ServicePacket[] {
  return ADDRESSES.flatMap((ip) =>
    PORTS.flatMap((port) =>
      (['TCP', 'UDP'] as const).flatMap((protocol) =>
        clientsOf(node, ip).map((client) => ({ client, node, ip, port, protocol })),
      ),
    ),
  );
}

/** What a node with this view does to the packet; nothing where there is no view. */
export function verdictOf(view: NodeView | undefined, packet: ServicePacket): ServiceVerdict {
  const frontend = view?.frontends.get(frontendKey({ ...packet, port: parsePort(packet.port) }));
  if (view === undefined || frontend === undefined) return { kind: 'not-a-service' };
  const service = `${frontend.namespace}/${frontend.service}`;
  if (frontend.kind === 'node-local') return { kind: 'node-local', service };
  if (!isLetIn(frontend, view, packet)) return { kind: 'dropped', service };
  const isOutside = !isInside(packet);
  const { endpoints, whenEmpty } = isOutside ? frontend.outside : frontend.inside;
  if (endpoints.length === 0) return { kind: whenEmpty === 'drop' ? 'dropped' : 'refused', service };
  return {
    kind: 'endpoints',
    service,
    endpoints: new Set(endpoints.map((it) => `${it.ip} ${it.port}`)),
    isMasqueraded: isOutside && frontend.masqueradesOutside,
  };
}

function isInside({ client, node }: ServicePacket): boolean {
  if (client.kind === 'outside') return false;
  return client.kind === 'pod' ? client.node === node : client.name === node;
}

function isLetIn({ sourceRanges, ip }: Frontend, { node }: NodeView, { client }: ServicePacket): boolean {
  if (sourceRanges === undefined) return true;
  const sources = client.kind === 'node' ? node.addresses : [client.ip];
  const own = sources.filter((it) => familyOf(it) === familyOf(ip));
  return own.some((source) => sourceRanges.some((range) => cidrHasIp(range, source)));
}
