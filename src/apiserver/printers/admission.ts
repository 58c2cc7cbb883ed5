// How kubectl shows admission policies.

import { listOf, objectOf, scalarText, textOf } from '../../objects/json.ts';
import { AGE, ageOf, column, integer, NAME, specOf, type Printer } from './printer.ts';

const UNSET = '<unset>';

export const ADMISSION_POLICY: Printer = {
  columns: [NAME, integer('Validations'), column('ParamKind'), AGE],
  cells: (object, nowMs) => {
    const { validations, paramKind } = specOf(object);
    const { apiVersion, kind } = objectOf(paramKind);
    return [
      object.metadata.name,
      listOf(validations).length,
      kind === undefined ? UNSET : `${scalarText(apiVersion)}/${scalarText(kind)}`,
      ageOf(object, nowMs),
    ];
  },
};

export const ADMISSION_BINDING: Printer = {
  columns: [NAME, column('PolicyName'), column('ParamRef'), AGE],
  cells: (object, nowMs) => {
    const { policyName, paramRef } = specOf(object);
    const { namespace, name } = objectOf(paramRef);
    const place = textOf(namespace) === undefined ? '' : `${scalarText(namespace)}/`;
    return [
      object.metadata.name,
      scalarText(policyName),
      paramRef === undefined ? UNSET : `${place}${scalarText(name, '*')}`,
      ageOf(object, nowMs),
    ];
  },
};
