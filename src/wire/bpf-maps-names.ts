// What the BPF programs know of the cluster's names: enough to answer a pod that asks for the addresses of one.

import { INDEX_KEY, map, NO_PREALLOC } from './bpf-map-spec.ts';
import { defineStruct } from './bpf-maps-struct.ts';

/** Longer names (on the wire, with the root's zero) are left to the DNS process. */
export const DNS_NAME_BYTES = 96;

/** Addresses of one family beside a name that has more than one: what fits an answer of 1232 bytes, or less. */
export const DNS_ADDRESS_BYTES = 640;
/** So many IPv4 addresses fill an answer of 1232 bytes; of IPv6 the room above is less. */
export const DNS_MOST_ADDRESSES = 72;

/** The start of authority behind the cluster domain as the question: owner and names in it are pointers to that. */
export const DNS_SOA_BYTES = 54;

/** The name as it is asked, in lower case. */
export const DNS_NAME_KEY = defineStruct('dns_name_key', [
  { name: 'name', kind: 'bytes', count: DNS_NAME_BYTES },
]);

/** Whether a name has addresses of a family, and where they stand. */
export const DNS_HELD = {
  none: 0,
  /** One, here. */
  here: 1,
  /** Several, in `dns_addresses` under `nameId`. */
  beside: 2,
} as const;

export const DNS_NAME = defineStruct('dns_name', [
  /** Under which its addresses are, and what was answered. */
  { name: 'nameId', kind: 'u64' },
  /** Behind so many, the key's zeros are no part of the name. */
  { name: 'nameBytes', kind: 'u16' },
  /** Of `DNS_HELD`. */
  { name: 'v4Held', kind: 'u8' },
  { name: 'v6Held', kind: 'u8' },
  { name: 'v4', kind: 'bytes', count: 4 },
  { name: 'v6', kind: 'bytes', count: 16 },
]);

/** `family` is 4 or 6. */
export const DNS_ADDRESSES_KEY = defineStruct('dns_addresses_key', [
  { name: 'id', kind: 'u64' },
  { name: 'family', kind: 'u32' },
  { name: 'pad', kind: 'pad', count: 4 },
]);

/** Addresses one behind the other. The count stands with them, so that one write exchanges both. */
export const DNS_ADDRESSES = defineStruct('dns_addresses', [
  { name: 'count', kind: 'u32' },
  { name: 'octets', kind: 'bytes', count: DNS_ADDRESS_BYTES },
]);

const DNS_SERVER = defineStruct('dns_server', [{ name: 'isOurs', kind: 'u32' }]);

/** What all answers have in common. */
export const DNS_ZONE = defineStruct('dns_zone', [
  { name: 'ttlS', kind: 'u32' },
  /** Our own size of datagrams, which is told to who tells its own. */
  { name: 'udpPayloadBytes', kind: 'u16' },
  /** The cluster domain on the wire. */
  { name: 'domainBytes', kind: 'u16' },
  { name: 'soa', kind: 'bytes', count: DNS_SOA_BYTES },
  { name: 'pad', kind: 'pad', count: 2 },
]);

/** Who was told of which name. Of that the number stands here and the text beside: what is found by few octets is found in less time. */
const DNS_ASKED_KEY = defineStruct('dns_asked_key', [
  { name: 'ip', kind: 'ip' },
  { name: 'nameId', kind: 'u64' },
  { name: 'typeCode', kind: 'u16' },
  /** The flag of EDNS: whoever asked wants signatures, if there are any. */
  { name: 'isDnssecOk', kind: 'u16' },
  { name: 'pad', kind: 'pad', count: 4 },
]);

const DNS_ASKED = defineStruct('dns_asked', [
  { name: 'answers', kind: 'u64' },
  { name: 'name', kind: 'bytes', count: DNS_NAME_BYTES },
]);

/** Where an answer is put together: more than the programs' stack holds. It begins as what is counted of a name does. */
const DNS_DESK = defineStruct('dns_desk', [
  { name: 'answers', kind: 'u64' },
  { name: 'name', kind: 'bytes', count: DNS_NAME_BYTES },
  /** The programs use less: what stands behind lets the verifier bound places by a mask. */
  { name: 'records', kind: 'bytes', count: 2048 + 16 },
]);

export const NAME_MAPS = {
  dns_servers: map({
    name: 'dns_servers',
    kind: 'HASH',
    key: defineStruct('dns_server_key', [{ name: 'ip', kind: 'ip' }]),
    value: DNS_SERVER,
    maxEntries: 16,
    flags: NO_PREALLOC,
    about: 'Addresses at which the node answers for names: only what is sent there is looked at.',
  }),
  dns_zone: map({
    name: 'dns_zone',
    kind: 'ARRAY',
    key: INDEX_KEY,
    value: DNS_ZONE,
    maxEntries: 1,
    flags: [],
    about: 'What answers about all names have in common.',
  }),
  dns_names: map({
    name: 'dns_names',
    kind: 'HASH',
    key: DNS_NAME_KEY,
    value: DNS_NAME,
    maxEntries: 262_144,
    firstEntries: 512,
    flags: NO_PREALLOC,
    about: 'Names of the cluster that have addresses; what is not here is the DNS process’s to answer.',
  }),
  dns_addresses: map({
    name: 'dns_addresses',
    kind: 'HASH',
    key: DNS_ADDRESSES_KEY,
    value: DNS_ADDRESSES,
    maxEntries: 65_536,
    firstEntries: 256,
    flags: NO_PREALLOC,
    about: 'The addresses of names that have more than one of a family.',
  }),
  dns_asked: map({
    name: 'dns_asked',
    kind: 'LRU_HASH',
    key: DNS_ASKED_KEY,
    value: DNS_ASKED,
    maxEntries: 16_384,
    flags: [],
    about: 'Answers by who asked for what, since the agent took them last.',
  }),
  dns_desk: map({
    name: 'dns_desk',
    kind: 'PERCPU_ARRAY',
    key: INDEX_KEY,
    value: DNS_DESK,
    maxEntries: 1,
    flags: [],
    about: 'Room of each processor to write an answer.',
  }),
} as const;

/** By their names in C. */
export const NAME_CONSTANTS = {
  DNS_NAME_BYTES,
  DNS_ADDRESS_BYTES,
  DNS_MOST_ADDRESSES,
  DNS_SOA_BYTES,
  DNS_HELD_HERE: DNS_HELD.here,
  DNS_HELD_BESIDE: DNS_HELD.beside,
} as const;
