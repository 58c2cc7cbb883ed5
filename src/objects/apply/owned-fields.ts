// The fields that a value has, and those in which two values differ.

import { FairleadError, messageOf } from '../../base/errors.ts';
import { isObject, isSameJson } from '../json.ts';
import { fieldElement, itemsByElement } from './elements.ts';
import { NO_FIELDS, ONE_FIELD, isEmptySet, setOf, union, type FieldSet } from './field-set.ts';
import { resolvedType, type OwnedType } from './field-type.ts';
import { isOwnedWhole, partsOf, partType, wholeValue } from './whole-value.ts';

/** The fields that who applies `value` asks for; throws `invalid` naming the field where list elements cannot be told apart. */
export function appliedFields(value: unknown, type: OwnedType): FieldSet {
  return fieldsAt(value, type, { path: '', isLenient: false });
}

/** The same of a stored value, which may be older than its schema. */
export function storedFields(value: unknown, type: OwnedType): FieldSet {
  return fieldsAt(value, type, { path: '', isLenient: true });
}

interface Place {
  readonly path: string;
  readonly isLenient: boolean;
}

function fieldsAt(value: unknown, type: OwnedType, { path, isLenient }: Place): FieldSet {
  const resolved = resolvedType(type, value);
  if (resolved.kind === 'leaf') return ONE_FIELD;
  const children = new Map<string, FieldSet>();
  if (resolved.kind === 'object' && isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      const fields = fieldsAt(inner, resolved.childOf(key), { path: `${path}.${key}`, isLenient });
      const isOwn = resolved.isMap || isVoid(inner);
      children.set(fieldElement(key), isOwn ? setOf(true, fields.children) : fields);
    }
  } else if (resolved.kind === 'list' && Array.isArray(value)) {
    if (resolved.elements === 'atomic') return ONE_FIELD;
    const items = namingField(path, () => itemsByElement(value, elementsOf(resolved), { isLenient }));
    for (const [element, item] of items) {
      const fields = fieldsAt(item, resolved.element(), { path: `${path}[]`, isLenient });
      children.set(element, setOf(true, fields.children));
    }
  }
  return setOf(false, children);
}

function namingField<T>(path: string, items: () => T): T {
  try {
    return items();
  } catch (error) {
    throw new FairleadError('invalid', `${path}: ${messageOf(error)}`);
  }
}

type KeyedList = Extract<OwnedType, { kind: 'list' }>;

function elementsOf({ elements }: KeyedList): Exclude<KeyedList['elements'], 'atomic'> {
  // Atomic lists are leaves before anybody asks.
  if (elements === 'atomic') throw new FairleadError('internal', 'an atomic list has no elements');
  return elements;
}

function isVoid(value: unknown): boolean {
  return value === null || (isObject(value) && Object.keys(value).length === 0);
}

/** Fields by what became of them. */
export interface FieldChanges {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const NO_CHANGES: FieldChanges = { added: NO_FIELDS, modified: NO_FIELDS, removed: NO_FIELDS };
const LEAF_CHANGES = {
  added: { ...NO_CHANGES, added: ONE_FIELD },
  modified: { ...NO_CHANGES, modified: ONE_FIELD },
  removed: { ...NO_CHANGES, removed: ONE_FIELD },
} as const;

/** What became of `before`; undefined is a value that is not there. */
export function fieldChanges(before: unknown, after: unknown, type: OwnedType): FieldChanges {
  if (before === after) return NO_CHANGES;
  if (before === undefined) return { ...NO_CHANGES, added: wholeValue(after, type) };
  if (after === undefined) return { ...NO_CHANGES, removed: wholeValue(before, type) };
  const [was, is] = [resolvedType(type, before), resolvedType(type, after)];
  if (was.kind !== is.kind || isOwnedWhole(is) || (isBare(before) && isBare(after)))
    return isSameJson(before, after) ? NO_CHANGES : LEAF_CHANGES.modified;
  const [old, now] = [partsOf(before, was), partsOf(after, is)];
  const added = new Map<string, FieldSet>();
  const modified = new Map<string, FieldSet>();
  const removed = new Map<string, FieldSet>();
  for (const [element, inner] of now) {
    const changes = fieldChanges(old.get(element), inner, partType(is, element));
    if (!isEmptySet(changes.added)) added.set(element, changes.added);
    if (!isEmptySet(changes.modified)) modified.set(element, changes.modified);
    if (!isEmptySet(changes.removed)) removed.set(element, changes.removed);
  }
  for (const [element, inner] of old)
    if (!now.has(element)) removed.set(element, wholeValue(inner, partType(was, element)));
  return { added: setOf(false, added), modified: setOf(false, modified), removed: setOf(false, removed) };
}

function isBare(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isVoid(value);
}

/** Everything that is new or other. */
export function changedFields({ added, modified }: FieldChanges): FieldSet {
  return union(added, modified);
}
