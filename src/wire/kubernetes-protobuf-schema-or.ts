// The places of a schema (apiextensions.k8s.io/v1) where something simpler may stand: a boolean, a list of schemas, a list of texts. JSON has the one
// or the other there; protobuf has a message with a field for each.

import { messageSchema, type MessageField } from './kubernetes-protobuf-schema.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** The message's field that a value of JSON belongs into; undefined where it is of no such type. */
export function schemaOrField(message: string, value: unknown): MessageField | undefined {
  const { byName } = messageSchema(message) ?? {};
  if (Array.isArray(value)) return byName?.get('jSONSchemas') ?? byName?.get('property');
  if (typeof value === 'boolean') return byName?.get('allows');
  return typeof value === 'object' && value !== null ? byName?.get('schema') : undefined;
}

/** The message of a value of JSON; readers of Kubernetes take a message without fields for nothing. */
export function schemaOrMessage(message: string, value: unknown): JsonObject {
  const field = schemaOrField(message, value);
  if (field === undefined) return {};
  // Where there is a schema, more than the named fields are allowed.
  const allows = field.name === 'schema' && messageSchema(message)?.byName.has('allows') === true;
  return { ...(allows ? { allows } : {}), [field.name]: value };
}

/** What JSON has for a decoded message. */
export function schemaOrOther(message: string, decoded: JsonObject): unknown {
  const { schema, allows, jSONSchemas, property } = decoded;
  const other = jSONSchemas ?? property ?? schema;
  if (other !== undefined) return other;
  return messageSchema(message)?.byName.has('allows') === true ? allows === true : null;
}
