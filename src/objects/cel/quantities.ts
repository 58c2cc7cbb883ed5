// quantity() with its comparisons and sums (k8s.io/apiserver/pkg/cel/library, quantity), exact as there: in billionths, which is the least that the
// API knows, up to the largest integer of 64 bits.

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { exactQuantity, NANO } from '../quantity.ts';
import type { Comparable } from './same.ts';

const MAX_INT = 2n ** 63n - 1n;

class Quantity implements Comparable {
  /** In billionths. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  compareTo({ nanos }: Quantity): number {
    return this.nanos < nanos ? -1 : this.nanos > nanos ? 1 : 0;
  }

  isSame(other: unknown): boolean {
    return other instanceof Quantity && other.nanos === this.nanos;
  }

  get isInteger(): boolean {
    return this.nanos % NANO === 0n && this.nanos / NANO <= MAX_INT && this.nanos / NANO >= -MAX_INT - 1n;
  }
}

const T = 'Quantity';

export function registerQuantities(environment: Environment): void {
  const plus = (sign: bigint) => (a: Quantity, b: Quantity | bigint) =>
    new Quantity(a.nanos + sign * (typeof b === 'bigint' ? b * NANO : b.nanos));
  environment
    .registerType(T, { ctor: Quantity, fields: {} })
    .registerOperator(`${T} == ${T}`, (a: Quantity, b: Quantity) => a.isSame(b))
    .registerFunction('isQuantity(string): bool', (text: string) => exactQuantity(text) !== undefined)
    .registerFunction(`quantity(string): ${T}`, quantityOf)
    .registerFunction(`${T}.isGreaterThan(${T}): bool`, (a: Quantity, b: Quantity) => a.compareTo(b) > 0)
    .registerFunction(`${T}.isLessThan(${T}): bool`, (a: Quantity, b: Quantity) => a.compareTo(b) < 0)
    .registerFunction(`${T}.compareTo(${T}): int`, (a: Quantity, b: Quantity) => BigInt(a.compareTo(b)))
    .registerFunction(`${T}.sign(): int`, (a: Quantity) => BigInt(a.compareTo(new Quantity(0n))))
    .registerFunction(`${T}.isInteger(): bool`, (a: Quantity) => a.isInteger)
    .registerFunction(`${T}.asInteger(): int`, (a: Quantity) => {
      if (!a.isInteger) throw new FairleadError('invalid', 'cannot convert value to integer');
      return a.nanos / NANO;
    })
    .registerFunction(`${T}.asApproximateFloat(): double`, (a: Quantity) => Number(a.nanos) / Number(NANO));
  for (const operand of [T, 'int'])
    environment
      .registerFunction(`${T}.add(${operand}): ${T}`, plus(1n))
      .registerFunction(`${T}.sub(${operand}): ${T}`, plus(-1n));
}

function quantityOf(text: string): Quantity {
  const nanos = exactQuantity(text);
  if (nanos === undefined)
    throw new FairleadError(
      'invalid',
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  return new Quantity(nanos);
}
