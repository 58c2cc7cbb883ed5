// What policies mean for one node, resolved: who its pods are to policies, who everybody else is, and which ports stand open between them.
// Readonly data, no behaviour. Numbers are the same after every restart: they follow from what they stand for.

import type { Cidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { PortSet } from '../base/port-set.ts';

/** What is behind an address: who, and in which of the blocks that policies name (0 for none). */
export interface PolicyAddress {
  /** One of `PEERS`, or a pod's, a node's, or that of an address outside which has names. */
  readonly peer: number;
  readonly block: number;
}

/** Pods that are the same to policies: what comes in and goes out. */
export interface PolicySubject {
  /** Undefined for a direction in which nothing is denied. */
  readonly ingress: DirectionPolicy | undefined;
  readonly egress: DirectionPolicy | undefined;
}

/**
 * Rule sets by peer, then by block. For a peer in a block: its own entry for the block, else that of `anyPod` (of `outside` for what is no pod) for the
 * block; where that has none either, the block does not matter here: the same without it.
 */
export type DirectionPolicy = ReadonlyMap<number, ReadonlyMap<number, number>>;

export interface PolicyPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** As its status says: empty until its node has told. */
  readonly ips: readonly Ip[];
  /** Key of `subjects`. */
  readonly subject: number;
  /** What its packets carry; undefined until the controller has given it one. */
  readonly identity: number | undefined;
}

export interface NodePolicies {
  /** Pods of this node with a network of their own, by "namespace/name". */
  readonly pods: ReadonlyMap<string, PolicyPod>;
  readonly subjects: ReadonlyMap<number, PolicySubject>;
  /** The longest prefix that holds an address tells who is there; none: `outside`, in no block. Of the moment: the next compilation changes it in place. */
  readonly addresses: ReadonlyMap<Cidr, PolicyAddress>;
  /** Prefixes that policies name, with their numbers as in `PolicyAddress`. */
  readonly blocks: ReadonlyMap<Cidr, number>;
  /** Names, and "*." for all below one, whose addresses count from the moment on that the node's DNS answers with them; sorted. */
  readonly names: readonly string[];
  /** What is open, by number; those of `RULE_SETS` are not in it. */
  readonly ruleSets: ReadonlyMap<number, PortSet>;
}
