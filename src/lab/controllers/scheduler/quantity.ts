// Kubernetes quantities ("500m", "1Gi", "2e3") as numbers. Pure.

import { FairleadError } from '../../../base/errors.ts';

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

/** As `quantityMillis`, with `otherwise` for what is no quantity: one bad object must not stop the decisions over all others. */
export function quantityMillisOr(text: string | number, otherwise: number): number {
  try {
    return quantityMillis(text);
  } catch {
    return otherwise;
  }
}

/** In whole thousandths of the unit, so that sums of "100m" stay exact; throws `invalid`. */
export function quantityMillis(text: string | number): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([a-zA-Z]{0,2}))$/.exec(String(text));
  const factor = SUFFIXES[match?.[3] ?? ''];
  if (match === null || factor === undefined) {
    throw new FairleadError('invalid', `Cannot read quantity "${text}"`);
  }
  return Math.ceil(Number(`${match[1] ?? ''}${match[2] ?? ''}`) * factor * 1000);
}
