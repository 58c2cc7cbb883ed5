// The BPF maps of the data plane: key, value, kind and size of each, written once. `bpf/include/generated.h` is printed from here,
// the agent encodes by it. Knows nothing of loading.

import { PEERS, POLICY_MODES, RULE_SETS } from '../base/policy-numbers.ts';
import {
  INTERFACE_KEY,
  NODE_ADDRESS,
  NODE_LINK,
  NODE_LINK_FLAGS,
  PEER_ADDRESS,
  POD_INTERFACE,
  TUNNEL_PEER,
  TUNNEL_PEER_KEY,
} from './bpf-maps-links.ts';
import { POLICY_ISOLATED, POLICY_MAPS, POLICY_PORT_FIXED_BITS } from './bpf-maps-policy.ts';
import { NAME_CONSTANTS, NAME_MAPS } from './bpf-maps-names.ts';
import { PACKET_REASONS, reasonConstant } from './bpf-maps-reasons.ts';
import { INDEX_KEY, map, NO_PREALLOC } from './bpf-map-spec.ts';
import { defineStruct } from './bpf-maps-struct.ts';

export { INDEX_KEY } from './bpf-map-spec.ts';
export type { BpfMapSpec } from './bpf-map-spec.ts';

/** Any map, for those that take only layout facts of it. */
export type AnyBpfMapSpec = (typeof BPF_MAPS)[keyof typeof BPF_MAPS];

/** A frontend as programs meet it: destination address, port and protocol of a packet or socket call. */
export const FRONTEND_KEY = defineStruct('frontend_key', [
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'protocol', kind: 'u8' },
  { name: 'pad', kind: 'pad', count: 1 },
]);

/**
 * A generation names one set of endpoint slots and is never used twice; `serviceId` stays when endpoints change. Inside and outside clients
 * share a set where theirs are equal. `outsideTableSize` is how long the table is by which outside clients choose, 0 for chance. `rangeSet` names the source ranges, 0 for everybody.
 * What another node hands over goes to the `direct` set.
 */
export const FRONTEND = defineStruct('frontend', [
  { name: 'serviceId', kind: 'u32' },
  /** 0 for no session affinity. */
  { name: 'affinityTimeoutS', kind: 'u32' },
  { name: 'flags', kind: 'u32' },
  { name: 'rangeSet', kind: 'u32' },
  { name: 'insideGeneration', kind: 'u32' },
  { name: 'insideCount', kind: 'u32' },
  { name: 'outsideGeneration', kind: 'u32' },
  { name: 'outsideCount', kind: 'u32' },
  { name: 'outsideTableSize', kind: 'u32' },
  { name: 'directGeneration', kind: 'u32' },
  { name: 'directCount', kind: 'u32' },
]);

/** Bits of `frontend.flags`. */
export const FRONTEND_FLAGS = {
  /** Without an endpoint, clients of this side meet silence instead of a refusal. */
  insideDrops: 1,
  outsideDrops: 2,
  /** Outside clients are hidden behind the node. */
  masqueradesOutside: 4,
  /** The node's own processes are not in the source ranges. */
  deniesNode: 8,
  /** Endpoints of other nodes answer outside clients without this one: their node gets the packet as it is. */
  directReturn: 16,
} as const;

/** An address of a set of source ranges; `prefixBits` counts the set's number, too (struct bpf_lpm_trie_key). */
export const SOURCE_RANGE_KEY = defineStruct('source_range_key', [
  { name: 'prefixBits', kind: 'u32' },
  { name: 'rangeSet', kind: 'u32' },
  { name: 'ip', kind: 'ip' },
]);

const SOURCE_RANGE = defineStruct('source_range', [{ name: 'rangeSet', kind: 'u32' }]);

/** Bits of `service_address.flags`. */
export const ADDRESS_FLAGS = {
  /** Ports of this address that no frontend has are refused. */
  exclusive: 1,
} as const;

export const ENDPOINT_KEY = defineStruct('endpoint_key', [
  { name: 'generation', kind: 'u32' },
  { name: 'slot', kind: 'u32' },
]);

/** An address and port. */
export const TRANSPORT_ADDRESS = defineStruct('transport_address', [
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'pad', kind: 'pad', count: 2 },
]);

export const MEMBER_KEY = defineStruct('member_key', [
  { name: 'generation', kind: 'u32' },
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'pad', kind: 'pad', count: 2 },
]);

/** Slots in one entry, which takes 512 bytes of the kernel with all that belongs to it: its allocator has pieces of that size. */
export const MAGLEV_PART_SLOTS = 224;

/** A piece of the table of a generation: places `part * MAGLEV_PART_SLOTS` and on. */
export const MAGLEV_KEY = defineStruct('maglev_key', [
  { name: 'generation', kind: 'u32' },
  { name: 'part', kind: 'u32' },
]);

export const MAGLEV_PART = defineStruct('maglev_part', [
  { name: 'slots', kind: 'u16s', count: MAGLEV_PART_SLOTS },
]);

const SLOT = defineStruct('slot', [{ name: 'slot', kind: 'u32' }]);

export const ADDRESS_KEY = defineStruct('address_key', [{ name: 'ip', kind: 'ip' }]);

export const SERVICE_ADDRESS = defineStruct('service_address', [{ name: 'flags', kind: 'u32' }]);

/** What the agent numbers: one counter, so that no generation is ever given twice while the map lives. */
export const ALLOCATOR = defineStruct('allocator', [{ name: 'lastNumber', kind: 'u32' }]);

/** Both ends of a connected socket's translation. */
export const SOCKET_PEER = defineStruct('socket_peer', [
  { name: 'endpointIp', kind: 'ip' },
  { name: 'endpointPort', kind: 'be16' },
  { name: 'frontendPort', kind: 'be16' },
  { name: 'frontendIp', kind: 'ip' },
]);

/** Key of both directions of an unconnected UDP socket's translations: `direction` 0 by frontend, 1 by endpoint. */
export const SOCKET_FLOW_KEY = defineStruct('socket_flow_key', [
  { name: 'cookie', kind: 'u64' },
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'direction', kind: 'u16' },
  { name: 'pad', kind: 'pad', count: 4 },
]);

export const SOCKET_FLOW = defineStruct('socket_flow', [
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'pad', kind: 'pad', count: 2 },
  { name: 'generation', kind: 'u32' },
]);

/** `client` is the packet's source address, or at a socket the cookie of its network namespace in the first eight bytes. */
export const AFFINITY_KEY = defineStruct('affinity_key', [
  { name: 'client', kind: 'ip' },
  { name: 'serviceId', kind: 'u32' },
]);

/** The endpoint that a client sticks to, and when it was last taken (CLOCK_MONOTONIC). */
export const AFFINITY = defineStruct('affinity', [
  { name: 'lastUsedNs', kind: 'u64' },
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'pad', kind: 'pad', count: 6 },
]);

/** A packet's flow: `direction` 0 as the client sends it (to a frontend), 1 as it is answered (by an endpoint). */
export const FLOW_KEY = defineStruct('flow_key', [
  { name: 'source', kind: 'ip' },
  { name: 'destination', kind: 'ip' },
  { name: 'sourcePort', kind: 'be16' },
  { name: 'destinationPort', kind: 'be16' },
  { name: 'protocol', kind: 'u8' },
  { name: 'direction', kind: 'u8' },
  { name: 'pad', kind: 'pad', count: 2 },
]);

/**
 * What the flow's packets become. `generation` is the endpoint set in which the endpoint was last seen; `lastUsed` is when a flow of an
 * outside client last carried a packet, in units of 2^30 ns of CLOCK_MONOTONIC (a second, about), 0 for those of pods.
 */
export const FLOW = defineStruct('flow', [
  { name: 'source', kind: 'ip' },
  { name: 'destination', kind: 'ip' },
  { name: 'sourcePort', kind: 'be16' },
  { name: 'destinationPort', kind: 'be16' },
  { name: 'generation', kind: 'u32' },
  { name: 'lastUsed', kind: 'u32' },
  { name: 'flags', kind: 'u32' },
]);

/** Bits of `flow.flags`. */
export const FLOW_FLAGS = {
  /** Packets go to the endpoint's node as they are; nothing is translated here, and no answer comes by here. */
  direct: 1,
} as const;

/** A datagram in fragments: only the first one carries ports. */
export const FRAGMENT_KEY = defineStruct('fragment_key', [
  { name: 'source', kind: 'ip' },
  { name: 'destination', kind: 'ip' },
  { name: 'id', kind: 'u32' },
  { name: 'protocol', kind: 'u32' },
]);

export const FRAGMENT_PORTS = defineStruct('fragment_ports', [
  { name: 'source', kind: 'be16' },
  { name: 'destination', kind: 'be16' },
]);

/** Per CPU and reason. */
export const COUNTER = defineStruct('counter', [
  { name: 'packets', kind: 'u64' },
  { name: 'bytes', kind: 'u64' },
]);

/**
 * Switches that may change while programs run. `forwardSampling` n reports every n-th forwarded packet, 0 none. `nodeNetnsCookie` names
 * the node's own network namespace: sockets of any other are a pod's.
 */
export const SETTINGS = defineStruct('settings', [
  { name: 'nodeNetnsCookie', kind: 'u64' },
  { name: 'forwardSampling', kind: 'u32' },
  { name: 'dropEvents', kind: 'u32' },
]);

/** One record of the ring. `timeNs` is CLOCK_MONOTONIC. */
export const PACKET_EVENT = defineStruct('packet_event', [
  { name: 'timeNs', kind: 'u64' },
  { name: 'ifindex', kind: 'u32' },
  { name: 'reason', kind: 'u16' },
  { name: 'hook', kind: 'u8' },
  { name: 'protocol', kind: 'u8' },
  { name: 'source', kind: 'ip' },
  { name: 'destination', kind: 'ip' },
  { name: 'sourcePort', kind: 'be16' },
  { name: 'destinationPort', kind: 'be16' },
  { name: 'lengthBytes', kind: 'u32' },
]);

/** SO_COOKIE of a socket: no other one ever has it while the machine runs. */
const SOCKET_COOKIE = defineStruct('socket_cookie', [{ name: 'cookie', kind: 'u64' }]);

const SOCKET_KEY = defineStruct('socket_key', [{ name: 'fd', kind: 'u32' }]);

/** Every map by its name in C. */
export const BPF_MAPS = {
  service_addresses: map({
    name: 'service_addresses',
    kind: 'HASH',
    key: ADDRESS_KEY,
    value: SERVICE_ADDRESS,
    maxEntries: 65_536,
    firstEntries: 256,
    flags: NO_PREALLOC,
    about: 'Addresses with at least one frontend: one look-up tells all other traffic from ours.',
  }),
  frontends: map({
    name: 'frontends',
    kind: 'HASH',
    key: FRONTEND_KEY,
    value: FRONTEND,
    maxEntries: 131_072,
    firstEntries: 512,
    flags: NO_PREALLOC,
    about: 'Address, port and protocol of a Service to the set of its endpoints.',
  }),
  source_ranges: map({
    name: 'source_ranges',
    kind: 'LPM_TRIE',
    key: SOURCE_RANGE_KEY,
    value: SOURCE_RANGE,
    maxEntries: 131_072,
    flags: NO_PREALLOC,
    about: 'Who may use a frontend that has source ranges.',
  }),
  endpoints: map({
    name: 'endpoints',
    kind: 'HASH',
    key: ENDPOINT_KEY,
    value: TRANSPORT_ADDRESS,
    maxEntries: 1_048_576,
    firstEntries: 2048,
    flags: NO_PREALLOC,
    about: 'The endpoints of a generation, slots 0 to its count - 1.',
  }),
  members: map({
    name: 'members',
    kind: 'HASH',
    key: MEMBER_KEY,
    value: SLOT,
    maxEntries: 1_048_576,
    firstEntries: 2048,
    flags: NO_PREALLOC,
    about: 'The same endpoints by address: whether a remembered choice is still one.',
  }),
  maglev_tables: map({
    name: 'maglev_tables',
    kind: 'HASH',
    key: MAGLEV_KEY,
    value: MAGLEV_PART,
    maxEntries: 131_072,
    firstEntries: 64,
    flags: NO_PREALLOC,
    about:
      'Slots of a generation in the order of a consistent hash, for outside clients of Services that ask for it.',
  }),
  allocator: map({
    name: 'allocator',
    kind: 'ARRAY',
    key: INDEX_KEY,
    value: ALLOCATOR,
    maxEntries: 1,
    flags: [],
    about: 'Last number given to a service or generation; the programs never read it.',
  }),
  affinities: map({
    name: 'affinities',
    kind: 'LRU_HASH',
    key: AFFINITY_KEY,
    value: AFFINITY,
    maxEntries: 65_536,
    flags: [],
    about: 'Session affinity by client.',
  }),
  pod_interfaces: map({
    name: 'pod_interfaces',
    kind: 'HASH',
    key: INTERFACE_KEY,
    value: POD_INTERFACE,
    maxEntries: 4096,
    flags: NO_PREALLOC,
    about: 'Host sides of pods, by the index of the interface: an interface that is not here sends nothing.',
  }),
  node_links: map({
    name: 'node_links',
    kind: 'HASH',
    key: INTERFACE_KEY,
    value: NODE_LINK,
    maxEntries: 256,
    flags: NO_PREALLOC,
    about:
      'Links of the node that carry the node programs, by index: the record of what has to come off again.',
  }),
  node_addresses: map({
    name: 'node_addresses',
    kind: 'ARRAY',
    key: INDEX_KEY,
    value: NODE_ADDRESS,
    maxEntries: 2,
    flags: [],
    about: 'What outside clients are hidden behind: IPv4 at 0, IPv6 at 1.',
  }),
  tunnel_peers: map({
    name: 'tunnel_peers',
    kind: 'HASH',
    key: TUNNEL_PEER_KEY,
    value: TUNNEL_PEER,
    maxEntries: 16_384,
    flags: NO_PREALLOC,
    about: 'The other nodes’ ends of the tunnel, for the program that wraps packets by itself (XDP).',
  }),
  peer_addresses: map({
    name: 'peer_addresses',
    kind: 'HASH',
    key: ADDRESS_KEY,
    value: PEER_ADDRESS,
    maxEntries: 65_536,
    flags: NO_PREALLOC,
    about: 'Other nodes’ own addresses: what the tunnel brings to one was handed over by its node.',
  }),
  flows: map({
    name: 'flows',
    kind: 'LRU_HASH',
    key: FLOW_KEY,
    value: FLOW,
    maxEntries: 262_144,
    flags: [],
    about: 'Translations of packets, both directions of each.',
  }),
  ...POLICY_MAPS,
  ...NAME_MAPS,
  fragments: map({
    name: 'fragments',
    kind: 'LRU_HASH',
    key: FRAGMENT_KEY,
    value: FRAGMENT_PORTS,
    maxEntries: 8192,
    flags: [],
    about: 'Ports of datagrams in fragments, known from their first one.',
  }),
  settings: map({
    name: 'settings',
    kind: 'ARRAY',
    key: INDEX_KEY,
    value: SETTINGS,
    maxEntries: 1,
    flags: [],
    about: 'Switches that change while programs run.',
  }),
  counters: map({
    name: 'counters',
    kind: 'PERCPU_ARRAY',
    key: INDEX_KEY,
    value: COUNTER,
    maxEntries: 64,
    flags: [],
    about: 'Packets and bytes by reason.',
  }),
  events: map({
    name: 'events',
    kind: 'RINGBUF',
    key: INDEX_KEY,
    value: PACKET_EVENT,
    maxEntries: 1 << 20,
    flags: [],
    about: 'Drops and sampled forwards; where it is full, records are counted as lost.',
  }),
  socket_peers: map({
    name: 'socket_peers',
    kind: 'SK_STORAGE',
    key: SOCKET_KEY,
    value: SOCKET_PEER,
    maxEntries: 0,
    flags: NO_PREALLOC,
    about: 'Translation of a connected socket; it goes with the socket.',
  }),
  node_udp_peers: map({
    name: 'node_udp_peers',
    kind: 'LRU_HASH',
    key: SOCKET_COOKIE,
    value: SOCKET_PEER,
    maxEntries: 65_536,
    flags: [],
    about:
      'The same of connected UDP sockets of the node itself, for the agent: socket storage of UDP cannot be listed.',
  }),
  socket_flows: map({
    name: 'socket_flows',
    kind: 'LRU_HASH',
    key: SOCKET_FLOW_KEY,
    value: SOCKET_FLOW,
    maxEntries: 65_536,
    flags: [],
    about: 'Translations of unconnected UDP sockets, both directions.',
  }),
} as const;

/** All maps in the order of the table, without their types. */
export function allBpfMaps(): readonly AnyBpfMapSpec[] {
  return Object.values(BPF_MAPS);
}

/** Constants that C and TypeScript share, by their name in C. */
export const BPF_CONSTANTS: Readonly<Record<string, number>> = {
  ADDRESS_EXCLUSIVE: ADDRESS_FLAGS.exclusive,
  FRONTEND_INSIDE_DROPS: FRONTEND_FLAGS.insideDrops,
  FRONTEND_OUTSIDE_DROPS: FRONTEND_FLAGS.outsideDrops,
  FRONTEND_MASQUERADES_OUTSIDE: FRONTEND_FLAGS.masqueradesOutside,
  FRONTEND_DENIES_NODE: FRONTEND_FLAGS.deniesNode,
  MAGLEV_PART_SLOTS,
  FRONTEND_DIRECT_RETURN: FRONTEND_FLAGS.directReturn,
  NODE_LINK_TUNNEL: NODE_LINK_FLAGS.tunnel,
  NODE_LINK_VETH: NODE_LINK_FLAGS.veth,
  NODE_LINK_LEAVING: NODE_LINK_FLAGS.leaving,
  FLOW_DIRECT: FLOW_FLAGS.direct,
  POLICY_PORT_FIXED_BITS,
  POLICY_ISOLATED_INGRESS: POLICY_ISOLATED.ingress,
  POLICY_ISOLATED_EGRESS: POLICY_ISOLATED.egress,
  PEER_OUTSIDE: PEERS.outside,
  PEER_HOST: PEERS.host,
  PEER_UNKNOWN_POD: PEERS.unknownPod,
  PEER_ANY_POD: PEERS.anyPod,
  PEER_CLUSTER_DNS: PEERS.clusterDns,
  PEER_FIRST_NODE: PEERS.firstNode,
  PEER_FIRST_NAMED: PEERS.firstNamed,
  POLICY_MODE_MARKS: POLICY_MODES.marks,
  POLICY_MODE_JUDGES: POLICY_MODES.judges,
  RULE_SET_NONE: RULE_SETS.none,
  RULE_SET_ALL: RULE_SETS.all,
  ...NAME_CONSTANTS,
  ...Object.fromEntries(PACKET_REASONS.map((it, at) => [reasonConstant(it.name), at])),
};
