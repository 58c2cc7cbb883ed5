// Numbers of policy that stand in the kernel and travel with packets: written once for the compiler, the maps and the programs.

/**
 * Who the other end of a connection is. Pods have the number of their identity (from 256), above it in bits 16 and up a variant: pods of one identity
 * whose container ports have other names.
 */
export const PEERS = {
  /** No pod: an address outside of the cluster, or of another node. */
  outside: 0,
  /** The pod's own node: always let through. */
  host: 1,
  /** A pod's address, and nobody has said yet whose. */
  unknownPod: 2,
  /** Any pod that has no entry of its own. */
  anyPod: 3,
  /** The cluster's DNS on the node itself, in the place of the pods of its Service. */
  clusterDns: 4,
  /** Nodes have this number and above: what is no pod, and yet more than `outside`. */
  firstNode: 0x4000_0000,
  /** Outside, at an address that a name was answered with which policies name: one number for each set of such names. */
  firstNamed: 0x6000_0000,
} as const;

/** What the programs at pods' links do for policies: nothing, say whose a packet is for somebody else who judges, or judge themselves. */
export const POLICY_MODES = { off: 0, marks: 1, judges: 2 } as const;

/** Rule sets that need no entry. */
export const RULE_SETS = { none: 0, all: 1 } as const;
