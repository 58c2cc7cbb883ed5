// Who has which addresses of one family, made ready for sets. Pure.

import { cidrBase, cidrFamily, cidrLength, hostCidr, type Cidr } from '../../base/cidr.ts';
import type { Family, Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { NodePolicies } from '../../model/policy.ts';
import { elementOf, topElements } from './prefix-elements.ts';
import { WidePrefixes } from './wide-prefixes.ts';

type Addresses = NodePolicies['addresses'];

/** Which peers are meant. */
export interface PeerFilter {
  /** Canonical: equal for equal filters. */
  readonly text: string;
  readonly has: (peer: number) => boolean;
}

/** A prefix that is another peer's than before; undefined: nobody's. */
export interface AddressChange {
  readonly prefix: Cidr;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

export function addressChanges(before: Addresses, after: Addresses): readonly AddressChange[] {
  const changes: AddressChange[] = [];
  let kept = 0;
  for (const [prefix, { peer }] of after) {
    const known = before.get(prefix)?.peer;
    if (known !== undefined) kept++;
    if (known !== peer) changes.push({ prefix, before: known, after: peer });
  }
  if (kept === before.size) return changes;
  for (const [prefix, { peer }] of before)
    if (!after.has(prefix)) changes.push({ prefix, before: peer, after: undefined });
  return changes;
}

interface HostGroup {
  readonly peer: number;
  /** Who has the prefix around them. */
  readonly around: number;
  readonly ips: Ip[];
}

export class AddressIndex {
  readonly family: Family;
  readonly #addresses: Addresses;
  readonly #wide: WidePrefixes;
  #groups: readonly HostGroup[] | undefined;

  /** `wide`: where that is known already. */
  constructor(family: Family, addresses: Addresses, wide = widePrefixes(family, addresses)) {
    this.family = family;
    this.#addresses = addresses;
    this.#wide = wide;
  }

  /** The index after changes of single addresses. */
  after(addresses: Addresses): AddressIndex {
    return new AddressIndex(this.family, addresses, this.#wide);
  }

  /** Equal for indexes with the same prefixes, whatever single addresses they have. */
  get wideText(): string {
    return this.#wide.text;
  }

  /** Who has an address. */
  peerAt(ip: Ip): number {
    return this.#addresses.get(hostCidr(ip))?.peer ?? this.#wide.peerAround(ip);
  }

  /** What a set of the peers' addresses holds where nobody has a single address: that does not change when pods come and go. */
  wideElements({ has }: PeerFilter): readonly string[] {
    const own = this.#wide.all.filter(({ peer, around }) => has(peer) !== has(around));
    return [
      ...topElements(this.family, has(PEERS.outside)),
      ...own.map(({ prefix, peer }) => elementOf(prefix, has(peer))),
    ];
  }

  /** All that the set holds. */
  elements(filter: PeerFilter): ReadonlySet<string> {
    const elements = new Set(this.wideElements(filter));
    this.#groups ??= groupsOf(this.family, this.#addresses, this.#wide);
    for (const { peer, around, ips } of this.#groups) {
      const isIn = filter.has(peer);
      if (isIn === filter.has(around)) continue;
      for (const ip of ips) elements.add(isIn ? ip : `${ip} nomatch`);
    }
    return elements;
  }

  /** The same, from what the set held before changes of single addresses; the same object where that is still right. */
  elementsAfter(
    elements: ReadonlySet<string>,
    { has }: PeerFilter,
    changes: readonly AddressChange[],
  ): ReadonlySet<string> {
    let changed: Set<string> | undefined;
    for (const { prefix, before, after } of changes) {
      const around = this.#wide.peerAround(cidrBase(prefix));
      const [was, is] = [has(before ?? around), has(after ?? around)];
      if (was === is) continue;
      changed ??= new Set(elements);
      if (was !== has(around)) changed.delete(elementOf(prefix, was));
      else changed.add(elementOf(prefix, is));
    }
    return changed ?? elements;
  }
}

export function isSingle(prefix: Cidr, family: Family): boolean {
  return cidrLength(prefix) === (family === 4 ? 32 : 128);
}

function widePrefixes(family: Family, addresses: Addresses): WidePrefixes {
  const wide = [...addresses].filter(
    ([prefix]) => cidrFamily(prefix) === family && !isSingle(prefix, family),
  );
  return new WidePrefixes(wide.map(([prefix, { peer }]) => [prefix, peer] as const));
}

function groupsOf(family: Family, addresses: Addresses, wide: WidePrefixes): readonly HostGroup[] {
  const groups = new Map<string, HostGroup>();
  for (const [prefix, { peer }] of addresses) {
    if (cidrFamily(prefix) !== family || !isSingle(prefix, family)) continue;
    const ip = cidrBase(prefix);
    const around = wide.peerAround(ip);
    const key = `${peer} ${around}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { peer, around, ips: [ip] });
    else group.ips.push(ip);
  }
  return [...groups.values()];
}
