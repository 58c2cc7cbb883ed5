// The BPF maps of the data plane: key, value, kind and size of each, written once. `bpf/include/generated.h` is printed from here,
// the agent encodes by it. Knows nothing of loading.

import { defineStruct, type Struct } from './bpf-maps-struct.ts';

/** BPF_MAP_TYPE_* without the prefix (linux/bpf.h). */
export type BpfMapKind = 'HASH' | 'ARRAY' | 'LRU_HASH' | 'PERCPU_ARRAY' | 'RINGBUF' | 'SK_STORAGE';

/** One map. `maxEntries` is the default size in entries (RINGBUF: bytes, a power of two). */
export interface BpfMapSpec<K, V> {
  readonly name: string;
  readonly kind: BpfMapKind;
  readonly key: Struct<K>;
  readonly value: Struct<V>;
  readonly maxEntries: number;
  /** BPF_F_* names (linux/bpf.h). */
  readonly flags: readonly string[];
  /** What the map is for, printed as its comment in C. */
  readonly about: string;
}

/** Any map, for those that take only layout facts of it. */
export type AnyBpfMapSpec = (typeof BPF_MAPS)[keyof typeof BPF_MAPS];

/** A frontend as programs meet it: destination address, port and protocol of a packet or socket call. */
export const FRONTEND_KEY = defineStruct('frontend_key', [
  { name: 'ip', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'protocol', kind: 'u8' },
  { name: 'pad', kind: 'pad', count: 1 },
]);

/** `generation` names one set of endpoint slots and is never used twice; `serviceId` stays when endpoints change. */
export const FRONTEND = defineStruct('frontend', [
  { name: 'serviceId', kind: 'u32' },
  { name: 'generation', kind: 'u32' },
  { name: 'endpointCount', kind: 'u32' },
  /** 0 for no session affinity. */
  { name: 'affinityTimeoutS', kind: 'u32' },
]);

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

const SLOT = defineStruct('slot', [{ name: 'slot', kind: 'u32' }]);

export const ADDRESS_KEY = defineStruct('address_key', [{ name: 'ip', kind: 'ip' }]);

export const SERVICE_ADDRESS = defineStruct('service_address', [{ name: 'flags', kind: 'u32' }]);

const INDEX = defineStruct('index_key', [{ name: 'index', kind: 'u32' }]);

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

const SOCKET_KEY = defineStruct('socket_key', [{ name: 'fd', kind: 'u32' }]);

function map<K, V>(spec: BpfMapSpec<K, V>): BpfMapSpec<K, V> {
  return spec;
}

const NO_PREALLOC = ['BPF_F_NO_PREALLOC'];

/** Every map by its name in C. */
export const BPF_MAPS = {
  service_addresses: map({
    name: 'service_addresses',
    kind: 'HASH',
    key: ADDRESS_KEY,
    value: SERVICE_ADDRESS,
    maxEntries: 65_536,
    flags: NO_PREALLOC,
    about: 'Addresses with at least one frontend: one look-up tells all other traffic from ours.',
  }),
  frontends: map({
    name: 'frontends',
    kind: 'HASH',
    key: FRONTEND_KEY,
    value: FRONTEND,
    maxEntries: 131_072,
    flags: NO_PREALLOC,
    about: 'Address, port and protocol of a Service to the set of its endpoints.',
  }),
  endpoints: map({
    name: 'endpoints',
    kind: 'HASH',
    key: ENDPOINT_KEY,
    value: TRANSPORT_ADDRESS,
    maxEntries: 1_048_576,
    flags: NO_PREALLOC,
    about: 'The endpoints of a generation, slots 0 to endpointCount - 1.',
  }),
  members: map({
    name: 'members',
    kind: 'HASH',
    key: MEMBER_KEY,
    value: SLOT,
    maxEntries: 1_048_576,
    flags: NO_PREALLOC,
    about: 'The same endpoints by address: whether a remembered choice is still one.',
  }),
  allocator: map({
    name: 'allocator',
    kind: 'ARRAY',
    key: INDEX,
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
  socket_peers: map({
    name: 'socket_peers',
    kind: 'SK_STORAGE',
    key: SOCKET_KEY,
    value: SOCKET_PEER,
    maxEntries: 0,
    flags: NO_PREALLOC,
    about: 'Translation of a connected socket; it goes with the socket.',
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
};
