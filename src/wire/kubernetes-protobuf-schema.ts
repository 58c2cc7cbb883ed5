// The messages of the Kubernetes API as data: names, protobuf numbers, types and how strategic merge joins their lists.
// One table serves decoding, unknown-field checks, patches and OpenAPI; it knows no kind's meaning.
//
// Notation of the tables: "Message: field=number type, ...". Types: s string, i integer, b boolean, y bytes (base64 in JSON),
// d double; time, microtime, quantity, intorstring, raw (any JSON), fields, schemaorbool, schemaorlist,
// schemaorstrings (a schema or something simpler, see kubernetes-protobuf-schema-or.ts); else a message, of the same group or "group.Message".
// Before a type: [] list, {} map from string, & message inlined into its parent in JSON. After it: ? absent differs from zero,
// @key list merged by that key (@ alone: a set of scalars), + only the patch's keys are kept (retainKeys).

import { ADMISSION_FIELDS } from './admission-api.ts';
import { APIEXTENSIONS_FIELDS } from './apiextensions-api.ts';
import { FAIRLEAD_FIELDS } from './fairlead-api.ts';
import { GATEWAY_API_FIELDS } from './gateway-api.ts';
import { AUTHENTICATION_FIELDS, AUTHORIZATION_FIELDS, RBAC_FIELDS } from './kubernetes-protobuf-access.ts';
import { CORE_FIELDS } from './kubernetes-protobuf-core.ts';
import { META_FIELDS } from './kubernetes-protobuf-meta.ts';
import {
  COORDINATION_FIELDS,
  DISCOVERY_FIELDS,
  EVENTS_FIELDS,
  NETWORKING_FIELDS,
  STORAGE_FIELDS,
} from './kubernetes-protobuf-network.ts';
import { NETWORK_POLICY_API_FIELDS } from './network-policy-api.ts';
import { OPENAPI_FIELDS } from './openapi-v2.ts';
import {
  APPS_FIELDS,
  AUTOSCALING_FIELDS,
  BATCH_FIELDS,
  POLICY_FIELDS,
  SCHEDULING_FIELDS,
} from './kubernetes-protobuf-workloads.ts';

/** What a field holds; `message` names another message by its full name ("core.PodSpec"). */
export type FieldType =
  | {
      readonly kind:
        | 'string'
        | 'integer'
        | 'boolean'
        | 'double'
        | 'bytes'
        | 'time'
        | 'microtime'
        | 'quantity'
        | 'intorstring'
        | 'raw'
        | 'fields';
    }
  /** One of the fields of that message, which JSON does not have. */
  | { readonly kind: 'schemaor'; readonly message: string }
  | { readonly kind: 'message'; readonly message: string };

export interface MessageField {
  readonly name: string;
  /** Protobuf field number. */
  readonly number: number;
  readonly type: FieldType;
  readonly shape: 'one' | 'list' | 'map';
  /** In JSON its fields stand in the parent itself (Go's embedded struct). */
  readonly isInline: boolean;
  /** A pointer in Go: a zero on the wire was set on purpose. */
  readonly isOptional: boolean;
  /** Strategic merge: the key that identifies a list's element; '' for a list of scalars merged as a set; undefined: replaced. */
  readonly mergeKey: string | undefined;
  /** Strategic merge: keys that the patch's $retainKeys does not name are dropped. */
  readonly retainsKeys: boolean;
}

export interface MessageSchema {
  /** "core.Pod". */
  readonly name: string;
  readonly byNumber: ReadonlyMap<number, MessageField>;
  /** By JSON name, inlined messages' fields included. */
  readonly byName: ReadonlyMap<string, MessageField>;
}

const TABLES: Readonly<Record<string, string>> = {
  meta: META_FIELDS,
  core: CORE_FIELDS,
  apps: APPS_FIELDS,
  batch: BATCH_FIELDS,
  policy: `${POLICY_FIELDS.trim()}\n${NETWORK_POLICY_API_FIELDS.trim()}`,
  autoscaling: AUTOSCALING_FIELDS,
  scheduling: SCHEDULING_FIELDS,
  networking: NETWORKING_FIELDS,
  discovery: DISCOVERY_FIELDS,
  coordination: COORDINATION_FIELDS,
  events: EVENTS_FIELDS,
  storage: STORAGE_FIELDS,
  rbac: RBAC_FIELDS,
  authorization: AUTHORIZATION_FIELDS,
  authentication: AUTHENTICATION_FIELDS,
  admissionregistration: ADMISSION_FIELDS,
  gateway: GATEWAY_API_FIELDS,
  apiextensions: APIEXTENSIONS_FIELDS,
  fairlead: FAIRLEAD_FIELDS,
  openapi: OPENAPI_FIELDS,
};

const SCALARS: Readonly<Record<string, FieldType>> = {
  s: { kind: 'string' },
  i: { kind: 'integer' },
  b: { kind: 'boolean' },
  d: { kind: 'double' },
  y: { kind: 'bytes' },
  time: { kind: 'time' },
  microtime: { kind: 'microtime' },
  quantity: { kind: 'quantity' },
  intorstring: { kind: 'intorstring' },
  raw: { kind: 'raw' },
  schemaorbool: { kind: 'schemaor', message: 'apiextensions.JSONSchemaPropsOrBool' },
  schemaorlist: { kind: 'schemaor', message: 'apiextensions.JSONSchemaPropsOrArray' },
  schemaorstrings: { kind: 'schemaor', message: 'apiextensions.JSONSchemaPropsOrStringArray' },
  fields: { kind: 'fields' },
};

const FIELD = /^([\w$-]+)=(\d+) (\[\]|\{\}|&|)([\w.]+)(\??)(@\w*|)(\+?)$/;

const SCHEMAS: ReadonlyMap<string, MessageSchema> = parseTables();

/** The schema of "core.Pod" and its like; undefined where the tables do not know it. */
export function messageSchema(name: string): MessageSchema | undefined {
  return SCHEMAS.get(name);
}

/** Every message of the tables, for generated documents. */
export function messageSchemas(): Iterable<MessageSchema> {
  return SCHEMAS.values();
}

function parseTables(): ReadonlyMap<string, MessageSchema> {
  const fields = new Map<string, readonly MessageField[]>();
  for (const [group, table] of Object.entries(TABLES)) {
    const lines = table.trim().replaceAll('\n  ', '').split('\n');
    for (const line of lines) {
      const colon = line.indexOf(':');
      fields.set(`${group}.${line.slice(0, colon)}`, parseFields(line.slice(colon + 1), group));
    }
  }
  const schemas = new Map<string, MessageSchema>();
  for (const [name, own] of fields) {
    const byName = new Map(flattened(own, fields).map((field) => [field.name, field]));
    schemas.set(name, { name, byNumber: new Map(own.map((field) => [field.number, field])), byName });
  }
  return schemas;
}

function flattened(
  own: readonly MessageField[],
  all: ReadonlyMap<string, readonly MessageField[]>,
): readonly MessageField[] {
  return own.flatMap((field) =>
    field.isInline && field.type.kind === 'message'
      ? flattened(all.get(field.type.message) ?? [], all)
      : [field],
  );
}

function parseFields(text: string, group: string): readonly MessageField[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => parseField(part, group));
}

function parseField(text: string, group: string): MessageField {
  const match = FIELD.exec(text);
  if (match === null) throw new SyntaxError(`Cannot read field "${text}" of group ${group}`);
  const [, name = '', number = '', prefix = '', type = '', optional = '', merge = '', retain = ''] = match;
  return {
    name,
    number: Number(number),
    type: SCALARS[type] ?? { kind: 'message', message: type.includes('.') ? type : `${group}.${type}` },
    shape: prefix === '[]' ? 'list' : prefix === '{}' ? 'map' : 'one',
    isInline: prefix === '&',
    isOptional: optional === '?',
    mergeKey: merge === '' ? undefined : merge.slice(1),
    retainsKeys: retain === '+',
  };
}
