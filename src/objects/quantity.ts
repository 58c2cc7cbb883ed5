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

/** The number of a quantity ("500m", "1Gi", "1e3"); throws `invalid`. */
export function parseQuantity(text: string): number {
  const match = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
  if (match === null) throw new FairleadError('invalid', `Cannot read quantity "${text.slice(0, 40)}"`);
  const [, digits = '', exponent = '', suffix = ''] = match;
  return Number(`${digits}${exponent}`) * (SUFFIXES[suffix] ?? 1);
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
