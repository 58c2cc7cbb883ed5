// What the longest prefix around an address says: by one question for each length that there is, however many prefixes there are. Pure.

import { cidrLength, cidrOf, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';

export class LongestPrefix<T> {
  readonly #values = new Map<Cidr, T>();
  /** The longest first. */
  #lengths: readonly number[] = [];

  add(prefix: Cidr, value: T): void {
    this.#values.set(prefix, value);
    const length = cidrLength(prefix);
    if (!this.#lengths.includes(length)) this.#lengths = [...this.#lengths, length].toSorted((a, b) => b - a);
  }

  /** Undefined where no prefix holds the address. */
  find(ip: Ip): T | undefined {
    for (const length of this.#lengths) {
      const value = this.#values.get(cidrOf(ip, length));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
