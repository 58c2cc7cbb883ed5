// What a policy backend of netfilter makes of a packet, as its trace of what it programs says: asked by tests, and about flows that stand.

import type { Ip } from '../../base/ip.ts';
import type { Protocol } from '../../base/port.ts';

/** The first packet of a connection, at one of its ends. */
export interface JudgedPacket {
  readonly direction: 'ingress' | 'egress';
  /** Of the pod that the policy is asked for. */
  readonly own: Ip;
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

export interface PolicyJudge {
  /** True where the packet passes. */
  passes(packet: JudgedPacket): boolean;
  /** Whether policies know the address as one of the node's pods. */
  knows(ip: Ip): boolean;
  /** Who has an address: one of `PEERS`, or a pod's or a node's number. */
  peerAt(ip: Ip): number;
}
