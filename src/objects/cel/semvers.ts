// semver() with its comparisons (k8s.io/apiserver/pkg/cel/library, semver; semver.org 2.0.0).

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import type { Comparable } from './same.ts';

const MAX_NUMBER = 2n ** 63n - 1n;
const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const MAX_LENGTH = 256;

class Version implements Comparable {
  /** Major, minor, patch. */
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];

  constructor(numbers: readonly bigint[], before: readonly string[]) {
    this.numbers = numbers;
    this.before = before;
  }

  compareTo({ numbers, before }: Version): number {
    for (const [i, number] of this.numbers.entries()) {
      const order = orderOf(number, numbers[i] ?? 0n);
      if (order !== 0) return order;
    }
    if (this.before.length === 0 || before.length === 0)
      return orderOf(before.length > 0 ? 1 : 0, this.before.length > 0 ? 1 : 0);
    return comparePreReleases(this.before, before);
  }

  isSame(other: unknown): boolean {
    return other instanceof Version && this.compareTo(other) === 0;
  }
}

const T = 'Semver';

export function registerSemvers(environment: Environment): void {
  environment
    .registerType(T, { ctor: Version, fields: {} })
    .registerOperator(`${T} == ${T}`, (a: Version, b: Version) => a.isSame(b))
    .registerFunction('isSemver(string): bool', (text: string) => parse(text) !== undefined)
    .registerFunction('isSemver(string, bool): bool', (text: string, isLoose: boolean) =>
      isLoose ? parse(normalized(text)) !== undefined : parse(text) !== undefined,
    )
    .registerFunction(`semver(string): ${T}`, (text: string) => versionOf(text, text))
    .registerFunction(`semver(string, bool): ${T}`, (text: string, isLoose: boolean) =>
      versionOf(isLoose ? normalized(text) : text, text),
    )
    .registerFunction(`${T}.isGreaterThan(${T}): bool`, (a: Version, b: Version) => a.compareTo(b) > 0)
    .registerFunction(`${T}.isLessThan(${T}): bool`, (a: Version, b: Version) => a.compareTo(b) < 0)
    .registerFunction(`${T}.compareTo(${T}): int`, (a: Version, b: Version) => BigInt(a.compareTo(b)));
  for (const [i, part] of ['major', 'minor', 'patch'].entries())
    environment.registerFunction(`${T}.${part}(): int`, ({ numbers }: Version) => numbers[i] ?? 0n);
}

function parse(text: string): Version | undefined {
  const match = text.length > MAX_LENGTH ? null : VERSION.exec(text);
  if (match === null) return undefined;
  const numbers = match.slice(1, 4).map((it) => BigInt(it));
  return numbers.some((it) => it > MAX_NUMBER) ? undefined : new Version(numbers, match[4]?.split('.') ?? []);
}

function versionOf(text: string, shown: string): Version {
  const version = parse(text);
  if (version === undefined)
    throw new FairleadError('invalid', `invalid semantic version ${JSON.stringify(shown.slice(0, 80))}`);
  return version;
}

/** Without a "v" before it and zeros before its numbers, with the numbers that lack. */
function normalized(text: string): string {
  const [major = '', minor, ...rest] = text.replace(/^v/, '').split('.');
  const parts = [
    major,
    ...(minor === undefined ? [] : [minor]),
    ...(rest.length === 0 ? [] : [rest.join('.')]),
  ];
  const trimmed = parts.map((it) => it.replace(/^0+(?=\d)/, ''));
  // A short one must have nothing behind its numbers.
  return trimmed.length < 3 && /[+-]/.test(trimmed.at(-1) ?? '')
    ? ''
    : [...trimmed, '0', '0'].slice(0, Math.max(3, trimmed.length)).join('.');
}

function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const order = comparePart(part, other);
    if (order !== 0) return order;
  }
  return orderOf(a.length, b.length);
}

/** Numbers come before words. */
function comparePart(a: string, b: string): number {
  const [isNumber, isOther] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumber && isOther) return orderOf(BigInt(a), BigInt(b));
  return isNumber === isOther ? orderOf(a, b) : isNumber ? -1 : 1;
}

function orderOf<T extends bigint | number | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
