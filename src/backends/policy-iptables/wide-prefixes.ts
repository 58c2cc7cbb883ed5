// Prefixes of more than one address, and who has them. Pure, but for what it remembers.

import { cidrBase, cidrLength, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import { LongestPrefix } from './longest-prefix.ts';

export interface WidePrefix {
  readonly prefix: Cidr;
  readonly peer: number;
  /** Who has the prefix around it. */
  readonly around: number;
}

export class WidePrefixes {
  /** The shortest first. */
  readonly all: readonly WidePrefix[];
  /** Equal for equal ones. */
  readonly text: string;
  readonly #peers = new LongestPrefix<number>();
  readonly #around = new Map<Ip, number>();

  constructor(prefixes: readonly (readonly [Cidr, number])[]) {
    const sorted = prefixes.toSorted(([a], [b]) => cidrLength(a) - cidrLength(b) || (a < b ? -1 : 1));
    this.text = sorted.map((it) => it.join(' ')).join();
    this.all = sorted.map(([prefix, peer]) => {
      const around = this.#find(cidrBase(prefix));
      this.#peers.add(prefix, peer);
      return { prefix, peer, around };
    });
  }

  /** Who has the longest prefix around an address. */
  peerAround(ip: Ip): number {
    const known = this.#around.get(ip);
    if (known !== undefined) return known;
    const peer = this.#find(ip);
    this.#around.set(ip, peer);
    return peer;
  }

  #find(ip: Ip): number {
    return this.#peers.find(ip) ?? PEERS.outside;
  }
}
