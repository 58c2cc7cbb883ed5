// metadata.managedFields: managers with their fields as objects carry them, and the rules of the API server about them.

import { FairleadError } from '../../base/errors.ts';
import { isObject, textOf, type Draft } from '../json.ts';
import { isEqualSet, NO_FIELDS, ONE_FIELD, setOf, union, type FieldSet } from './field-set.ts';
import { readFields, writeFields as fieldsJson } from './fields-v1.ts';
import type { Managers } from './managers.ts';

export type Operation = 'Apply' | 'Update';

/** Who has fields, and how he came to them: one entry each. */
export interface ManagerIdentity {
  readonly manager: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
}

export interface ManagedFields {
  /** By `managerKey`. */
  readonly managers: Managers;
  readonly times: ReadonlyMap<string, string>;
  /** The entries that these were read from; what did not change is written as it was. */
  readonly entries: ReadonlyMap<string, Draft>;
}

export const UNMANAGED: ManagedFields = { managers: new Map(), times: new Map(), entries: new Map() };

export function managerKey({ manager, operation, apiVersion, subresource }: ManagerIdentity): string {
  return JSON.stringify([manager, operation, apiVersion, subresource ?? '']);
}

export function managerOfKey(key: string): ManagerIdentity {
  const [manager, operation, apiVersion, subresource] = JSON.parse(key) as [
    string,
    Operation,
    string,
    string,
  ];
  return { manager, operation, apiVersion, subresource: textOf(subresource) };
}

/** Throws `invalid` for entries that cannot be read. */
export function readManagedFields(value: unknown): ManagedFields {
  if (!Array.isArray(value)) return UNMANAGED;
  const managers = new Map<string, FieldSet>();
  const times = new Map<string, string>();
  const entries = new Map<string, Draft>();
  for (const entry of value as readonly unknown[]) {
    if (!isObject(entry)) throw unreadable('an entry is no object');
    const { operation } = entry;
    if (operation !== 'Apply' && operation !== 'Update')
      throw unreadable('operation must be Apply or Update');
    const key = managerKey({
      manager: textOf(entry['manager']) ?? '',
      operation,
      apiVersion: textOf(entry['apiVersion']) ?? '',
      subresource: textOf(entry['subresource']),
    });
    managers.set(key, readFields(entry['fieldsV1'] ?? {}));
    entries.set(key, entry);
    const time = textOf(entry['time']);
    if (time !== undefined) times.set(key, time);
  }
  return { managers, times, entries };
}

function unreadable(because: string): FairleadError {
  return new FairleadError('invalid', `metadata.managedFields: ${because}`);
}

/** As objects carry them: what was applied first, then by time. */
export function writtenManagedFields(
  managed: Pick<ManagedFields, 'managers' | 'times'>,
  before: ManagedFields,
): Draft[] {
  const written = [...managed.managers].map(([key, fields]) => {
    const time = managed.times.get(key);
    const entry = before.entries.get(key);
    const old = before.managers.get(key);
    if (entry !== undefined && old !== undefined && before.times.get(key) === time && isEqualSet(old, fields))
      return entry;
    return entryOf(key, fields, time);
  });
  return written.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
}

function entryOf(key: string, fields: FieldSet, time: string | undefined): Draft {
  const { manager, operation, apiVersion, subresource } = managerOfKey(key);
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fieldsJson(fields),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

function orderOf(entry: Readonly<Draft>): string {
  const parts = ['operation', 'time', 'manager', 'apiVersion', 'subresource'];
  return parts.map((part) => textOf(entry[part]) ?? '').join('\n');
}

const MAX_UPDATERS = 10;
export const ANCIENT = 'ancient-changes';

/** Many one-time writers become one: the oldest ones, of each version. */
export function withFewUpdaters({
  managers,
  times,
}: Pick<ManagedFields, 'managers' | 'times'>): Pick<ManagedFields, 'managers' | 'times'> {
  if (managers.size <= MAX_UPDATERS) return { managers, times };
  const updaters = [...managers.keys()].filter((key) => managerOfKey(key).operation === 'Update');
  if (updaters.length <= MAX_UPDATERS) return { managers, times };
  const byAge = updaters.sort((a, b) => ((times.get(a) ?? '') < (times.get(b) ?? '') ? -1 : 1));
  const [fewer, younger] = [new Map(managers), new Map(times)];
  for (const key of byAge.slice(0, updaters.length - MAX_UPDATERS + 1)) {
    const { apiVersion } = managerOfKey(key);
    const bucket = managerKey({ manager: ANCIENT, operation: 'Update', apiVersion, subresource: undefined });
    const [fields, time] = [managers.get(key) ?? NO_FIELDS, times.get(key)];
    fewer.delete(key);
    younger.delete(key);
    fewer.set(bucket, union(fewer.get(bucket) ?? NO_FIELDS, fields));
    if (time !== undefined) younger.set(bucket, time);
  }
  return { managers: fewer, times: younger };
}

/** What nobody owns: the object's identity, what the server counts, and the parts that every object has. */
export const SERVER_OWNED: FieldSet = setOf(
  false,
  new Map([
    ...['apiVersion', 'kind', 'spec', 'status'].map((name) => [`f:${name}`, ONE_FIELD] as const),
    [
      'f:metadata',
      setOf(
        true,
        new Map(
          [
            'name',
            'namespace',
            'creationTimestamp',
            'selfLink',
            'uid',
            'generation',
            'managedFields',
            'resourceVersion',
          ].map((name) => [`f:${name}`, ONE_FIELD]),
        ),
      ),
    ],
  ]),
);
