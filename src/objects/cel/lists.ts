// Functions on lists (k8s.io/apiserver/pkg/cel/library, lists) and on lists as sets (cel-go, ext.Sets).

import type { Environment } from '@marcbachmann/cel-js';
import { FairleadError } from '../../base/errors.ts';
import { ownName } from './own-names.ts';
import { isSame } from './same.ts';

type List = readonly unknown[];

class SetsNamespace {}

export function registerLists(environment: Environment): void {
  environment
    .registerFunction('list.isSorted(): bool', (list: List) =>
      list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0),
    )
    .registerFunction('list.sum(): dyn', sum)
    .registerFunction('list.min(): dyn', (list: List) => extreme(list, -1))
    .registerFunction('list.max(): dyn', (list: List) => extreme(list, 1))
    .registerFunction(`list.${ownName('indexOf')}(dyn): int`, (list: List, item: unknown) =>
      BigInt(list.findIndex((it) => isSame(it, item))),
    )
    .registerFunction(`list.${ownName('lastIndexOf')}(dyn): int`, (list: List, item: unknown) =>
      BigInt(list.findLastIndex((it) => isSame(it, item))),
    );
  registerSets(environment);
}

function registerSets(environment: Environment): void {
  environment
    .registerType('SetsNamespace', { ctor: SetsNamespace, fields: {} })
    .registerConstant('sets', 'SetsNamespace', new SetsNamespace())
    .registerFunction('SetsNamespace.contains(list, list): bool', (_: unknown, all: List, some: List) =>
      hasAll(all, some),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list, list): bool',
      (_: unknown, a: List, b: List) => hasAll(a, b) && hasAll(b, a),
    )
    .registerFunction('SetsNamespace.intersects(list, list): bool', (_: unknown, a: List, b: List) =>
      b.some((item) => has(a, item)),
    );
}

function hasAll(all: List, some: List): boolean {
  return some.every((item) => has(all, item));
}

function has(list: List, item: unknown): boolean {
  return list.some((it) => isSame(it, item));
}

function compare(a: unknown, b: unknown): number {
  const [x, y] = [a, b] as readonly (bigint | number | string)[];
  return x === undefined || y === undefined || x === y ? 0 : x < y ? -1 : 1;
}

function sum(list: List): unknown {
  const numbers = list as readonly (bigint | number)[];
  if (numbers.some((it) => typeof it === 'number'))
    return numbers.reduce<number>((all, it) => all + Number(it), 0);
  return numbers.reduce<bigint>((all, it) => all + BigInt(it), 0n);
}

function extreme(list: List, sign: number): unknown {
  if (list.length === 0)
    throw new FairleadError('invalid', `${sign < 0 ? 'min' : 'max'} called on empty list`);
  return list.reduce((best, it) => (compare(it, best) * sign > 0 ? it : best));
}
