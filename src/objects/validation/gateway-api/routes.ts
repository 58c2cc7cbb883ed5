// Rules that kinds of routes share: parents, backends, names of rules.

import { listOf, objectOf, textOf, type Draft } from '../../json.ts';
import { isOnly, isSameOrEmpty, onList, onObject, type SchemaRule } from '../schema-rules.ts';

type Item = Readonly<Draft>;

export const PARENT_RULES: readonly SchemaRule[] = [
  onList(
    'spec.parentRefs',
    'sectionName or port must be specified when parentRefs includes 2 or more references to the same parent',
    (list) => {
      const parents = list.map(objectOf);
      return parents.every((a) => parents.every((b) => !isSameParent(a, b) || saysTheSame(a, b)));
    },
  ),
  onList(
    'spec.parentRefs',
    'sectionName or port must be unique when parentRefs includes 2 or more references to the same parent',
    (list) => {
      const parents = list.map(objectOf);
      return parents.every((it) => isOnly(parents, it, isSameSection));
    },
  ),
];

function isSameParent(a: Item, b: Item): boolean {
  const isSame = (name: string): boolean => a[name] === b[name];
  return isSame('group') && isSame('kind') && isSame('name') && isSameOrEmpty(a['namespace'], b['namespace']);
}

/** Both name a section or neither does, and a port likewise. */
function saysTheSame(a: Item, b: Item): boolean {
  const hasSection = (it: Item): boolean => textOf(it['sectionName']) !== undefined;
  return hasSection(a) === hasSection(b) && (a['port'] === undefined) === (b['port'] === undefined);
}

function isSameSection(a: Item, b: Item): boolean {
  return (
    isSameParent(a, b) &&
    isSameOrEmpty(a['sectionName'], b['sectionName']) &&
    isSameOrEmpty(a['port'], b['port'], 0)
  );
}

/** A Service is not enough to know where to go. */
export function needsPort(at: string): SchemaRule {
  return onObject(
    at,
    'Must have port for Service reference',
    ({ group, kind, port }) => group !== '' || kind !== 'Service' || port !== undefined,
  );
}

export const RULE_NAMES = onList('spec.rules', 'Rule name must be unique within the route', (rules) => {
  const names = rules.map((it) => objectOf(it)['name']).filter((name) => name !== undefined);
  return new Set(names).size === names.length;
});

const MAX_MATCHES = 128;

export const MATCH_COUNT = onList(
  'spec.rules',
  'While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128',
  (rules) => {
    const counts = rules.map((it) => listOf(objectOf(it)['matches']).length);
    return counts.reduce((sum, count) => sum + count, 0) <= MAX_MATCHES;
  },
);

/** `hasOne(list, test)`: of exactly one element it is true, as `exists_one` of the schemas' own language. */
export function hasOne(list: unknown, test: (item: Item) => boolean): boolean {
  return listOf(list).filter((it) => test(objectOf(it))).length === 1;
}
