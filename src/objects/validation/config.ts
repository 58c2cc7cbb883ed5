// Validation of ConfigMaps and Secrets.

import { isSameJson, objectOf, scalarText, textOf, type Draft } from '../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  required,
  tooLong,
  type FieldError,
} from './field-error.ts';

type Before = Readonly<Draft> | undefined;

const KEY = /^[-._a-zA-Z0-9]+$/;
const MAX_BYTES = 1024 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function validateConfigMap(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const data = objectOf(object['data']);
  const binary = objectOf(object['binaryData']);
  const errors = [
    ...validateKeys(data, 'data'),
    ...validateKeys(binary, 'binaryData'),
    ...validateBase64(binary, 'binaryData'),
  ];
  for (const key of Object.keys(data))
    if (Object.hasOwn(binary, key)) errors.push(duplicate(`data[${key}]`, key));
  errors.push(...validateSize([data, binary], ''), ...validateFrozen(object, before, ['data', 'binaryData']));
  return errors;
}

/** Keys that a type of secret must have. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export function validateSecret(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const data = objectOf(object['data']);
  const type = textOf(object['type']) ?? '';
  const errors = [
    ...validateKeys(data, 'data'),
    ...validateBase64(data, 'data'),
    ...validateSize([data], 'data'),
  ];
  for (const key of NEEDED[type] ?? []) if (!Object.hasOwn(data, key)) errors.push(required(`data[${key}]`));
  if (before !== undefined && before['type'] !== type)
    errors.push(invalidValue('type', type, 'field is immutable'));
  errors.push(...validateFrozen(object, before, ['data']));
  return errors;
}

function validateKeys(data: Readonly<Draft>, field: string): FieldError[] {
  return Object.keys(data).flatMap((key) => {
    const detail = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`;
    if (!KEY.test(key)) return [invalidValue(`${field}[${key.slice(0, 253)}]`, key, detail)];
    if (key === '.' || key === '..') return [invalidValue(`${field}[${key}]`, key, `must not be "${key}"`)];
    return key.length > 253 ? [tooLong(field, 253)] : [];
  });
}

function validateBase64(data: Readonly<Draft>, field: string): FieldError[] {
  return Object.entries(data).flatMap(([key, value]) =>
    BASE64.test(scalarText(value).replaceAll(/[\r\n]/g, ''))
      ? []
      : [invalidValue(`${field}[${key}]`, '<omitted>', 'illegal base64 data')],
  );
}

function validateSize(parts: readonly Readonly<Draft>[], field: string): FieldError[] {
  const bytes = parts
    .flatMap((part) => Object.values(part))
    .reduce((sum: number, value) => sum + Buffer.byteLength(scalarText(value)), 0);
  return bytes > MAX_BYTES * 1.4 ? [tooLong(field, MAX_BYTES)] : [];
}

function validateFrozen(object: Readonly<Draft>, before: Before, fields: readonly string[]): FieldError[] {
  if (before?.['immutable'] !== true) return [];
  const errors =
    object['immutable'] === true
      ? []
      : [forbiddenField('immutable', 'field is immutable when `immutable` is set')];
  for (const field of fields) {
    if (!isSameJson(object[field], before[field]))
      errors.push(forbiddenField(field, 'field is immutable when `immutable` is set'));
  }
  return errors;
}
