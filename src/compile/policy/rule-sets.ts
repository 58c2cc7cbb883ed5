// Sets of open ports with their numbers. Pure but for its memory of what it has numbered.

import { isAllPorts, isNoPorts, portSetText, type PortSet } from '../../base/port-set.ts';
import { RULE_SETS } from '../../base/policy-numbers.ts';
import { NumberTable } from './number-of.ts';

/** Above the numbers that need no entry. */
const NUMBERS = { first: 2, count: 0x7fff_fff0 };

export class RuleSetTable {
  readonly #numbers = new NumberTable(NUMBERS);
  readonly #sets = new Map<number, PortSet>();

  numberOf(ports: PortSet): number {
    if (isNoPorts(ports)) return RULE_SETS.none;
    if (isAllPorts(ports)) return RULE_SETS.all;
    const number = this.#numbers.numberOf(portSetText(ports));
    this.#sets.set(number, ports);
    return number;
  }

  /** The set of a number that was given; undefined for those of `RULE_SETS`. */
  setOf(number: number): PortSet | undefined {
    return this.#sets.get(number);
  }
}
