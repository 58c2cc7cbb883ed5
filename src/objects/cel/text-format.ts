// "%s and %d".format([a, b]) (cel-go, ext.Strings): the clauses %s %d %f %e %b %o %x %X and %%, and a precision for %f and %e.

import { FairleadError } from '../../base/errors.ts';
import { isObject } from '../json.ts';
import { isDuration, isUnsigned } from './library-values.ts';
import { durationText, timestampText } from './times.ts';

const CLAUSE = /%(?:\.(\d{1,3}))?(.?)/gsu;

/** The text with its clauses filled; throws `invalid` in the words of cel-go. */
export function formatText(text: string, values: readonly unknown[]): string {
  let at = 0;
  return text.replaceAll(CLAUSE, (_all, precision: string | undefined, verb: string) => {
    if (verb === '%') return '%';
    if (verb === '') throw new FairleadError('invalid', 'unexpected end of string');
    const write = VERBS[verb];
    if (write === undefined)
      throw new FairleadError(
        'invalid',
        `could not parse formatting clause: unrecognized formatting clause "${verb}"`,
      );
    if (at >= values.length) throw new FairleadError('invalid', `index ${at} out of range`);
    return write(values[at++], precision === undefined ? 6 : Number(precision));
  });
}

type Write = (value: unknown, precision: number) => string;

const VERBS: Readonly<Record<string, Write>> = {
  s: textOf,
  d: (value) => integerText(value, 10, 'decimal clause can only be used on integers'),
  b: (value) =>
    typeof value === 'boolean'
      ? String(Number(value))
      : integerText(value, 2, 'only integers and bools can be formatted as binary'),
  o: (value) => integerText(value, 8, 'octal clause can only be used on integers'),
  x: (value) => hexText(value),
  X: (value) => hexText(value).toUpperCase(),
  f: (value, precision) => floatText(value, (it) => it.toFixed(Math.min(precision, 100))),
  e: (value, precision) =>
    floatText(value, (it) => it.toExponential(Math.min(precision, 100)).replace(/e([+-])(\d)$/, 'e$10$2')),
};

function integerText(value: unknown, radix: number, otherwise: string): string {
  if (typeof value === 'bigint') return value.toString(radix);
  if (isUnsigned(value)) return value.valueOf().toString(radix);
  if (typeof value === 'number' && radix === 10 && !Number.isFinite(value)) return textOf(value);
  throw new FairleadError('invalid', `error during formatting: ${otherwise}`);
}

function hexText(value: unknown): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return integerText(value, 16, 'only integers, byte buffers, and strings can be formatted as hex');
}

function floatText(value: unknown, write: (value: number) => string): string {
  const number = typeof value === 'bigint' || isUnsigned(value) ? Number(value) : value;
  if (typeof number !== 'number')
    throw new FairleadError(
      'invalid',
      'error during formatting: fixed-point clause can only be used on doubles',
    );
  return Number.isFinite(number) ? write(number) : textOf(number);
}

/** What %s writes. */
export function textOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  if (typeof value === 'number') return doubleText(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (value instanceof Date) return timestampText(value);
  if (isDuration(value)) return durationText(value);
  if (isUnsigned(value)) return String(value.valueOf());
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Map) return entriesText([...value]);
  if (isPlain(value)) return entriesText(Object.entries(value));
  throw new FairleadError(
    'invalid',
    'error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
  );
}

function entriesText(entries: readonly (readonly [unknown, unknown])[]): string {
  const parts = entries.map(([key, item]) => `${textOf(key)}: ${textOf(item)}`).sort();
  return `{${parts.join(', ')}}`;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Infinity' : '-Infinity';
  return String(value);
}
