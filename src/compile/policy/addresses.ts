// Who is behind which address, as prefixes of which the longest one tells: made whole, or followed by what changed. What it gives is the same either way.

import { cidrHasCidr, hostCidr, parseCidr, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { PolicyAddress } from '../../model/policy.ts';
import type { Pod } from '../../objects/pod.ts';
import { BlockIndex } from './blocks.ts';
import type { NamedBook } from './named.ts';
import type { PeerBook, PodChange } from './peers.ts';

/** Addresses that are no pods', by prefix. Of two for one prefix the later one counts. */
export interface FixedAddresses {
  readonly podPrefixes: readonly Cidr[];
  /** Addresses of other nodes with their numbers. */
  readonly nodes: ReadonlyMap<Cidr, number>;
  readonly ownNode: readonly Cidr[];
  readonly clusterDns: readonly Cidr[];
}

/** An IPv6 prefix that holds the mapped form of IPv4 would else answer for that, too. */
const EVERYWHERE = [parseCidr('0.0.0.0/0'), parseCidr('::/0')];

/** What decides beside pods and learned names, of which there are many. */
export interface AddressBasis {
  readonly fixed: FixedAddresses;
  readonly blocks: BlockIndex;
}

/** Names by the address that they were answered with, in lower case without a dot at the end. */
export type LearnedNames = ReadonlyMap<Ip, ReadonlySet<string>>;

/** A compiler's memory of who has which address. */
export class AddressBook {
  readonly #book: PeerBook;
  readonly #named: NamedBook;
  readonly #claims = new Map<Cidr, readonly Pod[]>();
  /** Numbers of learned addresses, whoever has them. */
  readonly #learned = new Map<Cidr, number>();
  #basis: AddressBasis = NO_BASIS;
  #fixed: ReadonlyMap<Cidr, number> = new Map();
  /** Prefixes without a claim of their own that are there nevertheless. */
  #wide: ReadonlyMap<Cidr, number> = new Map();
  readonly #addresses = new Map<Cidr, PolicyAddress>();

  constructor(book: PeerBook, named: NamedBook) {
    this.#book = book;
    this.#named = named;
  }

  /** One map, changed in place: a cluster has many addresses, and a change is of few. */
  get addresses(): ReadonlyMap<Cidr, PolicyAddress> {
    return this.#addresses;
  }

  /** Of all pods and names anew. */
  rebuild(basis: AddressBasis, pods: Iterable<Pod>, learned: LearnedNames): void {
    this.#basis = basis;
    this.#fixed = fixedPeers(basis.fixed);
    this.#wide = widePeers(basis);
    this.#claims.clear();
    for (const pod of pods) this.#claim(pod);
    for (const number of this.#learned.values()) this.#named.leave(number);
    this.#learned.clear();
    for (const [ip, names] of learned) this.#learn(hostCidr(ip), names);
    const prefixes = [this.#wide, this.#claims, this.#fixed, this.#learned].flatMap((it) => [...it.keys()]);
    this.#addresses.clear();
    for (const prefix of prefixes) this.#put(prefix);
  }

  /** By what changed alone; gives the prefixes whose addresses are others. */
  follow(
    pods: Iterable<PodChange>,
    { names, changed }: { readonly names: LearnedNames; readonly changed: Iterable<Ip> },
  ): ReadonlySet<Cidr> {
    const touched = new Set<Cidr>();
    for (const { before, after } of pods) {
      for (const prefix of this.#disclaim(before)) touched.add(prefix);
      for (const prefix of this.#claim(after)) touched.add(prefix);
    }
    for (const ip of changed) {
      const prefix = hostCidr(ip);
      const number = this.#learned.get(prefix);
      this.#learn(prefix, names.get(ip) ?? []);
      if (number !== undefined) this.#named.leave(number);
      touched.add(prefix);
    }
    return this.#apply(touched);
  }

  #apply(touched: ReadonlySet<Cidr>): ReadonlySet<Cidr> {
    const others = [...touched].filter((it) => !isSame(this.#entryOf(it), this.#addresses.get(it)));
    for (const prefix of others) this.#put(prefix);
    return new Set(others);
  }

  #put(prefix: Cidr): void {
    const entry = this.#entryOf(prefix);
    if (entry === undefined) this.#addresses.delete(prefix);
    else this.#addresses.set(prefix, entry);
  }

  #entryOf(prefix: Cidr): PolicyAddress | undefined {
    const claims = this.#claims.get(prefix);
    const known =
      this.#fixed.get(prefix) ??
      (claims && this.#claimed(claims)) ??
      this.#namedPeer(prefix) ??
      this.#wide.get(prefix);
    return known === undefined ? undefined : { peer: known, block: this.#basis.blocks.blockOf(prefix) };
  }

  /** Names speak of what is outside: an answer never says who a pod is, or that an address which pods may have is no pod's. */
  #namedPeer(prefix: Cidr): number | undefined {
    const number = this.#learned.get(prefix);
    return number === undefined || isWithin(prefix, this.#basis.fixed.podPrefixes) ? undefined : number;
  }

  /** Pods that claim one address: those that end give way; of several that are the same to policies any; else nobody can say. */
  #claimed(claims: readonly Pod[]): number {
    const staying = claims.filter((it) => !it.isTerminating);
    const numbers = new Set((staying.length > 0 ? staying : claims).map((it) => this.#book.peerOf(it)));
    const [first = PEERS.unknownPod] = numbers;
    return numbers.size === 1 ? first : PEERS.unknownPod;
  }

  #claim(pod: Pod | undefined): readonly Cidr[] {
    const prefixes = pod?.ips.map(hostCidr) ?? [];
    for (const prefix of prefixes) {
      const others = this.#claims.get(prefix) ?? [];
      if (pod !== undefined && !others.includes(pod)) this.#claims.set(prefix, [...others, pod]);
    }
    return prefixes;
  }

  #disclaim(pod: Pod | undefined): readonly Cidr[] {
    const prefixes = pod?.ips.map(hostCidr) ?? [];
    for (const prefix of prefixes) {
      const left = (this.#claims.get(prefix) ?? []).filter((it) => it !== pod);
      if (left.length === 0) this.#claims.delete(prefix);
      else this.#claims.set(prefix, left);
    }
    return prefixes;
  }

  #learn(prefix: Cidr, names: Iterable<string>): void {
    const number = this.#named.enter(names);
    if (number === undefined) this.#learned.delete(prefix);
    else this.#learned.set(prefix, number);
  }
}

const NO_BASIS: AddressBasis = {
  fixed: { podPrefixes: [], nodes: new Map(), ownNode: [], clusterDns: [] },
  blocks: new BlockIndex([]),
};

function fixedPeers({ nodes, ownNode, clusterDns }: FixedAddresses): ReadonlyMap<Cidr, number> {
  const peers = new Map(nodes);
  for (const prefix of ownNode) peers.set(prefix, PEERS.host);
  for (const prefix of clusterDns) peers.set(prefix, PEERS.clusterDns);
  return peers;
}

function widePeers({ fixed: { podPrefixes }, blocks }: AddressBasis): ReadonlyMap<Cidr, number> {
  const peers = new Map<Cidr, number>(EVERYWHERE.map((prefix) => [prefix, PEERS.outside]));
  for (const prefix of blocks.numbers.keys())
    peers.set(prefix, isWithin(prefix, podPrefixes) ? PEERS.unknownPod : PEERS.outside);
  for (const prefix of podPrefixes) peers.set(prefix, PEERS.unknownPod);
  return peers;
}

function isSame(a: PolicyAddress | undefined, b: PolicyAddress | undefined): boolean {
  return a?.peer === b?.peer && a?.block === b?.block;
}

function isWithin(prefix: Cidr, outer: readonly Cidr[]): boolean {
  return outer.some((it) => cidrHasCidr(it, prefix));
}
