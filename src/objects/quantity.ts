// Kubernetes quantities ("500m", "1Gi", "2e3") as numbers (apimachinery, resource.Quantity). Pure.

import { FairleadError } from '../base/errors.ts';

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const PARTS = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/;
const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};

/** The number of a quantity ("500m", "1Gi", "1e3"); throws `invalid`. */
export function parseQuantity(text: string): number {
  const match = PARTS.exec(text);
  if (match === null) throw new FairleadError('invalid', `Cannot read quantity "${text.slice(0, 40)}"`);
  const [, digits = '', exponent = '', suffix = ''] = match;
  return Number(`${digits}${exponent}`) * (SUFFIXES[suffix] ?? 1);
}

/** One, in billionths. */
export const NANO = 10n ** 9n;
const MAX_VALUE = (2n ** 63n - 1n) * NANO;

/** The quantity in billionths, rounded away from zero and capped at the largest integer of 64 bits, as the API does; undefined where the text is none. */
export function exactQuantity(text: string): bigint | undefined {
  const match = text.length > 256 ? null : PARTS.exec(text);
  if (match === null) return undefined;
  const [, number = '', exponent = 'e0', suffix = ''] = match;
  const [whole = '', fraction = ''] = number.replace(/^[+-]/, '').split('.');
  const binary = BINARY[suffix];
  const power = (DECIMAL[suffix] ?? 0) + Number(exponent.slice(1)) + 9 - fraction.length;
  const digits = BigInt(`${whole}${fraction}`) * (binary ?? 1n);
  const size = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
  const capped = size > MAX_VALUE ? MAX_VALUE : size;
  return number.startsWith('-') ? -capped : capped;
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

/** The number, undefined where the text is no quantity. */
export function tryParseQuantity(value: unknown): number | undefined {
  try {
    return parseQuantity(String(value));
  } catch {
    return undefined;
  }
}

/** In whole thousandths of the unit, rounded up, so that sums of "100m" stay exact; throws `invalid`. */
export function quantityMillis(text: string | number): number {
  return Math.ceil(parseQuantity(String(text)) * 1000);
}

/** As `quantityMillis`, with `otherwise` for what is no quantity: one bad object must not stop the decisions over all others. */
export function quantityMillisOr(text: string | number, otherwise: number): number {
  const value = tryParseQuantity(text);
  return value === undefined ? otherwise : Math.ceil(value * 1000);
}
