// The names of the cluster -> rows of the programs' maps. Pure. What is left out here is the DNS process's to answer.

import { createHash } from 'node:crypto';
import { deltasOf } from '../../base/deltas.ts';
import { DomainPatterns } from '../../base/domain-patterns.ts';
import { familyOf, type Family, type Ip } from '../../base/ip.ts';
import { dashedIp, type HeadlessNames, type NameEntry, type NameZone } from '../../model/names.ts';
import type { Rendered } from '../../reconcile/engine.ts';
import { DNS_ADDRESS_BYTES, DNS_MOST_ADDRESSES, DNS_NAME_BYTES } from '../../wire/bpf-maps-names.ts';

/** What the node answers from at its pods' links. */
export interface KernelNames {
  readonly zone: NameZone;
  /** In lower case, without a dot at the end. */
  readonly domain: string;
  /** Domain names of policies: the addresses that their names have are learned from the DNS process's answers. */
  readonly patterns: readonly string[];
  /** Where pods ask. */
  readonly serverIps: readonly Ip[];
  readonly shared: SharedAnswer;
}

/** What all answers have in common, as the DNS process has it. */
export interface SharedAnswer {
  readonly ttlS: number;
  readonly udpPayloadBytes: number;
  /** The cluster domain on the wire. */
  readonly domainBytes: number;
  /** The record behind the cluster domain as the question. */
  readonly soa: Uint8Array;
}

/** The addresses of one family that a name has: none, one, or several, which are rows of their own. */
export type HeldAddresses = Ip | 'none' | 'several';

export interface NameRow {
  readonly name: string;
  readonly v4: HeldAddresses;
  readonly v6: HeldAddresses;
}

export interface AddressesRow {
  readonly id: bigint;
  readonly family: Family;
  readonly ips: readonly Ip[];
}

/** A name with its addresses, in the order in which the DNS process has them before it shuffles. */
interface NamedAddresses {
  readonly name: string;
  readonly ips: readonly Ip[];
}

/** Labels that are no such text are no names of Kubernetes; they would need escapes. */
const LABEL = /^[a-z0-9_][a-z0-9_-]{0,62}$/;
const OCTETS: Readonly<Record<Family, number>> = { 4: 4, 6: 16 };

/** By which a name's addresses are found: of a hash that nobody can find another text for. */
export function idOfName(name: string): bigint {
  return createHash('sha256').update(name).digest().readBigUInt64LE();
}

export function addressesKey({ id, family }: Pick<AddressesRow, 'id' | 'family'>): string {
  return `${id.toString(16)}/${family}`;
}

export function nameRows(entry: NameEntry, around: NamesAround): ReadonlyMap<string, NameRow> {
  const rows = namesOf(entry, around).map(({ name, ips }): [string, NameRow] => [
    name,
    { name, v4: heldOf(ofFamily(ips, 4)), v6: heldOf(ofFamily(ips, 6)) },
  ]);
  return new Map(rows);
}

export function addressesRows(entry: NameEntry, around: NamesAround): ReadonlyMap<string, AddressesRow> {
  const rows = namesOf(entry, around).flatMap(({ name, ips }) =>
    ([4, 6] as const).flatMap((family): (readonly [string, AddressesRow])[] => {
      const own = ofFamily(ips, family);
      if (own.length < 2) return [];
      const row = { id: idOfName(name), family, ips: own };
      return [[addressesKey(row), row]];
    }),
  );
  return new Map(rows);
}

/** What decides beside an entry. */
export interface NamesAround {
  readonly domain: string;
  readonly patterns: Pick<DomainPatterns, 'has'>;
}

function namesOf(entry: NameEntry, { domain, patterns }: NamesAround): readonly NamedAddresses[] {
  const all = addressedNames(entry);
  return all
    .filter(({ labels, ips }) => labels.every((it) => LABEL.test(it)) && fits(ips))
    .map(({ labels, ips }) => ({ name: `${labels.join('.')}.svc.${domain}`, ips }))
    .filter(({ name }) => wireBytes(name) <= DNS_NAME_BYTES && !patterns.has(name));
}

interface LabelledAddresses {
  readonly labels: readonly string[];
  readonly ips: readonly Ip[];
}

/** Names that stand for others, and those of pods, are left to the process. */
function addressedNames(entry: NameEntry): readonly LabelledAddresses[] {
  switch (entry.kind) {
    case 'cluster-ip':
      return [{ labels: [entry.service, entry.namespace], ips: entry.ips }];
    case 'headless':
      return [
        { labels: [entry.service, entry.namespace], ips: uniqueIps(entry.endpoints) },
        ...endpointNames(entry),
      ];
    case 'external':
    case 'pod':
      return [];
    default:
      return entry satisfies never;
  }
}

function endpointNames({ service, namespace, endpoints }: HeadlessNames): readonly LabelledAddresses[] {
  const byLabel = Map.groupBy(endpoints, ({ hostname, ip }) => hostname?.toLowerCase() ?? dashedIp(ip));
  return [...byLabel].map(([label, of]) => ({ labels: [label, service, namespace], ips: uniqueIps(of) }));
}

function uniqueIps(endpoints: HeadlessNames['endpoints']): readonly Ip[] {
  return [...new Set(endpoints.map(({ ip }) => ip))];
}

function ofFamily(ips: readonly Ip[], family: Family): readonly Ip[] {
  return ips.filter((ip) => familyOf(ip) === family);
}

function heldOf([first, second]: readonly Ip[]): HeldAddresses {
  return second === undefined ? (first ?? 'none') : 'several';
}

/** Of more than an answer holds the process sends a part, in turns. */
function fits(ips: readonly Ip[]): boolean {
  return ([4, 6] as const).every((family) => {
    const most = Math.min(DNS_MOST_ADDRESSES, DNS_ADDRESS_BYTES / OCTETS[family]);
    return ofFamily(ips, family).length <= most;
  });
}

/** A length octet for each label, and the root's. */
function wireBytes(name: string): number {
  return name.length + 2;
}

export type RowsOf<T> = (entry: NameEntry, around: NamesAround) => ReadonlyMap<string, T>;

/** Follows the names by what changed; undefined, and where the names are the same, leaves everything as it is. */
export function followNames<T>(rowsOf: RowsOf<T>): (names: KernelNames | undefined) => Rendered<T> {
  const desired = new Map<string, T>();
  let last: KernelNames | undefined;
  let around: NamesAround = { domain: '', patterns: new DomainPatterns([]) };
  return (names) => {
    if (names === undefined) return { desired: undefined, changed: undefined };
    const changed = new Set<string>();
    const isAnew = last === undefined || last.domain !== names.domain || last.patterns !== names.patterns;
    if (isAnew) {
      around = { domain: names.domain, patterns: new DomainPatterns(names.patterns) };
      desired.clear();
    }
    const before = isAnew ? NO_ENTRIES : (last?.zone.entries ?? NO_ENTRIES);
    const { add, change, remove } = deltasOf(names.zone.entries, before, Object.is);
    const gone = [...remove.values(), ...[...change.values()].map(({ from }) => from)];
    const come = [...add.values(), ...[...change.values()].map(({ to }) => to)];
    for (const entry of gone) for (const key of rowsOf(entry, around).keys()) drop(key);
    for (const entry of come) for (const [key, row] of rowsOf(entry, around)) put(key, row);
    last = names;
    return { desired, changed: isAnew ? undefined : changed };

    function drop(key: string): void {
      desired.delete(key);
      changed.add(key);
    }
    function put(key: string, row: T): void {
      desired.set(key, row);
      changed.add(key);
    }
  };
}

const NO_ENTRIES: ReadonlyMap<string, NameEntry> = new Map();
