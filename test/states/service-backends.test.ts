// Every Service backend against the view and the oracle: random clusters, every packet from every kind of client, one meaning.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidrHasIp, parseCidr } from '../../src/base/cidr.ts';
import { familyOf, parseIp, type Ip } from '../../src/base/ip.ts';
import { parsePort } from '../../src/base/port.ts';
import { compileCluster } from '../../src/compile/cluster.ts';
import { viewOfNode } from '../../src/compile/view.ts';
import { frontendKey, type ClusterNetwork, type NodeView } from '../../src/model/network.ts';
import type { RawEndpointSlice, RawNode, RawPod, RawService } from '../../src/oracle/raw-objects.ts';
import {
  resolveService,
  type ServiceClient,
  type ServicePacket,
  type ServiceVerdict,
} from '../../src/oracle/service.ts';
import { anyState, NODE_NAMES } from './arbitrary-cluster.ts';
import { fateOf, TRACED_BACKENDS, type NodePacket, type PacketFate } from './backend-traces.ts';
import { ofKind, type State } from './expanders.ts';
import { packetsAt, verdictOf } from './service-packets.ts';
import { SlimStates } from './slim-state.ts';
import { yamlOf } from './yaml-of.ts';

const SETTINGS: ClusterNetwork = {
  podCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'].map(parseCidr),
  serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'].map(parseCidr),
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: true,
  ipvsScheduler: undefined,
};

/** A packet for the oracle, and the same one as the node sees it. */
interface TriedPacket {
  readonly asked: ServicePacket;
  readonly seen: NodePacket;
}

/** An endpoint of the random clusters, which may be its own client. */
const ENDPOINTS: readonly ServiceClient[] = ['10.244.1.1', 'fd00:10:244:1::1'].map((ip) => ({
  kind: 'pod',
  node: '',
  ip: parseIp(ip),
}));

function triedPackets(view: NodeView): readonly TriedPacket[] {
  const packets = packetsAt(view.node.name);
  const own = packets
    .filter(({ client }) => client.kind === 'node')
    .flatMap((packet) => ENDPOINTS.map((client) => ({ ...packet, client })));
  return [...packets, ...own].flatMap((packet) => {
    const client = clientAt(view, packet.client);
    const source = sourceOf(view, { ...packet, client });
    if (source === undefined || familyOf(source) !== familyOf(packet.ip)) return [];
    if (isTwoPlaces(view, client)) return [];
    const { ip, protocol } = packet;
    const from = client.kind === 'node' ? 'node' : 'link';
    return [
      { asked: { ...packet, client }, seen: { from, source, ip, port: parsePort(packet.port), protocol } },
    ];
  });
}

/** Whose slice says that it is here, and whose address says that it is not: no such pod sends anything. */
function isTwoPlaces({ node, frontends }: NodeView, client: ServiceClient): boolean {
  if (client.kind !== 'pod' || client.node === node.name) return false;
  return frontends
    .values()
    .some(({ outside }) => outside.endpoints.some((it) => it.ip === client.ip && it.node === node.name));
}

/** A node knows its pods by their addresses: whose address is in its prefixes is one of them. */
function clientAt({ node }: NodeView, client: ServiceClient): ServiceClient {
  if (client.kind !== 'pod') return client;
  const isHere = node.podCidrs.some((cidr) => cidrHasIp(cidr, client.ip));
  return { ...client, node: isHere ? node.name : 'another' };
}

/** A process of the node takes an address of the node that the frontend lets in, where there is one: with any of them it may. */
function sourceOf(view: NodeView, { client, ip, port, protocol }: ServicePacket): Ip | undefined {
  if (client.kind !== 'node') return client.ip;
  const sources = view.node.addresses.filter((it) => familyOf(it) === familyOf(ip));
  const frontend = view.frontends.get(frontendKey({ ip, port: parsePort(port), protocol }));
  const isLetIn = (source: Ip): boolean =>
    frontend?.sourceRanges?.some((cidr) => cidrHasIp(cidr, source)) ?? true;
  return sources.find(isLetIn) ?? sources[0];
}

/** The verdict in the words of `PacketFate`. */
function fateFrom(verdict: ServiceVerdict, view: NodeView, { asked, seen }: TriedPacket): PacketFate {
  switch (verdict.kind) {
    case 'not-a-service':
      return isRefusedUnused(view, seen.ip) ? 'refused' : 'untouched';
    case 'node-local':
      return 'untouched';
    case 'refused':
    case 'dropped':
      return verdict.kind;
    case 'endpoints': {
      // Whoever is its own endpoint must not see its own address come back.
      const isOwn = asked.client.kind === 'pod' && asked.client.node === view.node.name;
      return fateOf(
        [...verdict.endpoints].map((text) => {
          const [ip = '', port] = text.split(' ');
          const isMasqueraded = verdict.isMasqueraded || (isOwn && parseIp(ip) === seen.source);
          return { ip: parseIp(ip), port: parsePort(Number(port)), isMasqueraded };
        }),
      );
    }
  }
}

/** Ports of ClusterIPs without a Service are refused, unless the node itself serves at the address. */
function isRefusedUnused(view: NodeView, ip: Ip): boolean {
  const isLocal = view.frontends.values().some((it) => it.kind === 'node-local' && it.ip === ip);
  return view.cluster.serviceCidrs.some((cidr) => cidrHasIp(cidr, ip)) && !isLocal;
}

/** What no backend knows is refused by the node's table of unused Service addresses, whatever the backend. */
function atTheNode(fate: PacketFate, view: NodeView, ip: Ip): PacketFate {
  const isKnown = view.frontends.values().some((it) => it.ip === ip);
  return fate === 'untouched' && !isKnown && isRefusedUnused(view, ip) ? 'refused' : fate;
}

function oracleOf(state: State): (packet: ServicePacket) => ServiceVerdict {
  const objects = {
    services: ofKind<RawService>(state, 'Service'),
    endpointSlices: ofKind<RawEndpointSlice>(state, 'EndpointSlice'),
    nodes: ofKind<RawNode>(state, 'Node'),
    pods: ofKind<RawPod>(state, 'Pod'),
  };
  return (packet) => resolveService(objects, packet, SETTINGS);
}

/** Throws where somebody differs, and says who, how, and on which cluster. */
function judge(state: State, view: NodeView, seen: Set<string>): void {
  const oracle = oracleOf(state);
  const traces = TRACED_BACKENDS.map((it) => ({ name: it.name, trace: it.trace(view) }));
  for (const packet of triedPackets(view)) {
    const meant = fateFrom(oracle(packet.asked), view, packet);
    seen.add(/\d/.test(meant) ? (meant.includes('hidden') ? 'hidden' : 'to endpoints') : meant);
    const fates = [
      ['view', fateFrom(verdictOf(view, packet.asked), view, packet)] as const,
      ...traces.map(
        ({ name, trace }) => [name, atTheNode(trace(packet.seen), view, packet.seen.ip)] as const,
      ),
    ];
    const others = fates.filter(([, fate]) => fate !== meant).map(([name, fate]) => `${name}: ${fate}`);
    if (others.length > 0)
      assert.fail(
        `On ${view.node.name} ${JSON.stringify(packet.seen)} is meant to be: ${meant}\n${others.join('\n')}\nin\n${yamlOf(state)}`,
      );
  }
}

test('every Service backend does to every packet what the oracle says, on every node', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyState, (state) => {
      const model = compileCluster(new SlimStates().of(state), SETTINGS);
      for (const name of NODE_NAMES) {
        const view = viewOfNode(model, name);
        if (view !== undefined) judge(state, view, seen);
      }
    }),
    { numRuns: 60 },
  );
  // Random states that never reach a case would prove nothing about it.
  assert.deepEqual([...seen].sort(), ['dropped', 'hidden', 'refused', 'to endpoints', 'untouched']);
});
