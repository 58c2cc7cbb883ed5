// Sends the packets of one row of the Service contract and judges what came of them.

import assert from 'node:assert/strict';
import { quietMs, scaledMs, SILENCE_MS } from '../support/time-scale.ts';
import { SERVICE_NODE } from '../support/service-samples.ts';
import type { BurstRequest, PeerAnswer } from './service-burst.ts';
import { OUTSIDE_SOURCES } from './service-neighbours.ts';
import type { PeerReply } from './service-peer.ts';
import type { PacketRow } from './service-rows/row.ts';
import type { ServiceWorld, WorldPeer } from './service-world.ts';

/** With two endpoints and fair choice, missing one has a chance of 2^-23 a packet row. */
const TRIES = 24;
const ANSWER_MS = scaledMs(2500);

/** The node as other hosts may see it: its own addresses and those of its links. */
const NODE_ADDRESSES: ReadonlySet<string> = new Set([
  ...SERVICE_NODE.addresses,
  '203.0.113.1',
  '2001:db8:1::1',
]);

export interface PeerPlace {
  readonly peers: ReadonlyMap<string, WorldPeer>;
  readonly world: Pick<ServiceWorld, 'pods'>;
  /** Pods' connections are translated when they are made: one to the pod itself never leaves it, and needs no other address. */
  readonly isAtSocket: boolean;
}

export async function runPacket(row: PacketRow, place: PeerPlace, where: string): Promise<void> {
  const what = `${where}: ${row.from} to ${row.to} (${row.protocol})`;
  const peer = place.peers.get(row.from);
  assert.ok(peer, `no peer ${row.from}`);
  if (row.afterMs !== undefined)
    await new Promise((resolve) => setTimeout(resolve, quietMs(row.afterMs ?? 0)));
  const answers = await answersOf(row, peer);
  judge(row, answers, what);
  const words = answers.filter((it) => it.kind === 'answer');
  for (const { seen } of words)
    judgeSeen(row, seen, { what, own: ownAddresses(row, place), isAtSocket: place.isAtSocket });
  if (row.bytes !== undefined && row.expect !== 'dropped')
    assert.deepEqual(
      new Set(words.map((it) => it.bytes)),
      new Set([row.bytes]),
      `${what}: bytes that arrived`,
    );
}

async function answersOf(row: PacketRow, peer: WorldPeer): Promise<readonly PeerAnswer[]> {
  if (row.socket !== undefined) return [answerOf(await askOnSocket(row, row.socket, peer), row)];
  return peer.burst(burstOf(row));
}

function isQuiet({ expect }: PacketRow): boolean {
  return expect === 'dropped' || expect === 'nobody';
}

function burstOf(row: PacketRow): BurstRequest {
  const { ip, port } = parseAddress(row.to);
  const sources = OUTSIDE_SOURCES[ip.includes(':') ? 6 : 4];
  return {
    kind: 'burst',
    protocol: row.protocol,
    ip,
    port,
    count:
      row.isFromOnePort === true
        ? sources.length
        : (row.tries ?? (isQuiet(row) || row.expect === 'refused' ? 2 : TRIES)),
    isAtOnce: row.expect !== 'always the same',
    // Linux tells an unconnected datagram socket of no refusal that comes as a packet.
    isConnected: row.isConnected ?? row.expect === 'refused',
    ...(row.bytes === undefined ? {} : { bytes: row.bytes }),
    ...(row.isFromManyAddresses === true ? { sources } : {}),
    ...(row.isFromOnePort === true ? { sources, isFromOnePort: true } : {}),
    waitMs: isQuiet(row) ? SILENCE_MS : ANSWER_MS,
  };
}

function askOnSocket(row: PacketRow, socket: string, peer: WorldPeer): Promise<PeerReply> {
  const to = { ...parseAddress(row.to), ...(isQuiet(row) ? { waitMs: SILENCE_MS } : {}) };
  if (row.protocol === 'UDP')
    return peer.ask({ kind: 'send', count: 1, isConnected: row.isConnected ?? false, socket, ...to });
  return peer.ask({ kind: 'hold', protocol: row.protocol, socket, ...to });
}

function answerOf({ said, seen, peer, error }: PeerReply, row: PacketRow): PeerAnswer {
  if (error !== undefined) return { kind: 'error', error };
  const { port } = parseAddress(row.to);
  return { kind: 'answer', from: peer ?? '', said: said[0] ?? '', seen: seen[0] ?? '', at: port, bytes: 0 };
}

function judge(row: PacketRow, answers: readonly PeerAnswer[], what: string): void {
  const { expect, to } = row;
  const outcomes = answers.map((it) => (it.kind === 'error' ? it.error : 'answer'));
  const errors = new Set(isOwnDatagram(row) ? outcomes.map((it) => ownOutcome(it, expect)) : outcomes);
  if (expect === 'refused') return assert.deepEqual(errors, new Set(['ECONNREFUSED']), what);
  if (expect === 'dropped') return assert.deepEqual(errors, new Set(['timeout']), what);
  if (expect === 'nobody') return assert.ok(!errors.has('answer'), `${what}: somebody answered`);
  assert.deepEqual(errors, new Set(['answer']), what);
  const words = answers.filter((it) => it.kind === 'answer');
  assert.deepEqual(new Set(words.map((it) => it.from)), new Set([to]), `${what}: whom the client sees`);
  const said = [...new Set(words.map((it) => it.said))].sort();
  if (expect === 'always the same') return assert.equal(said.length, 1, `${what}: ${said.join()}`);
  if (!('ports' in expect)) return assert.deepEqual(said, expect, what);
  const ports = new Set(words.map((it) => `${it.said}:${it.at}`)).size;
  assert.ok(ports >= expect.ports, `${what}: ${ports} endpoints of at least ${expect.ports}`);
}

function isOwnDatagram({ from, protocol }: PacketRow): boolean {
  return from === 'node' && protocol === 'UDP';
}

/** What netfilter drops or refuses of a socket of the node itself, the sender is told of at once: EPERM for a datagram, nothing for a segment. */
function ownOutcome(outcome: string, expect: PacketRow['expect']): string {
  if (outcome !== 'EPERM') return outcome;
  return expect === 'dropped' ? 'timeout' : 'ECONNREFUSED';
}

interface SeenContext {
  readonly what: string;
  readonly own: ReadonlySet<string>;
  readonly isAtSocket: boolean;
}

function judgeSeen({ seenAs }: PacketRow, seen: string, { what, own, isAtSocket }: SeenContext): void {
  if (seenAs === undefined) return;
  if (seenAs === 'not itself' && isAtSocket) return;
  const isMet = {
    itself: own.has(seen),
    'the node': NODE_ADDRESSES.has(seen),
    'not itself': !own.has(seen),
  }[seenAs];
  assert.ok(isMet, `${what}: the endpoint saw ${seen}, not ${seenAs}`);
}

/** The addresses that a client sends from. */
function ownAddresses({ from }: PacketRow, { world }: PeerPlace): ReadonlySet<string> {
  const pod = world.pods.get(from);
  if (pod !== undefined) return new Set(pod.ips);
  if (from === 'node') return NODE_ADDRESSES;
  if (from === 'remote') return new Set(['10.77.1.13', 'fd77:0:0:1::13']);
  return new Set(['192.0.2.9', '2001:db8::9', ...OUTSIDE_SOURCES[4], ...OUTSIDE_SOURCES[6]]);
}

/** "10.0.0.1:80" or "[fd00::1]:80". */
export function parseAddress(text: string): { readonly ip: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  return { ip: text.slice(0, at).replaceAll(/[[\]]/g, ''), port: Number(text.slice(at + 1)) };
}
