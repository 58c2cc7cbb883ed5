// Names and bits of the backend: whatever a reader of `iptables-save` and `ipset list` meets of ours.

import { hash } from 'node:crypto';
import type { Family } from '../../base/ip.ts';

/** Every chain of the table `mangle` whose name starts with it is ours. Names have at most 28 characters (XT_EXTENSION_MAXNAMELEN). */
const CHAIN_PREFIX = 'FAIRLEAD-';

/** Chains with a name of their own. */
export const CHAINS = {
  /** From POSTROUTING: what is forwarded, and what the node sends. */
  judge: 'FAIRLEAD-POLICY',
  /** From INPUT: what pods ask of the cluster's DNS on the node. */
  own: 'FAIRLEAD-POLICY-OWN',
  dns: 'FAIRLEAD-POLICY-DNS',
  /** From OUTPUT: notes on the flow that the node began it. */
  sent: 'FAIRLEAD-POLICY-SENT',
  /** Which of the node's pods a packet goes to, or comes from, by its address. */
  toPod: 'FAIRLEAD-TO-POD',
  fromPod: 'FAIRLEAD-FROM-POD',
  /** What is denied, unless a pod speaks to itself. */
  denyIn: 'FAIRLEAD-DENY-IN',
  denyOut: 'FAIRLEAD-DENY-OUT',
  /** The end, where packets are counted. */
  dropIn: 'FAIRLEAD-DROP-IN',
  dropOut: 'FAIRLEAD-DROP-OUT',
} as const;

/** Built-in chains of `mangle` and the chain that we hang in each. */
export const JUMPS = [
  ['POSTROUTING', CHAINS.judge],
  ['INPUT', CHAINS.own],
  ['OUTPUT', CHAINS.sent],
] as const;

/**
 * What a chain named by its content is about. T, F: which pod a packet goes to, comes from; S: pods that speak to themselves; I: who sends to a pod; M: which
 * identity; A: whose address; B: in which block; P: which port.
 */
export type ChainKind = 'T' | 'F' | 'S' | 'I' | 'M' | 'A' | 'B' | 'P';

/** The same name for the same content, and no other: 64 bits of it. */
export function contentChain(kind: ChainKind, content: string): string {
  return `${CHAIN_PREFIX}${kind}-${digest(content)}`;
}

export function isOurChain(name: string): boolean {
  return name.startsWith(CHAIN_PREFIX);
}

/** `of`: what the set means, whatever addresses are in it now. At most 31 characters (IPSET_MAXNAMELEN). */
export function setName(family: Family, of: string): string {
  return `fl-policy${family}-${digest(of)}`;
}

/** Undefined for sets of others. */
export function familyOfSet(name: string): Family | undefined {
  if (name.startsWith('fl-policy4-')) return 4;
  return name.startsWith('fl-policy6-') ? 6 : undefined;
}

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16);
}

/** Bit of the connection mark: the node itself began the flow. Bit 28 is of flows that are denied, 29 and 30 are of Services. */
export const NODE_FLOW_BIT = 0x0800_0000;
