// What the BPF programs know of policies: who a pod is, who is behind an address, what is open between them, and the connections that go on.

import { INDEX_KEY, map, NO_PREALLOC } from './bpf-map-spec.ts';
import { defineStruct } from './bpf-maps-struct.ts';

/** Who is behind an address; `prefixBits` counts from the first of 128 bits, IPv4 as mapped (struct bpf_lpm_trie_key). */
export const POLICY_ADDRESS_KEY = defineStruct('policy_address_key', [
  { name: 'prefixBits', kind: 'u32' },
  { name: 'ip', kind: 'ip' },
]);

/** See PEERS of `model/policy.ts`; block 0 is none. */
export const POLICY_ADDRESS = defineStruct('policy_address', [
  { name: 'peer', kind: 'u32' },
  { name: 'block', kind: 'u32' },
]);

/** What a pod's subject lets in (`direction` 0) or out (1) with a peer in a block. */
export const POLICY_PEER_KEY = defineStruct('policy_peer_key', [
  { name: 'subject', kind: 'u32' },
  { name: 'direction', kind: 'u32' },
  { name: 'peer', kind: 'u32' },
  { name: 'block', kind: 'u32' },
]);

export const POLICY_PEER = defineStruct('policy_peer', [{ name: 'ruleSet', kind: 'u32' }]);

/** A block of ports of a rule set that is open; protocol 0 for all that has no ports. `prefixBits` counts the rule set and the protocol, too. */
export const POLICY_PORT_KEY = defineStruct('policy_port_key', [
  { name: 'prefixBits', kind: 'u32' },
  { name: 'ruleSet', kind: 'u32' },
  { name: 'protocol', kind: 'u16' },
  { name: 'port', kind: 'be16' },
]);

/** Bits before the port in a `policy_port_key`. */
export const POLICY_PORT_FIXED_BITS = 48;

export const POLICY_PORT = defineStruct('policy_port', [{ name: 'isOpen', kind: 'u32' }]);

/** A connection as the pod sees it: its own end and the other one, whoever began. */
export const POLICY_FLOW_KEY = defineStruct('policy_flow_key', [
  { name: 'local', kind: 'ip' },
  { name: 'remote', kind: 'ip' },
  { name: 'localPort', kind: 'be16' },
  { name: 'remotePort', kind: 'be16' },
  /** Another pod that has the address later has another interface. */
  { name: 'ifindex', kind: 'u32' },
  { name: 'protocol', kind: 'u32' },
]);

/** `direction` is the one in which it began; `peer` who the other end was then. `lastUsed` as in `flow`. */
export const POLICY_FLOW = defineStruct('policy_flow', [
  { name: 'epoch', kind: 'u32' },
  { name: 'lastUsed', kind: 'u32' },
  { name: 'direction', kind: 'u32' },
  { name: 'peer', kind: 'u32' },
]);

/** `epoch` grows with every change: what was let through before is asked again. `mode` is one of `POLICY_MODES`. */
export const POLICY_STATE = defineStruct('policy_state', [
  { name: 'epoch', kind: 'u32' },
  { name: 'mode', kind: 'u32' },
]);

/** Bits of `pod_interface.isolated`. */
export const POLICY_ISOLATED = { ingress: 1, egress: 2 } as const;

export const POLICY_MAPS = {
  policy_addresses: map({
    name: 'policy_addresses',
    kind: 'LPM_TRIE',
    key: POLICY_ADDRESS_KEY,
    value: POLICY_ADDRESS,
    maxEntries: 262_144,
    flags: NO_PREALLOC,
    about: 'Who is behind an address, and in which of the blocks that policies name.',
  }),
  policy_peers: map({
    name: 'policy_peers',
    kind: 'HASH',
    key: POLICY_PEER_KEY,
    value: POLICY_PEER,
    maxEntries: 1_048_576,
    firstEntries: 1024,
    flags: NO_PREALLOC,
    about: 'What is open between a pod and a peer, as the number of a rule set.',
  }),
  policy_ports: map({
    name: 'policy_ports',
    kind: 'LPM_TRIE',
    key: POLICY_PORT_KEY,
    value: POLICY_PORT,
    maxEntries: 131_072,
    flags: NO_PREALLOC,
    about: 'The open ports of rule sets.',
  }),
  policy_flows: map({
    name: 'policy_flows',
    kind: 'LRU_HASH',
    key: POLICY_FLOW_KEY,
    value: POLICY_FLOW,
    maxEntries: 262_144,
    flags: [],
    about: 'Connections of isolated pods: who began, and when it was last allowed.',
  }),
  policy_state: map({
    name: 'policy_state',
    kind: 'ARRAY',
    key: INDEX_KEY,
    value: POLICY_STATE,
    maxEntries: 1,
    flags: [],
    about: 'What the programs do for policies, and how often these have changed.',
  }),
} as const;
