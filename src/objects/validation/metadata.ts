// Validation of metadata, the same for every kind but for the format of the name.

import { listOf, objectOf, textOf, type Draft } from '../json.ts';
import { duplicate, invalidValue, required, tooLong, type FieldError } from './field-error.ts';
import {
  checkDnsLabel,
  checkDns1035Label,
  checkDnsSubdomain,
  checkLabelValue,
  checkPathSegment,
  checkQualifiedName,
  type NameCheck,
} from './names.ts';

const NAME_CHECKS: Readonly<Record<string, NameCheck>> = {
  'core.Namespace': checkDnsLabel,
  'core.Service': checkDns1035Label,
  'rbac.Role': checkPathSegment,
  'rbac.ClusterRole': checkPathSegment,
  'rbac.RoleBinding': checkPathSegment,
  'rbac.ClusterRoleBinding': checkPathSegment,
};

const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Checks `metadata` of an object of `message`; the name is there already (given or generated). */
export function validateMetadata(message: string, metadata: Readonly<Draft>): FieldError[] {
  const name = textOf(metadata['name']) ?? '';
  const wrong = (NAME_CHECKS[message] ?? checkDnsSubdomain)(name);
  const errors = name === '' ? [required('metadata.name', 'name or generateName is required')] : [];
  if (name !== '' && wrong !== undefined) errors.push(invalidValue('metadata.name', name, wrong));
  errors.push(...validateLabels(metadata['labels'], 'metadata.labels'));
  errors.push(...validateAnnotations(metadata['annotations']));
  for (const finalizer of listOf(metadata['finalizers'])) {
    const because = checkQualifiedName(String(finalizer));
    if (because !== undefined) errors.push(invalidValue('metadata.finalizers', finalizer, because));
  }
  return [...errors, ...validateOwners(listOf(metadata['ownerReferences']))];
}

/** Keys and values of a label map at `field`. */
export function validateLabels(labels: unknown, field: string): FieldError[] {
  return Object.entries(objectOf(labels)).flatMap(([key, value]) => {
    const wrongKey = checkQualifiedName(key);
    const wrongValue = checkLabelValue(String(value));
    return [
      ...(wrongKey === undefined ? [] : [invalidValue(field, key, wrongKey)]),
      ...(wrongValue === undefined ? [] : [invalidValue(field, value, wrongValue)]),
    ];
  });
}

function validateAnnotations(annotations: unknown): FieldError[] {
  const field = 'metadata.annotations';
  let bytes = 0;
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(objectOf(annotations))) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(String(value));
    const wrong = checkQualifiedName(key.toLowerCase());
    if (wrong !== undefined) errors.push(invalidValue(field, key, wrong));
  }
  return bytes > MAX_ANNOTATION_BYTES ? [...errors, tooLong(field, MAX_ANNOTATION_BYTES)] : errors;
}

function validateOwners(owners: readonly unknown[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, owner] of owners.entries()) {
    const fields = objectOf(owner);
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      if (typeof fields[key] !== 'string' || fields[key] === '') {
        errors.push(required(`metadata.ownerReferences[${i}].${key}`));
      }
    }
  }
  const controllers = owners.filter((owner) => objectOf(owner)['controller'] === true);
  if (controllers.length > 1) errors.push(duplicate('metadata.ownerReferences', 'more than one controller'));
  return errors;
}
