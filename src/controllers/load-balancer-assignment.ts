// Which Service of type LoadBalancer has which addresses: pure, and decided by what is written in the objects alone, so that a restart
// decides the same. Knows nothing of the API's objects.

import { lowestFree, rangeHasIp, type IpRange } from '../base/ip-range.ts';
import { familyOf, ipToBigInt, type Family, type Ip } from '../base/ip.ts';

/** A Service that wants addresses. */
export interface Claim {
  /** "namespace/name" */
  readonly key: string;
  /** In the order of preference, one address each. */
  readonly families: readonly Family[];
  /** No address rather than one of a single family. */
  readonly needsAllFamilies: boolean;
  /** What it has now. */
  readonly held: readonly Ip[];
  /** What it asks for by number. */
  readonly asked: readonly Ip[];
  /** Undefined for a Service that wants its address for itself. */
  readonly sharing: Sharing | undefined;
  /** It is on its way out: it keeps what it has and gets nothing. */
  readonly isEnding: boolean;
}

export interface Sharing {
  /** Services with the same one may stand behind one address. */
  readonly key: string;
  /** "80/TCP": no two Services may have the same one there. */
  readonly ports: ReadonlySet<string>;
}

export interface Pool {
  readonly name: string;
  readonly ranges: readonly IpRange[];
  readonly isAutomatic: boolean;
  readonly serves: (claim: Claim) => boolean;
}

export interface Assignment {
  readonly ips: readonly Ip[];
  /** Why it has not all that it wants; undefined when it has. */
  readonly problem: string | undefined;
}

/**
 * By the claims' keys. `claims` come the oldest first: of two that hold one address the older keeps it. Whoever has an address keeps it while
 * any pool holds that; those who ask by number come before those who take any. `foreign` addresses are somebody else's.
 */
export function assignAddresses(
  pools: readonly Pool[],
  claims: readonly Claim[],
  foreign: Iterable<Ip> = [],
): ReadonlyMap<string, Assignment> {
  const books = new Books(pools, foreign);
  for (const claim of claims) books.keep(claim);
  const growing = claims.filter(({ isEnding }) => !isEnding);
  const problems = giveAsked(books, growing);
  for (const claim of growing) {
    if (problems.has(claim.key)) continue;
    const problem = books.giveAny(claim);
    if (problem !== undefined) problems.set(claim.key, problem);
  }
  return new Map(
    claims.map(({ key, families }) => [key, { ips: books.of(key, families), problem: problems.get(key) }]),
  );
}

/** What one lets go may be what an older one waits for: those that got nothing are asked again while somebody gets something. */
function giveAsked(books: Books, claims: readonly Claim[]): Map<string, string> {
  let waiting = claims;
  for (;;) {
    const problems = new Map<string, string>();
    for (const claim of waiting) {
      const problem = books.giveAsked(claim);
      if (problem !== undefined) problems.set(claim.key, problem);
    }
    if (problems.size === 0 || problems.size === waiting.length) return problems;
    waiting = waiting.filter(({ key }) => problems.has(key));
  }
}

class Books {
  readonly #pools: readonly Pool[];
  readonly #foreign: ReadonlySet<Ip>;
  readonly #holders = new Map<Ip, readonly Claim[]>();
  readonly #ips = new Map<string, Map<Family, Ip>>();
  /** Below it everything is taken: thousands of claims must not count from one each. */
  readonly #firstFree = new Map<IpRange, bigint>();

  constructor(pools: readonly Pool[], foreign: Iterable<Ip>) {
    this.#pools = pools;
    this.#foreign = new Set(foreign);
  }

  of(key: string, families: readonly Family[]): readonly Ip[] {
    const ips = this.#ips.get(key);
    return families.flatMap((family) => ips?.get(family) ?? []);
  }

  keep(claim: Claim): void {
    for (const ip of claim.held) {
      const isWanted =
        claim.families.includes(familyOf(ip)) && this.#heldOf(claim, familyOf(ip)) === undefined;
      const isPooled = this.#pools.some((pool) => holds(pool, ip));
      if (isWanted && isPooled && this.#rivalOf(ip, claim) === undefined) this.#take(ip, claim);
    }
  }

  /** Why one of them cannot be had; what the claim has is kept then. */
  giveAsked(claim: Claim): string | undefined {
    for (const ip of claim.asked) {
      const family = familyOf(ip);
      if (this.#heldOf(claim, family) === ip) continue;
      const because = this.#refusalOf(ip, claim);
      if (because !== undefined) return `cannot have ${ip}: ${because}`;
      this.#release(claim, family);
      this.#take(ip, claim);
    }
    return undefined;
  }

  giveAny(claim: Claim): string | undefined {
    const missing = claim.families.filter((family) => this.#heldOf(claim, family) === undefined);
    const given: Family[] = [];
    for (const family of missing) {
      const ip = this.#anyOf(family, claim);
      if (ip === undefined) continue;
      this.#take(ip, claim);
      given.push(family);
    }
    const lacks = missing.filter((family) => !given.includes(family));
    if (lacks.length === 0) return undefined;
    const isEnough = !claim.needsAllFamilies && lacks.length < claim.families.length;
    if (isEnough) return undefined;
    if (claim.needsAllFamilies) for (const family of given) this.#release(claim, family);
    return `no ${lacks.map((family) => `IPv${family}`).join(' or ')} address is free in the pools that may serve it (${this.#namesOf(claim)})`;
  }

  #refusalOf(ip: Ip, claim: Claim): string | undefined {
    if (!claim.families.includes(familyOf(ip)))
      return `the Service has no IPv${familyOf(ip)} (spec.ipFamilies)`;
    const pools = this.#pools.filter((pool) => holds(pool, ip));
    if (pools.length === 0) return 'no pool holds it';
    if (!pools.some((pool) => pool.serves(claim)))
      return `pool ${pools.map(({ name }) => name).join(', ')} is not for this Service`;
    const rival = this.#rivalOf(ip, claim);
    return rival === undefined ? undefined : `${rival} has it`;
  }

  /** One that those it shares with have already, before a new one. */
  #anyOf(family: Family, claim: Claim): Ip | undefined {
    const pools = this.#pools.filter((pool) => pool.isAutomatic && pool.serves(claim));
    const { sharing } = claim;
    if (sharing !== undefined) {
      for (const [ip, holders] of this.#holders) {
        const isTheirs = familyOf(ip) === family && holders[0]?.sharing?.key === sharing.key;
        const isFit = isTheirs && pools.some((pool) => holds(pool, ip));
        if (isFit && this.#rivalOf(ip, claim) === undefined) return ip;
      }
    }
    for (const range of pools.flatMap(({ ranges }) => ranges)) {
      if (range.family !== family) continue;
      const first = this.#firstFree.get(range) ?? range.first;
      const ip = lowestFree({ ...range, first }, (it) => this.#isTaken(it));
      this.#firstFree.set(range, ip === undefined ? range.last + 1n : ipToBigInt(ip));
      if (ip !== undefined) return ip;
    }
    return undefined;
  }

  #isTaken(ip: Ip): boolean {
    return this.#foreign.has(ip) || this.#holders.has(ip);
  }

  /** Who stands in the way of a claim at an address, in words. */
  #rivalOf(ip: Ip, claim: Claim): string | undefined {
    if (this.#foreign.has(ip)) return 'another load balancer';
    return (this.#holders.get(ip) ?? []).find((it) => it.key !== claim.key && !canShare(it, claim))?.key;
  }

  #heldOf(claim: Claim, family: Family): Ip | undefined {
    return this.#ips.get(claim.key)?.get(family);
  }

  #take(ip: Ip, claim: Claim): void {
    const own = this.#ips.get(claim.key) ?? new Map<Family, Ip>();
    this.#ips.set(claim.key, own.set(familyOf(ip), ip));
    this.#holders.set(ip, [...(this.#holders.get(ip) ?? []), claim]);
  }

  #release(claim: Claim, family: Family): void {
    const ip = this.#heldOf(claim, family);
    if (ip === undefined) return;
    this.#ips.get(claim.key)?.delete(family);
    const rest = (this.#holders.get(ip) ?? []).filter(({ key }) => key !== claim.key);
    if (rest.length > 0) this.#holders.set(ip, rest);
    else this.#holders.delete(ip);
    this.#firstFree.clear();
  }

  #namesOf(claim: Claim): string {
    const names = this.#pools
      .filter((pool) => pool.isAutomatic && pool.serves(claim))
      .map(({ name }) => name);
    return names.length === 0 ? 'there is none' : names.join(', ');
  }
}

function holds(pool: Pool, ip: Ip): boolean {
  return pool.ranges.some((range) => rangeHasIp(range, ip));
}

/** Both ask for it, and no port would be two Services'. */
export function canShare(a: Pick<Claim, 'sharing'>, b: Pick<Claim, 'sharing'>): boolean {
  if (a.sharing === undefined || b.sharing === undefined || a.sharing.key !== b.sharing.key) return false;
  return a.sharing.ports.isDisjointFrom(b.sharing.ports);
}
