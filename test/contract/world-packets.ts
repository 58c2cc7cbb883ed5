// Packets to send in the Service world to what a random cluster has, with what the oracle says must come of each, in the words of a contract row.

import { cidrHasIp } from '../../src/base/cidr.ts';
import { familyOf, parseIp, type Ip } from '../../src/base/ip.ts';
import type { Protocol } from '../../src/base/port.ts';
import type { NodeView } from '../../src/model/network.ts';
import type { RawEndpointSlice, RawNode, RawPod, RawService } from '../../src/oracle/raw-objects.ts';
import { resolveService, type ServiceClient, type ServicePacket } from '../../src/oracle/service.ts';
import { ofKind, type State } from '../states/expanders.ts';
import { SERVICE_NODE } from '../support/service-samples.ts';
import { WORLD_ENDPOINTS, WORLD_NETWORK } from './arbitrary-world.ts';
import type { Client, PacketRow, SeenAs } from './service-rows/row.ts';

const NAMES: ReadonlyMap<string, string> = new Map([...WORLD_ENDPOINTS.IPv4, ...WORLD_ENDPOINTS.IPv6]);
const CLIENTS = ['client', 'a', 'node', 'outside'] as const;
/** With two endpoints and fair choice missing one has a chance of 2^-23, with four of 10^-7. */
const [FEW_TRIES, MANY_TRIES] = [24, 60];

/** Where packets go: what the state has now, what the one before had, and a port of each address that nobody has. */
interface Destination {
  readonly ip: Ip;
  readonly port: number;
  readonly protocol: Protocol;
}

export function destinationsOf(views: readonly NodeView[]): readonly Destination[] {
  const all = views.flatMap(({ frontends }) =>
    [...frontends.values()].flatMap(({ ip, port, protocol }) =>
      protocol === 'SCTP'
        ? []
        : [
            { ip, port, protocol },
            { ip, port: 99, protocol },
          ],
    ),
  );
  return [...new Map(all.map((it) => [JSON.stringify(it), it])).values()];
}

/** What must come of it; undefined where the world has no way to tell. */
function rowOfPacket(state: State, view: NodeView, from: Client, to: Destination): PacketRow | undefined {
  const client = clientOf(from, to.ip);
  const packet: ServicePacket = { ...to, client, node: SERVICE_NODE.name };
  const verdict = resolveService(rawOf(state), packet, WORLD_NETWORK);
  const row = { from, protocol: to.protocol, to: addressText(to) };
  switch (verdict.kind) {
    case 'refused':
      return { ...row, expect: 'refused' };
    case 'not-a-service':
      return isOwned(view, to.ip) ? { ...row, expect: 'refused' } : undefined;
    case 'dropped':
      // What is dropped of the node's own sockets they are told of, each backend in its own way.
      return from === 'node' ? undefined : { ...row, expect: 'dropped' };
    case 'node-local':
      return undefined;
    case 'endpoints': {
      const names = [...verdict.endpoints].map((it) => NAMES.get(it.split(' ')[0] ?? '') ?? it).sort();
      const seenAs = seenBy(from, names, verdict.isMasqueraded);
      const tries = names.length > 2 ? MANY_TRIES : FEW_TRIES;
      return { ...row, expect: names, tries, ...(seenAs === undefined ? {} : { seenAs }) };
    }
  }
}

/** All rows of the state, in no order of interest. */
export function rowsOf(
  state: State,
  view: NodeView,
  destinations: readonly Destination[],
): readonly PacketRow[] {
  return destinations.flatMap((to) => CLIENTS.flatMap((from) => rowOfPacket(state, view, from, to) ?? []));
}

/** Unused ports of a Service's own address are refused by every backend; those of addresses that nobody has, by another table of the node. */
function isOwned(view: NodeView, ip: Ip): boolean {
  const isServiceIp = WORLD_NETWORK.serviceCidrs.some((cidr) => cidrHasIp(cidr, ip));
  return isServiceIp && view.frontends.values().some((it) => it.ip === ip);
}

function seenBy(from: Client, names: readonly string[], isMasqueraded: boolean): SeenAs | undefined {
  if (from === 'node') return undefined;
  if (isMasqueraded) return 'the node';
  if (!names.includes(from)) return 'itself';
  return names.length === 1 ? 'not itself' : undefined;
}

function clientOf(from: Client, to: Ip): ServiceClient {
  if (from === 'node') return { kind: 'node', name: SERVICE_NODE.name };
  const isV4 = familyOf(to) === 4;
  if (from === 'outside') return { kind: 'outside', ip: parseIp(isV4 ? '192.0.2.9' : '2001:db8::9') };
  const own = [...WORLD_ENDPOINTS[isV4 ? 'IPv4' : 'IPv6']].find(([, name]) => name === from);
  return { kind: 'pod', node: SERVICE_NODE.name, ip: parseIp(own?.[0] ?? '') };
}

function rawOf(state: State): Parameters<typeof resolveService>[0] {
  return {
    services: ofKind<RawService>(state, 'Service'),
    endpointSlices: ofKind<RawEndpointSlice>(state, 'EndpointSlice'),
    nodes: ofKind<RawNode>(state, 'Node'),
    pods: ofKind<RawPod>(state, 'Pod'),
  };
}

function addressText({ ip, port }: Destination): string {
  return familyOf(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
}
