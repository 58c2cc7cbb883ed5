// What every Service backend must do, in rows that speak of packets: who sends to which frontend, and who answers. A backend runs the
// suite with three lines; what it cannot do it skips with a reason in words.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { deltasOf } from '../../src/base/deltas.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort, type Protocol } from '../../src/base/port.ts';
import {
  frontendKey,
  type ClusterNetwork,
  type Frontend,
  type ServiceView,
} from '../../src/model/network.ts';
import type { Target } from '../../src/reconcile/target.ts';
import type { ServicePart } from '../../src/backends/shared-node/service-backend.ts';
import { aFrontend as anyFrontend, SERVICE_NODE } from '../support/service-samples.ts';
import type { PeerReply } from './service-peer.ts';
import { SERVICE_ROWS, type PacketRow, type ServiceRow } from './service-rows.ts';
import { buildServiceWorld, type ServiceWorld, type WorldPeer } from './service-world.ts';

/** A backend at work in a world. */
export interface ContractBackend {
  /** Whether the pods' programs run in the cgroup of the world, so that sockets are translated. */
  readonly isInCgroup: boolean;
  /** Makes the kernel hold exactly this view. */
  apply(view: ServiceView): Promise<void>;
}

export interface ServiceContract {
  readonly name: string;
  readonly makeBackend: (world: ServiceWorld, lifetime: Lifetime) => Promise<ContractBackend>;
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

const SIGNAL = new AbortController().signal;
/** With two endpoints and fair choice, missing one has a chance of 2^-29 a row. */
const TRIES = 30;
const PORT = 8080;

/** The `apply` of a backend whose parts are these, in the order of updates. */
export function applyByParts(parts: readonly ServicePart[]): ContractBackend['apply'] {
  return async (view) => {
    const prunes: (() => Promise<void>)[] = [];
    for (const part of parts)
      prunes.unshift(await part.use((target, render) => applyPart(target, render(view))));
    for (const prune of prunes) await prune();
  };
}

/** Updates at once; gives what prunes. */
async function applyPart<T>(
  target: Target<T>,
  desired: ReadonlyMap<string, T>,
): Promise<() => Promise<void>> {
  const isEqual = target.isEqual.bind(target);
  const seen = await target.observe(SIGNAL);
  const { add, change, remove } = deltasOf(desired, seen, isEqual);
  const writes = new Map([...add, ...[...change].map(([key, { to }]) => [key, to] as const)]);
  if (writes.size > 0) assert.deepEqual(await target.update(writes, SIGNAL, seen), new Map());
  return async () => {
    if (remove.size > 0) assert.deepEqual(await target.delete(remove, SIGNAL), new Map());
  };
}

const CLUSTER: ClusterNetwork = {
  podCidrs: [],
  serviceCidrs: [parseCidr('10.96.0.0/16'), parseCidr('fd96::/112')],
  clusterDomain: 'cluster.local',
  dnsIps: [],
  nodePortAddresses: [],
  allowsExternalIps: true,
};

/** Declares the suite for one backend. */
export function runServiceContract(contract: ServiceContract): void {
  describe(`service contract: ${contract.name}`, () => {
    const lifetime = new Lifetime(contract.name);
    let backend: ContractBackend;
    let peers: ReadonlyMap<string, WorldPeer>;

    before(async () => {
      const world = buildServiceWorld(['client', 'a', 'b'], lifetime);
      backend = await contract.makeBackend(world, lifetime);
      peers = await startPeers(world, backend.isInCgroup);
    });
    after(() => lifetime.close());

    const skipped = new Map(
      contract.skip?.flatMap(({ reason, tests }) => tests.map((name) => [name, reason])),
    );
    for (const row of SERVICE_ROWS) {
      test(row.name, { skip: skipped.get(row.name) ?? false }, () => runRow(row, backend, peers));
    }
    test('every skip names a row', () => {
      const names = new Set(SERVICE_ROWS.map((row) => row.name));
      assert.deepEqual([...skipped.keys()].filter((name) => !names.has(name)), []); // prettier-ignore
    });
  });
}

/** A process in every pod, and on the node; each listens on its own addresses and says its name. */
async function startPeers(world: ServiceWorld, isInCgroup: boolean): Promise<ReadonlyMap<string, WorldPeer>> {
  const peers = new Map<string, WorldPeer>();
  for (const [name, pod] of world.pods) {
    const peer = world.startPeer(name, { isInCgroup });
    await listen(peer, name, pod.ips);
    peers.set(name, peer);
  }
  const node = world.startPeer('node', { isInCgroup: false });
  await listen(node, 'node', ['10.96.0.53', 'fd96::53']);
  return peers.set('node', node);
}

async function listen(peer: WorldPeer, says: string, ips: readonly string[]): Promise<void> {
  for (const ip of ips)
    for (const protocol of ['TCP', 'UDP'] as const) {
      const reply = await peer.ask({ kind: 'listen', protocol, ip, port: PORT, says });
      assert.equal(reply.error, undefined, `listen on ${ip}`);
    }
}

async function runRow(
  row: ServiceRow,
  backend: ContractBackend,
  peers: ReadonlyMap<string, WorldPeer>,
): Promise<void> {
  for (const [at, step] of row.steps.entries()) {
    await backend.apply(viewOf(step.frontends.map(aFrontend)));
    for (const packet of step.packets) await runPacket(packet, peers, `step ${at + 1}`);
  }
  await backend.apply(viewOf([]));
  for (const peer of peers.values()) await peer.ask({ kind: 'forget' });
}

function viewOf(frontends: readonly Frontend[]): ServiceView {
  const byKey = new Map(frontends.map((it) => [frontendKey(it), it]));
  return { node: SERVICE_NODE, frontends: byKey, cluster: CLUSTER };
}

async function runPacket(
  row: PacketRow,
  peers: ReadonlyMap<string, WorldPeer>,
  where: string,
): Promise<void> {
  const what = `${where}: ${row.from} to ${row.to} (${row.protocol})`;
  const peer = peers.get(row.from);
  assert.ok(peer, `no pod ${row.from}`);
  const replies: PeerReply[] = [];
  const tries = row.expect === 'refused' || row.socket !== undefined ? 1 : TRIES;
  for (let i = 0; i < tries; i++) replies.push(await sendOne(row, peer));
  if (row.expect === 'refused') return assert.deepEqual(replies[0]?.error, 'ECONNREFUSED', what);
  if (row.expect === 'nobody') return assert.notEqual(replies[0]?.error, undefined, what);
  assert.deepEqual(new Set(replies.map((it) => it.error)), new Set([undefined]), what);
  const said = [...new Set(replies.flatMap((it) => it.said))].sort();
  if (row.expect === 'always the same') return assert.equal(said.length, 1, `${what}: ${said.join()}`);
  assert.deepEqual(said, row.expect, what);
  assert.deepEqual(new Set(replies.map((it) => it.peer)), new Set([row.to]), `${what}: whom the client sees`);
}

function sendOne(row: PacketRow, peer: WorldPeer): Promise<PeerReply> {
  const to = parseAddress(row.to);
  if (row.protocol === 'TCP')
    return peer.ask(
      row.socket === undefined ? { kind: 'connect', ...to } : { kind: 'hold', socket: row.socket, ...to },
    );
  // Linux tells an unconnected datagram socket of no refusal that comes as a packet.
  const isConnected = row.isConnected ?? row.expect === 'refused';
  const named = row.socket === undefined ? {} : { socket: row.socket };
  return peer.ask({ kind: 'send', count: 1, isConnected, ...named, ...to });
}

function aFrontend(text: ServiceRow['steps'][number]['frontends'][number]): Frontend {
  const { ip, port } = parseAddress(text.at);
  return anyFrontend(text.endpoints, {
    kind: text.isNodeLocal === true ? 'node-local' : 'balanced',
    ip: parseIp(ip),
    port: parsePort(port),
    protocol: text.protocol satisfies Protocol,
    affinityTimeoutS: text.affinityTimeoutS,
  });
}

function parseAddress(text: string): { ip: string; port: number } {
  const at = text.lastIndexOf(':');
  return { ip: text.slice(0, at).replaceAll(/[[\]]/g, ''), port: Number(text.slice(at + 1)) };
}
