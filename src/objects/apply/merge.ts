// What somebody applies joined with what is there, and fields taken away again.

import { getOwn, isObject, setOwn, type Draft } from '../json.ts';
import { fieldElement, itemsByElement } from './elements.ts';
import { NO_FIELDS, type FieldSet } from './field-set.ts';
import { resolvedType, type ListElements, type OwnedType } from './field-type.ts';

/** `live` with everything that `applied` has; neither is changed, parts are shared. */
export function mergeApplied(live: unknown, applied: unknown, type: OwnedType): unknown {
  if (live === undefined) return applied;
  if (applied === undefined) return live;
  const [was, is] = [resolvedType(type, live), resolvedType(type, applied)];
  if (is.kind === 'object' && was.kind === 'object' && isObject(live) && isObject(applied)) {
    const merged: Draft = { ...live };
    for (const [key, value] of Object.entries(applied))
      setOwn(merged, key, mergeApplied(getOwn(live, key), value, is.childOf(key)));
    return merged;
  }
  if (is.kind !== 'list' || is.elements === 'atomic' || !Array.isArray(live) || !Array.isArray(applied))
    return applied;
  return mergeLists(live, applied, { elements: is.elements, element: is.element() });
}

interface ListRule {
  readonly elements: Exclude<ListElements, 'atomic'>;
  readonly element: OwnedType;
}

/** What both have stands in the order of who applies; what only the object has keeps its place before what followed it. */
function mergeLists(
  live: readonly unknown[],
  applied: readonly unknown[],
  { elements, element }: ListRule,
): unknown[] {
  const before = itemsByElement(live, elements, { isLenient: true });
  const after = itemsByElement(applied, elements, { isLenient: false });
  const [old, now] = [[...before.keys()], [...after.keys()]];
  const merged: unknown[] = [];
  const done = new Set<string>();
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [own, asked] = [old[i], now[j]];
    if (own !== undefined && (!after.has(own) || done.has(own))) {
      if (!after.has(own)) merged.push(before.get(own));
      i++;
    } else if (asked !== undefined) {
      merged.push(mergeApplied(before.get(asked), after.get(asked), element));
      done.add(asked);
      j++;
      if (own === asked) i++;
    }
  }
  return merged;
}

/**
 * `value` without the fields of `gone`; what is left empty by it goes too, but for what is a field of `kept` itself. Undefined where nothing stays.
 */
export function withoutFields(value: unknown, gone: FieldSet, kept: FieldSet, type: OwnedType): unknown {
  if (gone.children.size === 0) return value;
  const resolved = resolvedType(type, value);
  if (resolved.kind === 'object' && isObject(value)) return objectWithout(value, { gone, kept }, resolved);
  if (resolved.kind !== 'list' || resolved.elements === 'atomic' || !Array.isArray(value)) return value;
  const items: unknown[] = [];
  for (const [element, item] of itemsByElement(value, resolved.elements, { isLenient: true })) {
    const rest = partWithout(element, item, { gone, kept }, resolved.element());
    if (rest !== undefined) items.push(rest);
  }
  return items.length === 0 && !kept.isMember ? undefined : items;
}

interface Taking {
  readonly gone: FieldSet;
  readonly kept: FieldSet;
}

function objectWithout(
  value: Readonly<Draft>,
  taking: Taking,
  type: Extract<OwnedType, { kind: 'object' }>,
): unknown {
  const left: Draft = {};
  for (const key of Object.keys(value)) {
    const rest = partWithout(fieldElement(key), value[key], taking, type.childOf(key));
    if (rest !== undefined) setOwn(left, key, rest);
  }
  return Object.keys(left).length === 0 && !taking.kept.isMember ? undefined : left;
}

function partWithout(element: string, value: unknown, { gone, kept }: Taking, type: OwnedType): unknown {
  const inner = gone.children.get(element);
  if (inner === undefined) return value;
  return inner.isMember
    ? undefined
    : withoutFields(value, inner, kept.children.get(element) ?? NO_FIELDS, type);
}
