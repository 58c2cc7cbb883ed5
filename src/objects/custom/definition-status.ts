// What the server says of a definition: which names it got, whether it is served, in which versions objects may be stored. Pure: the same
// definitions give the same status.

import { isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import type { KubeObject } from '../meta.ts';
import { RESOURCES } from '../resources.ts';
import { hasCondition, namesOf, versionsOf, type DefinitionNames } from './definition.ts';

/** The kind is ours, whatever its definition says: it is served with our own, stricter rules. */
export function isBuiltIn(definition: Readonly<Draft>): boolean {
  const { group, names } = objectOf(definition['spec']);
  const { kind, plural } = objectOf(names);
  return RESOURCES.some((it) => it.group === group && it.kind === kind && it.plural === plural);
}

const BUILT_IN =
  'this server has the kind built in and serves it with its own rules; the definition is kept and changes nothing';

/** For who writes a definition. */
export function definitionWarnings(definition: Readonly<Draft>): readonly string[] {
  return isBuiltIn(definition) ? [BUILT_IN] : [];
}

interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** The status that `definition` should have beside `others`, whose names are taken; what is right stays as it is. */
export function judgedStatus(
  definition: KubeObject,
  others: readonly KubeObject[],
  now: string,
): Readonly<Draft> {
  const spec = objectOf(definition['spec']);
  const before = objectOf(definition['status']);
  const wanted = namesOf(spec['names']);
  const conflict = conflictOf(wanted, takenNames(textOf(spec['group']) ?? '', others, isBuiltIn(definition)));
  const wasEstablished = hasCondition(definition, 'Established');
  const accepted = conflict === undefined ? wanted : acceptedOf(before);
  const conditions = [
    namesCondition(conflict),
    establishedCondition(conflict === undefined || wasEstablished, isBuiltIn(definition)),
    ...(definition.metadata.deletionTimestamp === undefined ? [] : [TERMINATING]),
  ];
  return {
    conditions: conditions.map((it) => withTime(it, listOf(before['conditions']), now)),
    acceptedNames: wireNames(accepted),
    storedVersions: storedVersionsOf(definition),
  };
}

const TERMINATING: Condition = {
  type: 'Terminating',
  status: 'True',
  reason: 'InstanceDeletionInProgress',
  message: 'CustomResource deletion is in progress',
};

interface Conflict {
  readonly reason: string;
  readonly message: string;
}

function namesCondition(conflict: Conflict | undefined): Condition {
  const type = 'NamesAccepted';
  if (conflict !== undefined) return { type, status: 'False', ...conflict };
  return { type, status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
}

function establishedCondition(isEstablished: boolean, builtIn: boolean): Condition {
  const type = 'Established';
  if (!isEstablished)
    return { type, status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  if (builtIn) return { type, status: 'True', reason: 'BuiltIn', message: BUILT_IN };
  const message = 'the initial names have been accepted';
  return { type, status: 'True', reason: 'InitialNamesAccepted', message };
}

/** The time of a condition is that of its last change. */
function withTime(condition: Condition, before: readonly unknown[], now: string): Readonly<Draft> {
  const old = before.map(objectOf).find((it) => it['type'] === condition.type);
  const isSame = old?.['status'] === condition.status;
  return { lastTransitionTime: isSame ? old?.['lastTransitionTime'] : now, ...condition };
}

interface TakenNames {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** Plural, singular and short names share one space, kinds and their lists another. */
function takenNames(group: string, others: readonly KubeObject[], builtIn: boolean): TakenNames {
  const names = others
    .filter((it) => objectOf(it['spec'])['group'] === group)
    .map((it) => acceptedOf(objectOf(it['status'])));
  const own = builtIn ? [] : RESOURCES.filter((it) => it.group === group);
  const all = [...names, ...own.map((it) => ({ ...it, listKind: `${it.kind}List` }))];
  return {
    resources: new Set(all.flatMap((it) => [it.plural, it.singular, ...it.shortNames])),
    kinds: new Set(all.flatMap((it) => [it.kind, it.listKind])),
  };
}

function conflictOf(wanted: DefinitionNames, taken: TakenNames): Conflict | undefined {
  const asked = [
    ...[wanted.plural].map((name) => ['PluralConflict', name, taken.resources] as const),
    ...[wanted.singular].map((name) => ['SingularConflict', name, taken.resources] as const),
    ...wanted.shortNames.map((name) => ['ShortNamesConflict', name, taken.resources] as const),
    ...[wanted.kind].map((name) => ['KindConflict', name, taken.kinds] as const),
    ...[wanted.listKind].map((name) => ['ListKindConflict', name, taken.kinds] as const),
  ];
  const found = asked.find(([, name, names]) => names.has(name));
  return found === undefined
    ? undefined
    : { reason: found[0], message: `${JSON.stringify(found[1])} is already in use` };
}

const NO_NAMES = namesOf({});

function acceptedOf(status: Readonly<Draft>): DefinitionNames {
  const names = objectOf(status['acceptedNames']);
  return textOf(names['plural']) === undefined ? { ...NO_NAMES, listKind: '' } : namesOf(names);
}

function wireNames({ shortNames, categories, singular, listKind, plural, kind }: DefinitionNames): object {
  return {
    plural,
    kind,
    ...(singular === '' ? {} : { singular }),
    ...(listKind === '' ? {} : { listKind }),
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

/** Versions that objects may be stored in: those of before, until somebody takes them out, and the present one. */
export function storedVersionsOf(definition: Readonly<Draft>): readonly unknown[] {
  const before = listOf(objectOf(definition['status'])['storedVersions']);
  const storage = versionsOf(definition).find((it) => it['storage'] === true)?.['name'];
  return before.includes(storage) ? before : [...before, storage];
}

/** The definition with the status that it should have; the same object where that is so. */
export function judged(definition: KubeObject, others: readonly KubeObject[], now: string): KubeObject {
  const status = judgedStatus(definition, others, now);
  return isSameJson(status, definition['status']) ? definition : { ...definition, status };
}
