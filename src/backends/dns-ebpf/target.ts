// The names in the programs' maps as targets of the engine.

import { ipFromBytes, ipToBytes, type Ip } from '../../base/ip.ts';
import { incrementalPart, part, type Part } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import { DNS_HELD } from '../../wire/bpf-maps-names.ts';
import { nameToBytes, parseDnsName } from '../../wire/dns/name.ts';
import { mapVerbs } from '../shared-bpf/map-target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import {
  addressesKey,
  addressesRows,
  followNames,
  idOfName,
  nameRows,
  type AddressesRow,
  type HeldAddresses,
  type KernelNames,
  type NameRow,
  type SharedAnswer,
} from './render.ts';

type NameMaps = Pick<NodeMaps, 'dnsServers' | 'dnsZone' | 'dnsNames' | 'dnsAddresses'>;

const SHARED = 'shared';

/**
 * In the order of updates: what a name points to is there before it, and goes after it; where nothing is to be answered the servers go first. `names` gives
 * undefined while they are not known.
 */
export function kernelNameParts<V>(
  maps: NameMaps,
  names: (view: V) => KernelNames | undefined,
): readonly Part<V>[] {
  const follow = <T>(rows: Parameters<typeof followNames<T>>[0]) => {
    const followed = followNames(rows);
    return (view: V): ReturnType<typeof followed> => followed(names(view));
  };
  return [
    part(sharedTarget(maps), (view: V) => {
      const known = names(view);
      return known && new Map([[SHARED, known.shared]]);
    }),
    incrementalPart(addressesTarget(maps), () => follow(addressesRows)),
    incrementalPart(nameTarget(maps), () => follow(nameRows)),
    part(serverTarget(maps), (view: V) => {
      const known = names(view);
      return known && new Map(known.serverIps.map((ip) => [ip, ip]));
    }),
  ];
}

/** The time to live, the serial and the like; without them programs answer nothing. */
function sharedTarget({ dnsZone }: NameMaps): Target<SharedAnswer> {
  const none = { ttlS: 0, udpPayloadBytes: 0, domainBytes: 0, soa: new Uint8Array() };
  return {
    name: 'dns-ebpf shared',
    isIsolated: true,
    ...mapVerbs<SharedAnswer>({
      read: () => {
        const there = dnsZone.lookup({ index: 0 });
        return there === undefined || there.domainBytes === 0 ? [] : [[SHARED, there]];
      },
      write: (all) => dnsZone.updateAll(all.map((it) => [{ index: 0 }, it])),
      remove: () => dnsZone.update({ index: 0 }, none),
    }),
    isEqual: (a, b) =>
      a.ttlS === b.ttlS &&
      a.udpPayloadBytes === b.udpPayloadBytes &&
      a.domainBytes === b.domainBytes &&
      Buffer.compare(a.soa, b.soa) === 0,
    print: (verb, _key, { ttlS, udpPayloadBytes }) => [
      `${verb} answers of ${udpPayloadBytes} bytes for ${ttlS} s in the map dns_zone`,
    ],
  };
}

function addressesTarget({ dnsAddresses }: NameMaps): Target<AddressesRow> {
  return {
    name: 'dns-ebpf addresses',
    isIsolated: true,
    ...mapVerbs<AddressesRow>({
      read: () =>
        dnsAddresses.entries().map(([{ id, family }, { count, octets }]) => {
          const row = { id, family: family === 6 ? 6 : 4, ips: readIps(octets, count, family) } as const;
          return [addressesKey(row), row];
        }),
      write: (all) =>
        dnsAddresses.updateAll(
          all.map(({ id, family, ips }) => [
            { id, family },
            { count: ips.length, octets: Buffer.concat(ips.map(ipToBytes)) },
          ]),
        ),
      remove: (all) => dnsAddresses.deleteAll(all.map(({ id, family }) => ({ id, family }))),
    }),
    isEqual: (a, b) => a.ips.length === b.ips.length && a.ips.every((ip, at) => ip === b.ips[at]),
    print: (verb, key, { ips }) => [`${verb} ${key} as ${ips.join(' ')} in the map dns_addresses`],
  };
}

function readIps(octets: Uint8Array, count: number, family: number): readonly Ip[] {
  const each = family === 6 ? 16 : 4;
  return Array.from({ length: count }, (_, at) => ipFromBytes(octets.slice(at * each, (at + 1) * each)));
}

function nameTarget({ dnsNames }: NameMaps): Target<NameRow> {
  const keyOf = ({ name }: NameRow): { readonly name: Uint8Array } => ({
    name: nameToBytes(parseDnsName(name)),
  });
  return {
    name: 'dns-ebpf names',
    isIsolated: true,
    ...mapVerbs<NameRow>({
      read: () =>
        dnsNames.entries().map(([key, { v4Held, v6Held, v4, v6 }]) => {
          const name = readName(key.name);
          return [name, { name, v4: readHeld(v4Held, v4), v6: readHeld(v6Held, v6) }];
        }),
      write: (all) =>
        dnsNames.updateAll(
          all.map((row) => {
            const key = keyOf(row);
            return [key, { ...valueOf(row), nameBytes: key.name.length }];
          }),
        ),
      remove: (all) => dnsNames.deleteAll(all.map(keyOf)),
    }),
    isEqual: (a, b) => a.v4 === b.v4 && a.v6 === b.v6,
    print: (verb, name, { v4, v6 }) => [
      `${verb} ${name} with IPv4 address ${v4}, IPv6 ${v6} in the map dns_names`,
    ],
  };
}

// The return type is the row's: writing it out again would be the second place to change.
function valueOf({ name, v4, v6 }: NameRow) {
  return {
    nameId: idOfName(name),
    v4Held: heldNumber(v4),
    v6Held: heldNumber(v6),
    v4: octetsOf(v4),
    v6: octetsOf(v6),
  };
}

function heldNumber(held: HeldAddresses): number {
  if (held === 'none') return DNS_HELD.none;
  return held === 'several' ? DNS_HELD.beside : DNS_HELD.here;
}

function octetsOf(held: HeldAddresses): Uint8Array {
  return held === 'none' || held === 'several' ? new Uint8Array() : ipToBytes(held);
}

function readHeld(held: number, octets: Uint8Array): HeldAddresses {
  if (held === DNS_HELD.none) return 'none';
  return held === DNS_HELD.beside ? 'several' : ipFromBytes(octets);
}

/** The text of a name on the wire. Only names of plain labels are ever written. */
export function readName(wire: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; ;) {
    const length = wire[at] ?? 0;
    if (length === 0) return labels.join('.');
    labels.push(Buffer.from(wire.subarray(at + 1, at + 1 + length)).toString('latin1'));
    at += length + 1;
  }
}

function serverTarget({ dnsServers }: NameMaps): Target<Ip> {
  return {
    name: 'dns-ebpf servers',
    isIsolated: true,
    ...mapVerbs<Ip>({
      read: () => dnsServers.entries().map(([{ ip }]) => [ip, ip]),
      write: (all) => dnsServers.updateAll(all.map((ip) => [{ ip }, { isOurs: 1 }])),
      remove: (all) => dnsServers.deleteAll(all.map((ip) => ({ ip }))),
    }),
    isEqual: () => true,
    print: (verb, ip) => [`${verb} ${ip} in the map dns_servers`],
  };
}
