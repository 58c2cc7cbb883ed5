// Fields of an object against the wire tables: unknown ones are found and removed, types checked, nulls dropped.
// After it an object has the shape that its type declares; what the values mean is validation's affair.

import { schemaOrField } from '../wire/kubernetes-protobuf-schema-or.ts';
import {
  messageSchema,
  type FieldType,
  type MessageField,
  type MessageSchema,
} from '../wire/kubernetes-protobuf-schema.ts';
import { canonicalQuantity } from './canonical-quantity.ts';
import { isObject, type Draft } from './json.ts';

export interface FieldCheck {
  /** Paths that the kind does not have ("spec.containers[0].foo"); they are removed from the object. */
  readonly unknown: readonly string[];
  readonly mismatches: readonly FieldMismatch[];
}

/** A field whose value has another type than the kind says. */
export interface FieldMismatch {
  readonly field: string;
  /** "expected an integer, got \"x\"" */
  readonly message: string;
}

interface Findings {
  readonly unknown: string[];
  readonly mismatches: FieldMismatch[];
}

/** Checks and prunes `object` in place. */
export function checkFields(schema: MessageSchema, object: Draft): FieldCheck {
  const findings: Findings = { unknown: [], mismatches: [] };
  const { apiVersion, kind, ...rest } = object;
  checkMessage(schema, rest, '', findings);
  for (const key of Object.keys(object)) if (!(key in rest)) delete object[key];
  Object.assign(object, { apiVersion, kind }, rest);
  return findings;
}

function checkMessage(schema: MessageSchema, object: Draft, path: string, findings: Findings): void {
  for (const [key, value] of Object.entries(object)) {
    const field = schema.byName.get(key);
    const at = path === '' ? key : `${path}.${key}`;
    if (value === null || value === undefined) delete object[key];
    else if (field === undefined) {
      // Claim templates are whole objects inside another one; the tables hold no type meta.
      if (path !== '' && (key === 'apiVersion' || key === 'kind') && typeof value === 'string') continue;
      findings.unknown.push(at);
      delete object[key];
    } else object[key] = checkField(field, value, at, findings);
  }
}

function checkField(field: MessageField, value: unknown, path: string, findings: Findings): unknown {
  switch (field.shape) {
    case 'one':
      return checkValue(field.type, value, path, findings);
    case 'list':
      if (!Array.isArray(value)) return mismatch(path, 'a list', { value, findings });
      return value.map((item, i) =>
        checkValue(field.type, item ?? zeroOf(field.type), `${path}[${i}]`, findings),
      );
    case 'map': {
      if (!isObject(value)) return mismatch(path, 'a map', { value, findings });
      for (const [key, item] of Object.entries(value)) {
        const checked = checkValue(field.type, item ?? zeroOf(field.type), `${path}.${key}`, findings);
        Object.defineProperty(value, key, {
          value: checked,
          enumerable: true,
          writable: true,
          configurable: true,
        });
      }
      return value;
    }
  }
}

function zeroOf(type: FieldType): unknown {
  if (type.kind === 'raw') return null;
  return type.kind === 'message' ? {} : '';
}

function checkValue(type: FieldType, value: unknown, path: string, findings: Findings): unknown {
  const wrong = (expected: string): unknown => mismatch(path, expected, { value, findings });
  switch (type.kind) {
    case 'string':
    case 'time':
    case 'microtime':
    case 'bytes':
      return typeof value === 'string' ? value : wrong('a string');
    case 'integer':
      return Number.isInteger(value) ? value : wrong('an integer');
    case 'boolean':
      return typeof value === 'boolean' ? value : wrong('a boolean');
    case 'double':
      return typeof value === 'number' ? value : wrong('a number');
    case 'quantity':
      if (typeof value === 'number') return canonicalQuantity(String(value));
      return typeof value === 'string' ? canonicalQuantity(value) : wrong('a quantity');
    case 'intorstring':
      return Number.isInteger(value) || typeof value === 'string' ? value : wrong('an integer or a string');
    case 'raw':
    case 'fields':
      return value;
    case 'schemaor':
      return checkSchemaOr(type.message, value, path, findings);
    case 'message':
      return checkObject(type.message, value, path, findings);
  }
}

/** The schema, or what may stand for one there. */
function checkSchemaOr(message: string, value: unknown, path: string, findings: Findings): unknown {
  const field = schemaOrField(message, value);
  return field === undefined
    ? mismatch(path, 'an object', { value, findings })
    : checkField(field, value, path, findings);
}

function checkObject(message: string, value: unknown, path: string, findings: Findings): unknown {
  if (!isObject(value)) return mismatch(path, 'an object', { value, findings });
  const schema = messageSchema(message);
  if (schema !== undefined) checkMessage(schema, value, path, findings);
  return value;
}

function mismatch(
  path: string,
  expected: string,
  { value, findings }: { value: unknown; findings: Findings },
): unknown {
  const found = Array.isArray(value) ? 'a list' : isObject(value) ? 'an object' : JSON.stringify(value);
  findings.mismatches.push({ field: path, message: `expected ${expected}, got ${found.slice(0, 80)}` });
  return value;
}
