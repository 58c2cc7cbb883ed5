// What the programs at pods' links say of one name of the cluster: read from their maps, so that it is what pods are told.

import type { NodeMaps } from '../backends/shared-bpf/node-maps.ts';
import { ipFromBytes, type Family, type Ip } from '../base/ip.ts';
import { DNS_HELD, DNS_NAME_BYTES } from '../wire/bpf-maps-names.ts';
import { canonicalName, nameToBytes, parseDnsName } from '../wire/dns/name.ts';

export interface KernelName {
  /** The addresses that names are answered at; none where all of them are left to the DNS process. */
  readonly servers: readonly Ip[];
  /** What the name has; undefined where it is left to the DNS process. */
  readonly addresses: Readonly<Record<Family, readonly Ip[]>> | undefined;
}

type Maps = Pick<NodeMaps, 'dnsServers' | 'dnsZone' | 'dnsNames' | 'dnsAddresses'>;

/** Throws `invalid` for what is no name. */
export function lookUpKernelName(maps: Maps, name: string): KernelName {
  const bytes = nameToBytes(canonicalName(parseDnsName(name)));
  const hasZone = (maps.dnsZone.lookup({ index: 0 })?.domainBytes ?? 0) > 0;
  const servers = hasZone ? maps.dnsServers.entries().map(([{ ip }]) => ip) : [];
  const held =
    servers.length > 0 && bytes.length <= DNS_NAME_BYTES ? maps.dnsNames.lookup({ name: bytes }) : undefined;
  if (held === undefined || held.nameBytes !== bytes.length) return { servers, addresses: undefined };
  const { nameId: id } = held;
  return {
    servers,
    addresses: {
      4: addressesOf(maps, { held: held.v4Held, octets: held.v4, id, family: 4 }),
      6: addressesOf(maps, { held: held.v6Held, octets: held.v6, id, family: 6 }),
    },
  };
}

interface Held {
  readonly held: number;
  readonly octets: Uint8Array;
  readonly id: bigint;
  readonly family: Family;
}

function addressesOf({ dnsAddresses }: Maps, { held, octets, id, family }: Held): readonly Ip[] {
  if (held === DNS_HELD.none) return [];
  if (held === DNS_HELD.here) return [ipFromBytes(octets)];
  const beside = dnsAddresses.lookup({ id, family });
  const each = family === 6 ? 16 : 4;
  return Array.from({ length: beside?.count ?? 0 }, (_, at) =>
    ipFromBytes((beside?.octets ?? octets).slice(at * each, (at + 1) * each)),
  );
}
