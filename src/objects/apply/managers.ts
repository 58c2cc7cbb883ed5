// Who owns which fields of an object, and what comes of it when somebody applies or writes: the updater of structured merge, one version at a time.

import { isObject, isSameJson, type Draft } from '../json.ts';
import {
  NO_FIELDS,
  difference,
  intersection,
  isEmptySet,
  union,
  withNamedParents,
  type FieldSet,
} from './field-set.ts';
import type { OwnedType } from './field-type.ts';
import { mergeApplied, withoutFields } from './merge.ts';
import { appliedFields, changedFields, fieldChanges, storedFields } from './owned-fields.ts';

/** Fields by the identity of their manager. */
export type Managers = ReadonlyMap<string, FieldSet>;

export interface Conflict {
  readonly manager: string;
  readonly fields: FieldSet;
}

export interface Applied {
  /** Undefined where nothing changes. */
  readonly object: Draft | undefined;
  readonly managers: Managers;
  /** Fields of others that would change; without force nothing may then. */
  readonly conflicts: readonly Conflict[];
}

/** What nobody owns: identity, and what the server itself counts. */
export type Ownable = (fields: FieldSet) => FieldSet;

/** Whose fields they are, and who changes them. */
interface Ownership {
  readonly type: OwnedType;
  readonly managers: Managers;
  readonly manager: string;
  readonly ownable: Ownable;
}

interface Applying extends Ownership {
  readonly live: Readonly<Draft> | undefined;
  readonly config: Readonly<Draft>;
}

/** Joins `config` with the object; the fields that `manager` no longer asks for go, where nobody else has them. */
export function applyFields(applying: Applying): Applied {
  const { live, config, type, managers, manager, ownable } = applying;
  const merged = mergeApplied(live, config, type);
  const asked = ownable(appliedFields(config, type));
  const owners = new Map(managers).set(manager, asked);
  const object = pruned(merged, { type, owners, last: managers.get(manager) });
  const { managers: after, conflicts } = takeOver({ before: live, after: object, type, owners, manager });
  const isNews = live === undefined || !isSameJson(live, object);
  // An object stays one, whatever is taken from it.
  return { object: isNews ? (isObject(object) ? object : {}) : undefined, managers: after, conflicts };
}

interface Writing extends Ownership {
  readonly before: Readonly<Draft> | undefined;
  readonly after: Readonly<Draft>;
}

/** Who writes has what he changed; gives the managers, and whether he got anything. */
export function writeFields(writing: Writing): { readonly managers: Managers; readonly hasTaken: boolean } {
  const { before, after, type, managers, manager, ownable } = writing;
  const changes = fieldChanges(before ?? {}, after, type);
  const taken = ownable(changedFields(changes));
  const owners = new Map<string, FieldSet>();
  for (const [name, fields] of managers) {
    const kept = difference(difference(fields, changedFields(changes)), changes.removed);
    const own = name === manager ? union(kept, taken) : kept;
    if (!isEmptySet(own)) owners.set(name, own);
  }
  if (!owners.has(manager) && !isEmptySet(taken)) owners.set(manager, taken);
  return { managers: owners, hasTaken: !isEmptySet(taken) };
}

interface Pruning {
  readonly type: OwnedType;
  readonly owners: Managers;
  /** What the manager asked for last time. */
  readonly last: FieldSet | undefined;
}

function pruned(merged: unknown, { type, owners, last }: Pruning): unknown {
  if (last === undefined || isEmptySet(last)) return merged;
  const all = storedFields(merged, type);
  let managed = NO_FIELDS;
  for (const fields of owners.values()) managed = union(managed, fields);
  const bare = withoutFields(merged, withNamedParents(last), managed, type);
  // What somebody has stays, and what is below a list's element that somebody has.
  const goneOfNobody = difference(
    difference(withNamedParents(all), withNamedParents(keptFields(bare, type))),
    withNamedParents(managed),
  );
  const withOwned = withoutFields(merged, goneOfNobody, managed, type);
  // What was taken along with its parent, but was never the manager's, stays as well.
  return withoutFields(
    merged,
    intersection(difference(all, keptFields(withOwned, type)), last),
    managed,
    type,
  );
}

function keptFields(value: unknown, type: OwnedType): FieldSet {
  return value === undefined ? NO_FIELDS : storedFields(value, type);
}

interface TakeOver {
  readonly before: unknown;
  readonly after: unknown;
  readonly type: OwnedType;
  readonly owners: Managers;
  readonly manager: string;
}

function takeOver({
  before,
  after,
  type,
  owners,
  manager,
}: TakeOver): Pick<Applied, 'managers' | 'conflicts'> {
  const changes = fieldChanges(before ?? {}, after ?? {}, type);
  const changed = changedFields(changes);
  const managers = new Map<string, FieldSet>();
  const conflicts: Conflict[] = [];
  for (const [name, fields] of owners) {
    if (name === manager) {
      if (!isEmptySet(fields)) managers.set(name, fields);
      continue;
    }
    const fought = intersection(fields, changed);
    if (!isEmptySet(fought)) conflicts.push({ manager: name, fields: fought });
    const kept = difference(difference(fields, fought), changes.removed);
    if (!isEmptySet(kept)) managers.set(name, kept);
  }
  return { managers, conflicts };
}
