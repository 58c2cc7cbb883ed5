// Conversions between times, texts and numbers, which the library lacks or does otherwise than cel-go.

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import type { Duration } from './library-values.ts';
import { ownName } from './own-names.ts';

const TIMESTAMP = 'google.protobuf.Timestamp';
const DURATION = 'google.protobuf.Duration';
const INT = ownName('int');
const [MIN_INT, MAX_INT] = [-(2n ** 63n), 2n ** 63n - 1n];

export function registerConversions(environment: Environment): void {
  environment
    .registerFunction(`${INT}(int): int`, (value: bigint) => value)
    .registerFunction(`${INT}(uint): int`, (value: { valueOf(): bigint }) => inRange(value.valueOf()))
    .registerFunction(`${INT}(double): int`, (value: number) => {
      if (!Number.isFinite(value)) throw new FairleadError('invalid', 'integer overflow');
      return inRange(BigInt(Math.trunc(value)));
    })
    .registerFunction(`${INT}(string): int`, (text: string) => {
      if (!/^[+-]?\d{1,19}$/.test(text))
        throw new FairleadError(
          'invalid',
          `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
        );
      return inRange(BigInt(text.replace(/^\+/, '')));
    })
    .registerFunction(`${INT}(${TIMESTAMP}): int`, (value: Date) =>
      BigInt(Math.floor(value.getTime() / 1000)),
    )
    .registerFunction(`string(${TIMESTAMP}): string`, timestampText)
    .registerFunction(`string(${DURATION}): string`, durationText)
    .registerFunction(`timestamp(${TIMESTAMP}): ${TIMESTAMP}`, (value: Date) => value)
    .registerFunction(`duration(${DURATION}): ${DURATION}`, (value: Duration) => value);
}

function inRange(value: bigint): bigint {
  if (value < MIN_INT || value > MAX_INT) throw new FairleadError('invalid', 'integer overflow');
  return value;
}

export function durationText({ seconds, nanos }: Duration): string {
  const fraction = String(Math.abs(nanos)).padStart(9, '0').replace(/0+$/, '');
  const sign = seconds < 0n || nanos < 0 ? '-' : '';
  return `${sign}${seconds < 0n ? -seconds : seconds}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** RFC 3339 without a fraction where there is none. */
export function timestampText(value: Date): string {
  return value.toISOString().replace(/\.?0*Z$/, 'Z');
}
