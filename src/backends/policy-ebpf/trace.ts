// What the programs make of the maps for the first packet of a connection, as bpf/lib/policy.h has it. Pure: desired entries and a packet in, a verdict out.

import { cidrHasIp, cidrLength, cidrFamily, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import { PROTOCOL_NUMBERS, type Protocol } from '../../base/port.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import type { PolicyAddress } from '../../model/policy.ts';
import { POLICY_ISOLATED } from '../../wire/bpf-maps-policy.ts';
import type { PodStanding } from '../shared-bpf/pod-interfaces.ts';
import { peerEntryKey, portEntryKey, type AddressEntry, type PeerEntry, type PortEntry } from './render.ts';

export interface PolicyMapState {
  readonly ports: ReadonlyMap<string, PortEntry>;
  readonly addresses: ReadonlyMap<string, AddressEntry>;
  readonly peers: ReadonlyMap<string, PeerEntry>;
}

export interface TracedPacket {
  readonly direction: 'ingress' | 'egress';
  /** Of the pod that the policy is asked for. */
  readonly standing: PodStanding;
  readonly remote: Ip;
  /** Undefined for what has no ports. */
  readonly protocol: Protocol | undefined;
  /** Destination port. */
  readonly port: number;
  /** What the packet carries where it comes in: 0 for nothing. */
  readonly mark: number;
  /** The node itself sends it. */
  readonly isOfNode: boolean;
}

/** True where the packet passes. */
export function tracePolicy(maps: PolicyMapState, packet: TracedPacket): boolean {
  const { standing, direction } = packet;
  if ((standing.isolated & POLICY_ISOLATED[direction]) === 0) return true;
  const found = addressOf(maps, packet.remote);
  const peer = direction === 'egress' ? found.peer : senderOf(packet, found);
  if (peer === PEERS.host) return true;
  return isOpen(maps, ruleSetOf(maps, packet, { peer, block: found.block }), packet);
}

function senderOf({ mark, isOfNode }: TracedPacket, { peer }: PolicyAddress): number {
  if (isOfNode) return PEERS.host;
  if (mark !== 0) return mark;
  return peer === PEERS.host ? PEERS.outside : peer;
}

function addressOf({ addresses }: PolicyMapState, ip: Ip): PolicyAddress {
  let best: AddressEntry | undefined;
  for (const it of addresses.values())
    if (holds(it.prefix, ip) && (best === undefined || cidrLength(it.prefix) > cidrLength(best.prefix)))
      best = it;
  return best ?? { peer: PEERS.outside, block: 0 };
}

function holds(prefix: Cidr, ip: Ip): boolean {
  return (cidrFamily(prefix) === 4) === !ip.includes(':') && cidrHasIp(prefix, ip);
}

function ruleSetOf(
  { peers }: PolicyMapState,
  { standing, direction }: TracedPacket,
  { peer, block }: PolicyAddress,
): number {
  const any = peer === PEERS.outside || peer >= PEERS.firstNode ? PEERS.outside : PEERS.anyPod;
  const of = { subject: standing.subject, direction: direction === 'egress' ? 1 : 0 };
  const look = (who: number, where: number): number | undefined =>
    peers.get(peerEntryKey({ ...of, peer: who, block: where }))?.ruleSet;
  return look(peer, block) ?? look(any, block) ?? look(peer, 0) ?? look(any, 0) ?? RULE_SETS.none;
}

function isOpen({ ports }: PolicyMapState, ruleSet: number, { protocol, port }: TracedPacket): boolean {
  if (ruleSet === RULE_SETS.none || ruleSet === RULE_SETS.all) return ruleSet === RULE_SETS.all;
  if (protocol === undefined) return ports.has(portEntryKey({ ruleSet, protocol: 0, port: 0, bits: 0 }));
  return Array.from({ length: 17 }, (_, bits) => bits).some((bits) => {
    const block = port & ~(0xffff >> bits);
    return ports.has(
      portEntryKey({ ruleSet, protocol: PROTOCOL_NUMBERS[protocol], port: bits === 0 ? 0 : block, bits }),
    );
  });
}
