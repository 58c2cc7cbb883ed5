// Rules of ephemeral containers beside those of all containers: what they cannot have, and that they only ever come in addition.

import { isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { forbiddenField, type FieldError } from './field-error.ts';

const DISALLOWED = [
  'lifecycle',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
];
const CANNOT = 'cannot be set for an Ephemeral Container';

/** Checks the list of one pod; `spec` is the pod's. */
export function validateEphemeralContainers(spec: Readonly<Draft>, field: string): FieldError[] {
  const targets = new Set(
    ['containers', 'initContainers'].flatMap((list) => listOf(spec[list]).map((it) => objectOf(it)['name'])),
  );
  return listOf(spec['ephemeralContainers']).flatMap((item, i) => {
    const container = objectOf(item);
    const at = `${field}[${i}]`;
    const errors = DISALLOWED.filter((name) => isSet(container[name])).map((name) =>
      forbiddenField(`${at}.${name}`, CANNOT),
    );
    const target = textOf(container['targetContainerName']);
    if (target !== undefined && !targets.has(target)) {
      errors.push({
        reason: 'FieldValueNotFound',
        field: `${at}.targetContainerName`,
        message: `Not found: ${JSON.stringify(target)}`,
      });
    }
    return [...errors, ...wholeMounts(listOf(container['volumeMounts']), `${at}.volumeMounts`)];
  });
}

/** Defaults write an empty object where nothing is set. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return textOf(value) !== undefined || Object.keys(objectOf(value)).length > 0;
}

function wholeMounts(mounts: readonly unknown[], field: string): FieldError[] {
  return mounts.flatMap((mount, i) =>
    ['subPath', 'subPathExpr']
      .filter((name) => textOf(objectOf(mount)[name]) !== undefined)
      .map((name) => forbiddenField(`${field}[${i}].${name}`, CANNOT)),
  );
}

/** What was there stays as it was: the list may only grow. */
export function validateAdditions(list: unknown, before: unknown): FieldError[] {
  const byName = new Map(listOf(list).map((it) => [objectOf(it)['name'], it]));
  return listOf(before).flatMap((old) => {
    const { name } = objectOf(old);
    const now = byName.get(name);
    if (now !== undefined && isSameJson(now, old)) return [];
    const what = now === undefined ? 'removed' : 'changed';
    const shown = JSON.stringify(name);
    return [
      forbiddenField('spec.ephemeralContainers', `existing ephemeral containers ${shown} may not be ${what}`),
    ];
  });
}
