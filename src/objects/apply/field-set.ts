// Sets of fields of an object: a tree of path elements, each in the text of FieldsV1 ("f:spec", 'k:{"name":"web"}', 'v:"a"').
// Never changed once made; parts are shared between sets.

export interface FieldSet {
  /** The field itself belongs to the set, whatever is below it. */
  readonly isMember: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export type FieldPath = readonly string[];

const NO_CHILDREN: ReadonlyMap<string, FieldSet> = new Map();
export const NO_FIELDS: FieldSet = { isMember: false, children: NO_CHILDREN };
export const ONE_FIELD: FieldSet = { isMember: true, children: NO_CHILDREN };

export function isEmptySet(set: FieldSet): boolean {
  return !set.isMember && set.children.size === 0;
}

/** Without children that hold nothing. */
export function setOf(isMember: boolean, children: ReadonlyMap<string, FieldSet>): FieldSet {
  if (children.size === 0) return isMember ? ONE_FIELD : NO_FIELDS;
  return { isMember, children };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const children = new Map(a.children);
  for (const [key, child] of b.children) {
    const other = children.get(key);
    children.set(key, other === undefined ? child : union(other, child));
  }
  return { isMember: a.isMember || b.isMember, children };
}

/** The fields of `a` that are not in `b`; what lies below a field of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  if (b.children.size === 0) return a.isMember ? setOf(false, a.children) : a;
  return combine(a, {
    isMember: a.isMember && !b.isMember,
    childOf: (key, child) => {
      const other = b.children.get(key);
      return other === undefined ? child : difference(child, other);
    },
  });
}

/** The fields of `a` that are neither in `b` nor below one of its fields. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (b.isMember) return NO_FIELDS;
  if (isEmptySet(a) || isEmptySet(b)) return a;
  return combine(a, {
    isMember: a.isMember,
    childOf: (key, child) => {
      const other = b.children.get(key);
      return other === undefined ? child : differenceBelow(child, other);
    },
  });
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return NO_FIELDS;
  return combine(a, {
    isMember: a.isMember && b.isMember,
    childOf: (key, child) => {
      const other = b.children.get(key);
      return other === undefined ? NO_FIELDS : intersection(child, other);
    },
  });
}

interface Combination {
  readonly isMember: boolean;
  readonly childOf: (key: string, child: FieldSet) => FieldSet;
}

function combine(a: FieldSet, { isMember, childOf }: Combination): FieldSet {
  const children = new Map<string, FieldSet>();
  let isSame = isMember === a.isMember;
  for (const [key, child] of a.children) {
    const next = childOf(key, child);
    isSame &&= next === child;
    if (!isEmptySet(next)) children.set(key, next);
  }
  return isSame ? a : setOf(isMember, children);
}

export function isEqualSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  if (a.isMember !== b.isMember || a.children.size !== b.children.size) return false;
  for (const [key, child] of a.children) {
    const other = b.children.get(key);
    if (other === undefined || !isEqualSet(child, other)) return false;
  }
  return true;
}

/** With every named field on the way to a member as a member: a set of "a.b.c" says nothing of "a" by itself. */
export function withNamedParents(set: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [key, child] of set.children) {
    const inner = withNamedParents(child);
    children.set(key, key.startsWith('f:') ? setOf(true, inner.children) : inner);
  }
  return setOf(set.isMember, children);
}

/** Every member's path, parents first. */
export function* pathsOf(set: FieldSet, above: FieldPath = []): Generator<FieldPath> {
  if (set.isMember && above.length > 0) yield above;
  for (const [key, child] of set.children) yield* pathsOf(child, [...above, key]);
}
