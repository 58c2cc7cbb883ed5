// Checks of numbers, ports and percentages.

import { FairleadError } from '../../base/errors.ts';
import { isPort } from '../../base/port.ts';
import { invalidValue, type FieldError } from './field-error.ts';
import { checkPortName } from './names.ts';

/** An integer field that may be absent. */
export function atLeast(field: string, value: unknown, minimum: number): FieldError[] {
  if (typeof value !== 'number' || value >= minimum) return [];
  return [invalidValue(field, value, `must be greater than or equal to ${minimum}`)];
}

export function portNumber(field: string, value: unknown): FieldError[] {
  return isPort(value) ? [] : [invalidValue(field, value, 'must be between 1 and 65535, inclusive')];
}

/** A port by its number or by the name that a container gives it. */
export function portReference(field: string, value: unknown): FieldError[] {
  if (typeof value !== 'string') return portNumber(field, value);
  const wrong = checkPortName(value);
  return wrong === undefined ? [] : [invalidValue(field, value, wrong)];
}

/** A count or a percentage ("25%"). */
export function countOrPercent(field: string, value: unknown): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return atLeast(field, value, 0);
  if (typeof value === 'string' && /^\d{1,3}%$/.test(value)) return [];
  return [invalidValue(field, value, "must be an integer or percentage (e.g '5%')")];
}

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
