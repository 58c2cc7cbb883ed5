// What Kubernetes adds to CEL: functions on lists, texts, patterns, addresses, URLs and quantities (k8s.io/apiserver/pkg/cel/library).

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../../base/errors.ts';
import { tryParseIp } from '../../../base/ip.ts';
import { isSameJson } from '../../json.ts';
import { parseQuantity, tryParseQuantity } from '../../quantity.ts';
import { isOfFormat } from '../formats.ts';
import { findAllIn, patternOf } from '../pattern.ts';

/** Stands for `matches`. */
export const RE2_MATCHES = 'matchesRe2';

const MAX_TEXT = 1024 * 1024;

export function registerExtensions(environment: Environment): void {
  registerTexts(environment);
  registerLists(environment);
  registerFormats(environment);
  registerQuantities(environment);
}

function registerTexts(environment: Environment): void {
  environment
    .registerFunction(`string.${RE2_MATCHES}(string): bool`, (text: string, pattern: string) =>
      compiled(pattern).isIn(text),
    )
    .registerFunction(
      'string.find(string): string',
      (text: string, pattern: string) => findAllIn(text, compiled(pattern).source, 1)[0] ?? '',
    )
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
      findAllIn(text, compiled(pattern).source, Number.MAX_SAFE_INTEGER),
    )
    .registerFunction(
      'string.findAll(string, int): list<string>',
      (text: string, pattern: string, most: bigint) =>
        findAllIn(text, compiled(pattern).source, most < 0n ? Number.MAX_SAFE_INTEGER : Number(most)),
    )
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
      bounded(text.replaceAll(from, () => to)),
    )
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => {
      if (at < 0n || at > BigInt(text.length)) throw outOfRange(at);
      return text.charAt(Number(at));
    })
    .registerFunction('string.reverse(): string', (text: string) => Array.from(text).reverse().join(''));
}

function compiled(source: string): { readonly source: string; readonly isIn: (text: string) => boolean } {
  const pattern = patternOf(source);
  if (pattern === undefined)
    throw new FairleadError('invalid', `error parsing regexp: ${source.slice(0, 80)}`);
  return pattern;
}

function bounded(text: string): string {
  if (text.length > MAX_TEXT)
    throw new FairleadError('exhausted', `a text longer than ${MAX_TEXT} characters`);
  return text;
}

function outOfRange(index: bigint): FairleadError {
  return new FairleadError('invalid', `index out of range: ${index}`);
}

function registerLists(environment: Environment): void {
  environment
    .registerFunction('list.isSorted(): bool', (list: readonly unknown[]) =>
      list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0),
    )
    .registerFunction('list.sum(): dyn', sum)
    .registerFunction('list.min(): dyn', (list: readonly unknown[]) => extreme(list, -1))
    .registerFunction('list.max(): dyn', (list: readonly unknown[]) => extreme(list, 1))
    .registerFunction('list.indexOf(dyn): int', (list: readonly unknown[], item: unknown) =>
      BigInt(list.findIndex((it) => isSame(it, item))),
    )
    .registerFunction('list.lastIndexOf(dyn): int', (list: readonly unknown[], item: unknown) =>
      BigInt(list.findLastIndex((it) => isSame(it, item))),
    );
}

function compare(a: unknown, b: unknown): number {
  const [x, y] = [a, b] as readonly (bigint | number | string)[];
  return x === undefined || y === undefined || x === y ? 0 : x < y ? -1 : 1;
}

function sum(list: readonly unknown[]): unknown {
  const numbers = list as readonly (bigint | number)[];
  if (numbers.some((it) => typeof it === 'number'))
    return numbers.reduce<number>((all, it) => all + Number(it), 0);
  return numbers.reduce<bigint>((all, it) => all + BigInt(it), 0n);
}

function extreme(list: readonly unknown[], sign: number): unknown {
  if (list.length === 0)
    throw new FairleadError('invalid', `${sign < 0 ? 'min' : 'max'} called on empty list`);
  return list.reduce((best, it) => (compare(it, best) * sign > 0 ? it : best));
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || isSameJson(a, b);
}

function registerFormats(environment: Environment): void {
  environment
    .registerFunction('isIP(string): bool', (text: string) => tryParseIp(text) !== undefined)
    .registerFunction('isCIDR(string): bool', (text: string) => isOfFormat('cidr', text))
    .registerFunction('isURL(string): bool', (text: string) => isOfFormat('uri', text));
}

/** A quantity in a rule. */
class Quantity {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

function registerQuantities(environment: Environment): void {
  const order = (a: Quantity, b: Quantity): number => Math.sign(a.value - b.value);
  environment
    .registerType('Quantity', { ctor: Quantity, fields: {} })
    .registerFunction('isQuantity(string): bool', (text: string) => tryParseQuantity(text) !== undefined)
    .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(parseQuantity(text)))
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => order(a, b) > 0)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => order(a, b) < 0)
    .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) => BigInt(order(a, b)))
    .registerFunction('Quantity.sign(): int', (a: Quantity) => BigInt(Math.sign(a.value)))
    .registerFunction('Quantity.asApproximateFloat(): double', (a: Quantity) => a.value)
    .registerOperator('Quantity == Quantity', (a: Quantity, b: Quantity) => a.value === b.value);
}
