// What stands open with a peer: a rule set, or a profile where that depends on the block in which the peer's address lies. For backends that ask who
// first and where then. Pure.

import type { Cidr } from '../../base/cidr.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import type { DirectionPolicy, NodePolicies } from '../../model/policy.ts';

/** The number of a rule set, or the text of a profile. */
export type OpenWith = number | string;

/** What is open by the other end's address. */
export interface Profile {
  /** The rule set where no prefix says anything. */
  readonly otherwise: number;
  /** Rule sets; the longest prefix tells. */
  readonly prefixes: readonly (readonly [Cidr, number])[];
}

/** What stands open with each peer, the same for all pods of a subject; profiles by a text that says all of them. */
export class Profiles {
  readonly #blocks: ReadonlyMap<number, Cidr>;
  readonly #profiles = new Map<string, Profile>();
  readonly #peers = new Map<DirectionPolicy, ReadonlyMap<number, OpenWith>>();
  /** Equal where policies have equal profiles. */
  readonly blocksText: string;

  constructor(blocks: NodePolicies['blocks']) {
    this.#blocks = new Map([...blocks].map(([prefix, number]) => [number, prefix]));
    this.blocksText = [...this.#blocks]
      .map((it) => it.join(' '))
      .toSorted()
      .join();
  }

  texts(): Iterable<string> {
    return this.#profiles.keys();
  }

  get(text: string): Profile | undefined {
    return this.#profiles.get(text);
  }

  /** Of the peers that have an entry. */
  peersOf(policy: DirectionPolicy): ReadonlyMap<number, OpenWith> {
    const known = this.#peers.get(policy);
    if (known !== undefined) return known;
    const peers = new Map([...policy.keys()].map((peer) => [peer, this.#openWith(policy, peer)] as const));
    this.#peers.set(policy, peers);
    return peers;
  }

  /** See `DirectionPolicy` for the order in which entries are asked. */
  #openWith(policy: DirectionPolicy, peer: number): OpenWith {
    const own = policy.get(peer);
    const any = policy.get(restOf(peer));
    const otherwise = own?.get(0) ?? any?.get(0) ?? RULE_SETS.none;
    const blocks = new Set([...(own?.keys() ?? []), ...(any?.keys() ?? [])]);
    const prefixes = [...blocks].flatMap((block) => {
      const prefix = this.#blocks.get(block);
      return prefix === undefined ? [] : [[prefix, own?.get(block) ?? any?.get(block) ?? otherwise] as const];
    });
    if (prefixes.every(([, ruleSet]) => ruleSet === otherwise)) return otherwise;
    const sorted = prefixes.toSorted(([a], [b]) => (a < b ? -1 : 1));
    const text = [otherwise, ...sorted.map(([prefix, ruleSet]) => `${prefix}=${ruleSet}`)].join(' ');
    this.#profiles.set(text, { otherwise, prefixes: sorted });
    return text;
  }
}

/** Whose entry counts for a peer that has none. */
export function restOf(peer: number): number {
  return peer === PEERS.outside || peer >= PEERS.firstNode ? PEERS.outside : PEERS.anyPod;
}
