// Defaults of a CustomResourceDefinition: the names that its kind gives.

import { isObject, type Draft } from '../json.ts';

export function defaultCustomResourceDefinition({ spec }: Draft): void {
  if (!isObject(spec)) return;
  spec['conversion'] ??= { strategy: 'None' };
  const { names } = spec;
  if (!isObject(names) || typeof names['kind'] !== 'string') return;
  names['singular'] ??= names['kind'].toLowerCase();
  names['listKind'] ??= `${names['kind']}List`;
}
