// A value itself and everything in it as a set of fields: what is new in an object. Most of it goes to FieldsV1 as it is, so that its sets are made only
// where somebody asks for a part of them.

import { getOwn, isObject, type Draft } from '../json.ts';
import { fieldElement, itemsByElement, namedElement } from './elements.ts';
import { ONE_FIELD, type FieldSet } from './field-set.ts';
import { resolvedType, type OwnedType, type ResolvedType } from './field-type.ts';

/** The marker of a field that is in a set by itself, beside those below it. */
export const SELF = '.';

/** The value must stay as it is while the set is used. */
export function wholeValue(value: unknown, type: OwnedType): FieldSet {
  const resolved = resolvedType(type, value);
  return isOwnedWhole(resolved) || isEmpty(value) ? ONE_FIELD : new WholeValue(value, resolved);
}

export class WholeValue implements FieldSet {
  readonly isMember = true;
  readonly #value: unknown;
  readonly #type: ResolvedType;
  #children: ReadonlyMap<string, FieldSet> | undefined;

  constructor(value: unknown, type: ResolvedType) {
    this.#value = value;
    this.#type = type;
  }

  get children(): ReadonlyMap<string, FieldSet> {
    if (this.#children === undefined) {
      const children = new Map<string, FieldSet>();
      for (const [element, inner] of partsOf(this.#value, this.#type))
        children.set(element, wholeValue(inner, partType(this.#type, element)));
      this.#children = children;
    }
    return this.#children;
  }

  /** The set as FieldsV1. */
  fieldsV1(): Draft {
    return fieldsOf(this.#value, this.#type);
  }
}

function fieldsOf(value: unknown, type: OwnedType): Draft {
  const resolved = resolvedType(type, value);
  if (isOwnedWhole(resolved) || isEmpty(value)) return {};
  const out: Draft = { [SELF]: {} };
  // Elements are in the order of keys, and never have the name `__proto__`: all of them begin with "f:".
  if (resolved.kind === 'object' && isObject(value)) {
    for (const key of Object.keys(value).sort())
      if (value[key] !== undefined)
        out[elementOf(key, resolved)] = fieldsOf(value[key], resolved.childOf(key));
    return out;
  }
  const parts = partsOf(value, resolved);
  for (const element of [...parts.keys()].sort())
    out[element] = fieldsOf(parts.get(element), partType(resolved, element));
  return out;
}

/** True for a value without parts. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (!isObject(value)) return true;
  for (const key in value) if (value[key] !== undefined && Object.hasOwn(value, key)) return false;
  return true;
}

function elementOf(key: string, type: ResolvedType): string {
  return type.kind === 'object' && type.isMap ? fieldElement(key) : namedElement(key);
}

/** Leaves and atomic lists have no fields of their own. */
export function isOwnedWhole(type: ResolvedType): boolean {
  return type.kind === 'leaf' || (type.kind === 'list' && type.elements === 'atomic');
}

/** The parts of a value by their path elements. */
export function partsOf(value: unknown, type: ResolvedType): ReadonlyMap<string, unknown> {
  if (type.kind === 'list' && Array.isArray(value))
    return type.elements === 'atomic' ? new Map() : itemsByElement(value, type.elements, { isLenient: true });
  const parts = new Map<string, unknown>();
  if (isObject(value))
    for (const key of Object.keys(value)) {
      const inner = getOwn(value, key);
      if (inner !== undefined) parts.set(elementOf(key, type), inner);
    }
  return parts;
}

/** The type of the part at `element`. */
export function partType(type: ResolvedType, element: string): OwnedType {
  if (type.kind === 'list') return type.element();
  return type.kind === 'object' ? type.childOf(element.slice(2)) : type;
}
