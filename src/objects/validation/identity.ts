// Validation of our Identities.

import { messageOf } from '../../base/errors.ts';
import { parseIdentityNumber } from '../identity.ts';
import { isSameJson, objectOf, textOf, type Draft } from '../json.ts';
import { invalidValue, required, type FieldError } from './field-error.ts';
import { validateLabels } from './metadata.ts';
import { checkDnsLabel } from './names.ts';

export function validateIdentity(
  identity: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const spec = objectOf(identity['spec']);
  const name = textOf(objectOf(identity['metadata'])['name']) ?? '';
  return [
    ...(name === '' ? [] : validateNumber(name)),
    ...validateNamespace(textOf(spec['namespace']) ?? ''),
    ...validateLabels(spec['labels'], 'spec.labels'),
    ...(before === undefined ? [] : validateUnchanged(spec, objectOf(before['spec']))),
  ];
}

function validateNumber(name: string): readonly FieldError[] {
  try {
    parseIdentityNumber(name);
    return [];
  } catch (error) {
    return [invalidValue('metadata.name', name, messageOf(error))];
  }
}

function validateNamespace(namespace: string): readonly FieldError[] {
  if (namespace === '') return [required('spec.namespace')];
  const wrong = checkDnsLabel(namespace);
  return wrong === undefined ? [] : [invalidValue('spec.namespace', namespace, wrong)];
}

/** Packets with the number are on their way, and connections that it let in stand: it never comes to mean somebody else. */
function validateUnchanged(spec: Readonly<Draft>, before: Readonly<Draft>): readonly FieldError[] {
  return ['namespace', 'labels'].flatMap((field) =>
    isSameJson(spec[field] ?? {}, before[field] ?? {})
      ? []
      : [invalidValue(`spec.${field}`, spec[field], 'field is immutable')],
  );
}
