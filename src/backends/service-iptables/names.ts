// Names and packet marks of the backend: whatever a reader of `iptables-save` meets of ours.

import { hash } from 'node:crypto';
import type { Endpoint } from '../../model/network.ts';

/** Every chain of ours, and nobody else's, starts with it. */
export const CHAIN_PREFIX = 'FAIRLEAD-';

/** Fixed chains. Names have at most 28 characters (XT_EXTENSION_MAXNAMELEN). */
export const CHAINS = {
  /** nat: one rule per frontend. */
  services: 'FAIRLEAD-SERVICES',
  /** nat: hides outside clients behind the node; sets `masquerade` on what comes from outside. */
  masqueradeOutside: 'FAIRLEAD-MASQ-OUTSIDE',
  /** nat: sets `outside` on what comes from outside. */
  markOutside: 'FAIRLEAD-OUTSIDE',
  /** nat: refused, or dropped, in the filter table, which comes later on the packet's way. */
  refuse: 'FAIRLEAD-REFUSE',
  drop: 'FAIRLEAD-DROP',
  /** nat: marked packets leave with the node's address. */
  postrouting: 'FAIRLEAD-POSTROUTING',
  /** filter: what was marked, then what no frontend took. */
  filter: 'FAIRLEAD-FILTER',
  /** filter: Service addresses that are still untranslated; one rule per `node-local` frontend lets its address pass. */
  clusterIps: 'FAIRLEAD-CLUSTER-IPS',
  unusedPorts: 'FAIRLEAD-UNUSED-PORTS',
} as const;

/**
 * The lowest of the four bits of the packet mark that are ours: 25 to 28. kube-proxy's are 14 and 15, Cilium's 8 to 11 and the low half,
 * Tailscale's 16 to 23. They are set and read between the hooks of one packet; nothing else of Fairlead looks at them.
 */
const LOWEST_MARK_BIT = 25;

export const MARKS = {
  masquerade: 1 << LOWEST_MARK_BIT,
  refuse: 2 << LOWEST_MARK_BIT,
  drop: 4 << LOWEST_MARK_BIT,
  outside: 8 << LOWEST_MARK_BIT,
} as const;

/** The bit of the connection tracking mark that tells flows which the backend translated: they hold what it needs to leave last. */
export const OUR_FLOW_BIT = 1 << 29;

/** S: a frontend. B: who passed the frontend's source ranges. X: its outside clients where they go elsewhere. E: one of its endpoints. */
export type ChainKind = 'S' | 'B' | 'X' | 'E';

/** "FAIRLEAD-S-1f0a…": 27 characters, of which 64 bits say whose. */
export function frontendChain(kind: Exclude<ChainKind, 'E'>, key: string): string {
  return chainName(kind, key);
}

/** The name is the memory of session affinity, too: an endpoint that comes back after it was none starts without clients. */
export function endpointChain(key: string, { ip, port }: Pick<Endpoint, 'ip' | 'port'>): string {
  return chainName('E', `${key} ${ip} ${port}`);
}

function chainName(kind: ChainKind, of: string): string {
  return `${CHAIN_PREFIX}${kind}-${hash('sha256', of, 'hex').slice(0, 16)}`;
}

/** Whether a chain belongs to a frontend, and is not one of the fixed ones. */
export function isFrontendChain(name: string): boolean {
  return /^FAIRLEAD-[SBXE]-[0-9a-f]{16}$/.test(name);
}
