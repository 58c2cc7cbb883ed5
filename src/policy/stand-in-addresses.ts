// Addresses for what has none yet: a manifest says nothing of where its pods will be, but rules by address must be answered.

import { cidrFamily, cidrIpAt, cidrSize, type Cidr } from '../base/cidr.ts';
import { FairleadError } from '../base/errors.ts';
import type { Ip } from '../base/ip.ts';

/** Gives addresses from the end of each prefix downwards: what people write by hand begins at its start. */
export class StandInAddresses {
  readonly #prefixes: readonly Cidr[];
  #taken = 0n;

  /** One prefix or one of each family. */
  constructor(prefixes: readonly Cidr[]) {
    if (new Set(prefixes.map(cidrFamily)).size !== prefixes.length || prefixes.length === 0)
      throw new FairleadError('invalid', `Cannot use prefixes "${prefixes.join(',')}": one of each family`);
    this.#prefixes = prefixes;
  }

  /** One address of each prefix; throws `exhausted` where a prefix is too small. */
  next(): readonly Ip[] {
    // Not the last one, which is the broadcast address of IPv4.
    this.#taken += 1n;
    return this.#prefixes.map((prefix) => cidrIpAt(prefix, this.#last(prefix)));
  }

  #last(prefix: Cidr): bigint {
    const index = cidrSize(prefix) - 1n - this.#taken;
    if (index >= 0n) return index;
    throw new FairleadError(
      'exhausted',
      `Cannot give every workload an address of ${prefix}: it holds ${cidrSize(prefix)}`,
    );
  }
}
