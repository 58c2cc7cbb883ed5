// Values of the library whose classes it does not export: they are known by what it makes.

import { evaluate } from '@marcbachmann/cel-js';

/** google.protobuf.Duration: `toString` gives seconds ("90s"). */
export interface Duration {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** An unsigned integer. */
export interface Unsigned {
  valueOf(): bigint;
}

const [A_DURATION, AN_UNSIGNED]: readonly object[] = [evaluate('duration("1s")'), evaluate('1u')];

export function isDuration(value: unknown): value is Duration {
  return isLike(value, A_DURATION);
}

export function isUnsigned(value: unknown): value is Unsigned {
  return isLike(value, AN_UNSIGNED);
}

function isLike(value: unknown, example: object | undefined): boolean {
  return typeof value === 'object' && value !== null && value.constructor === example?.constructor;
}
