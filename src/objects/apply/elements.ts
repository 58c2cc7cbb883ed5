// What identifies the parts of a value: names of fields and keys of list elements, as path elements.

import { FairleadError } from '../../base/errors.ts';
import { getOwn, isObject, type Draft } from '../json.ts';
import type { ListElements } from './field-type.ts';

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** Elements of the fields that kinds have: made once, since most of them are asked for in every write. */
const NAMED = new Map<string, string>();
/** More than all kinds have; what is named by clients beyond that is made each time. */
const MAX_NAMED = 10_000;

/** The same for a field of a schema. */
export function namedElement(name: string): string {
  const known = NAMED.get(name);
  if (known !== undefined) return known;
  const element = fieldElement(name);
  if (NAMED.size < MAX_NAMED) NAMED.set(name, element);
  return element;
}

/** The path element of a list's item; throws `invalid` for one without any of its keys. Not for atomic lists. */
export function itemElement(item: unknown, elements: Exclude<ListElements, 'atomic'>): string {
  if (elements === 'set') return `v:${JSON.stringify(item)}`;
  if (!isObject(item)) throw new FairleadError('invalid', 'an element of a list with keys is no object');
  const { keys, defaults } = elements;
  const identity: Draft = {};
  let found = 0;
  for (const key of keys) {
    const own = getOwn(item, key);
    if (own !== undefined) found++;
    const value = own ?? defaults[key];
    if (value !== undefined) identity[key] = value;
  }
  if (found === 0)
    throw new FairleadError('invalid', `an element of a list lacks its keys (${keys.join(', ')})`);
  return `k:${JSON.stringify(identity)}`;
}

/**
 * Items by their path elements, in order. Where `isLenient` (what is stored may be older than its schema) an item without keys, and the second of two with the same, is known by
 * its place; else they are refused: throws `invalid`.
 */
export function itemsByElement(
  list: readonly unknown[],
  elements: Exclude<ListElements, 'atomic'>,
  { isLenient }: { readonly isLenient: boolean },
): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>();
  for (const [at, item] of list.entries()) {
    const element = !isLenient || isIdentified(item, elements) ? itemElement(item, elements) : `i:${at}`;
    if (!items.has(element)) items.set(element, item);
    else if (isLenient) items.set(`i:${at}`, item);
    else throw new FairleadError('invalid', `duplicate entries for key ${element.slice(2)}`);
  }
  return items;
}

function isIdentified(item: unknown, elements: Exclude<ListElements, 'atomic'>): boolean {
  return (
    elements === 'set' || (isObject(item) && elements.keys.some((key) => getOwn(item, key) !== undefined))
  );
}
