// The decoder against an encoder written here from the protobuf encoding's text, for objects drawn from the tables themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasCode } from '../base/errors.ts';
import {
  messageSchema,
  messageSchemas,
  type FieldType,
  type MessageField,
  type MessageSchema,
} from './kubernetes-protobuf-schema.ts';
import { decodeMessage, readEnvelope } from './kubernetes-protobuf.ts';
import * as writer from './kubernetes-protobuf-writer.ts';

type Json = Record<string, unknown>;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(BigInt(field) << 3n), varint(BigInt(value))]);
}

function bytes(field: number, value: Buffer | string): Buffer {
  const body = Buffer.from(value);
  return Buffer.concat([varint((BigInt(field) << 3n) | 2n), varint(BigInt(body.length)), body]);
}

function encodeTime(text: string): Buffer {
  const ms = Date.parse(text);
  const micros = /\.(\d{6})Z$/.exec(text)?.[1] ?? '0';
  return Buffer.concat([number(1, Math.floor(ms / 1000)), number(2, Number(micros) * 1000)]);
}

function encodeValue(field: number, type: FieldType, value: unknown): Buffer {
  switch (type.kind) {
    case 'string':
      return bytes(field, value as string);
    case 'integer':
      return number(field, value as number);
    case 'boolean':
      return number(field, value === true ? 1 : 0);
    case 'double': {
      const body = Buffer.alloc(8);
      body.writeDoubleLE(value as number);
      return Buffer.concat([varint((BigInt(field) << 3n) | 1n), body]);
    }
    case 'bytes':
      return bytes(field, Buffer.from(value as string, 'base64'));
    case 'time':
    case 'microtime':
      return bytes(field, encodeTime(value as string));
    case 'quantity':
      return bytes(field, bytes(1, value as string));
    case 'intorstring':
      return bytes(
        field,
        typeof value === 'number'
          ? Buffer.concat([number(1, 0), number(2, value)])
          : Buffer.concat([number(1, 1), bytes(3, value as string)]),
      );
    case 'raw':
    case 'fields':
      return bytes(field, bytes(1, JSON.stringify(value)));
    case 'schemaor':
      return bytes(field, encodeSchemaOr(type.message, value));
    case 'message':
      return bytes(field, encodeMessage(messageSchema(type.message)!, value as Json));
  }
}

/** The numbers as the definitions of the API have them. */
function encodeSchemaOr(message: string, value: unknown): Buffer {
  const schemas = messageSchema('apiextensions.JSONSchemaProps')!;
  const encoded = (it: unknown): Buffer => encodeMessage(schemas, it as Json);
  const isBool = message === 'apiextensions.JSONSchemaPropsOrBool';
  if (typeof value === 'boolean') return number(1, value ? 1 : 0);
  if (!Array.isArray(value))
    return isBool ? Buffer.concat([number(1, 1), bytes(2, encoded(value))]) : bytes(1, encoded(value));
  const isTexts = message === 'apiextensions.JSONSchemaPropsOrStringArray';
  return Buffer.concat(value.map((it: unknown) => bytes(2, isTexts ? (it as string) : encoded(it))));
}

function encodeField(field: MessageField, object: Json): Buffer[] {
  if (field.isInline && field.type.kind === 'message') {
    const schema = messageSchema(field.type.message)!;
    return [bytes(field.number, encodeMessage(schema, object))];
  }
  const value = object[field.name];
  if (value === undefined) return [];
  if (field.shape === 'list')
    return (value as unknown[]).map((item) => encodeValue(field.number, field.type, item));
  if (field.shape === 'map') {
    return Object.entries(value as Json).map(([key, item]) =>
      bytes(field.number, Buffer.concat([bytes(1, key), encodeValue(2, field.type, item)])),
    );
  }
  return [encodeValue(field.number, field.type, value)];
}

function encodeMessage(schema: MessageSchema, object: Json): Buffer {
  return Buffer.concat([...schema.byNumber.values()].flatMap((field) => encodeField(field, object)));
}

const text = fc.string({ minLength: 1, maxLength: 8 });

function valueOf(type: FieldType, isOptional: boolean, depth: number): fc.Arbitrary<unknown> | undefined {
  switch (type.kind) {
    case 'string':
      return text;
    case 'integer':
      // Zero of a field that is no pointer is absence; it must not come back.
      return isOptional ? fc.integer() : fc.integer().filter((it) => it !== 0);
    case 'boolean':
      return isOptional ? fc.boolean() : fc.constant(true);
    case 'double':
      return fc.double({ noNaN: true, min: 1 });
    case 'bytes':
      return fc.uint8Array({ minLength: 1, maxLength: 9 }).map((it) => Buffer.from(it).toString('base64'));
    case 'time':
      return fc
        .integer({ min: 0, max: 4e9 })
        .map((it) => `${new Date(it * 1000).toISOString().slice(0, 19)}Z`);
    case 'microtime':
      return fc
        .integer({ min: 0, max: 4e9 })
        .map((it) => `${new Date(it * 1000).toISOString().slice(0, 19)}.012345Z`);
    case 'quantity':
      return fc.constantFrom('1', '500m', '1Gi');
    case 'intorstring':
      return fc.oneof(fc.integer(), text);
    case 'raw':
      return fc.constantFrom({ a: 1 }, [1.5], 'text', false, 0, ...(isOptional ? [null] : []));
    case 'fields':
      return fc.constantFrom({ a: 1 }, { 'f:x': {} });
    case 'schemaor':
      return schemaOr(type.message, depth);
    case 'message':
      return depth === 0 ? undefined : objectOf(messageSchema(type.message)!, depth - 1);
  }
}

function schemaOr(message: string, depth: number): fc.Arbitrary<unknown> {
  const schema =
    depth === 0 ? fc.constant({}) : objectOf(messageSchema('apiextensions.JSONSchemaProps')!, depth - 1);
  if (message === 'apiextensions.JSONSchemaPropsOrBool') return fc.oneof(schema, fc.boolean());
  const isTexts = message === 'apiextensions.JSONSchemaPropsOrStringArray';
  return fc.oneof(schema, fc.array(isTexts ? text : schema, { minLength: 1, maxLength: 2 }));
}

function objectOf(schema: MessageSchema, depth: number): fc.Arbitrary<Json> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of schema.byName.values()) {
    const value = valueOf(field.type, field.isOptional || field.shape !== 'one', depth);
    if (value === undefined) continue;
    if (field.shape === 'list') fields[field.name] = fc.array(value, { minLength: 1, maxLength: 2 });
    else if (field.shape === 'map')
      fields[field.name] = fc.dictionary(fc.constantFrom('k', 'l/m'), value, { minKeys: 1 });
    else fields[field.name] = value;
  }
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Json>;
}

for (const name of [
  'core.Pod',
  'core.Service',
  'core.Secret',
  'core.Node',
  'apps.Deployment',
  'batch.Job',
  'networking.Ingress',
  'networking.NetworkPolicy',
  'discovery.EndpointSlice',
  'core.PersistentVolume',
  'events.Event',
  'meta.DeleteOptions',
  'apiextensions.CustomResourceDefinition',
  'apiextensions.JSONSchemaProps',
]) {
  test(`decodeMessage() gives back any ${name} that was encoded`, () => {
    const schema = messageSchema(name)!;
    fc.assert(
      fc.property(objectOf(schema, name === 'apiextensions.JSONSchemaProps' ? 1 : 3), (object) => {
        const decoded = decodeMessage(name, encodeMessage(schema, object));
        assert.deepEqual(JSON.parse(JSON.stringify(decoded)), JSON.parse(JSON.stringify(object)));
        const written = decodeMessage(name, writer.encodeMessage(name, object));
        assert.deepEqual(JSON.parse(JSON.stringify(written)), JSON.parse(JSON.stringify(object)));
      }),
      { numRuns: 40 },
    );
  });
}

test('a value of JSON that is null stays one where it differs from none; nothing at all is Go’s null', () => {
  const object = { default: null, enum: [null, 'a'], nullable: true };
  const read = decodeMessage(
    'apiextensions.JSONSchemaProps',
    writer.encodeMessage('apiextensions.JSONSchemaProps', object),
  );
  assert.deepEqual(read, object);
  const empty = Buffer.concat([bytes(8, ''), bytes(20, '')]);
  assert.deepEqual(decodeMessage('apiextensions.JSONSchemaProps', empty), { default: null, enum: [null] });
  assert.deepEqual(decodeMessage('apps.ControllerRevision', bytes(2, '')), {});
});

test('decodeMessage() refuses messages in messages without end', () => {
  const nested = (levels: number): Buffer =>
    levels === 0 ? bytes(5, 'object') : bytes(28, nested(levels - 1));
  assert.doesNotThrow(() => decodeMessage('apiextensions.JSONSchemaProps', nested(100)));
  let deep = nested(100);
  for (let i = 0; i < 3000; i++) deep = bytes(i % 2 === 0 ? 28 : 30, i % 2 === 0 ? deep : bytes(2, deep));
  assert.throws(() => decodeMessage('apiextensions.JSONSchemaProps', deep), /nested deeper than 128 levels/);
});

test('what is written is what the encoding says, octet by octet', () => {
  const object = { metadata: { name: 'n', labels: { a: 'b' } }, spec: { finalizers: ['kubernetes'] } };
  const expected = encodeMessage(messageSchema('core.Namespace')!, object);
  assert.deepEqual(writer.encodeMessage('core.Namespace', object), expected);
  const envelope = readEnvelope(writer.writeEnvelope({ apiVersion: 'v1', kind: 'Namespace' }, expected));
  assert.deepEqual(
    { ...envelope, raw: Buffer.from(envelope.raw) },
    { apiVersion: 'v1', kind: 'Namespace', raw: expected },
  );
  const frame = writer.writeWatchFrame('ADDED', Buffer.from('object'));
  assert.deepEqual(frame.subarray(4), Buffer.concat([bytes(1, 'ADDED'), bytes(2, bytes(1, 'object'))]));
  assert.equal(frame.readUInt32BE(), frame.length - 4);
  const list = writer.encodeList({ resourceVersion: '7' }, [expected, expected]);
  assert.deepEqual(list, Buffer.concat([bytes(1, bytes(2, '7')), bytes(2, expected), bytes(2, expected)]));
});

test('encodeMessage() refuses what its field cannot be', () => {
  assert.throws(
    () => writer.encodeMessage('core.Pod', { spec: { containers: {} } }),
    /containers is not a list/,
  );
  assert.throws(
    () => writer.encodeMessage('core.Pod', { metadata: { creationTimestamp: 'now' } }),
    /"now" is no time/,
  );
  assert.throws(() => writer.encodeMessage('nobody.Knows', {}), /not known/);
});

test('decodeMessage() keeps the zero of a number or text, which is a structure of its own', () => {
  const object = { spec: { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } } };
  const bytesOfObject = encodeMessage(messageSchema('apps.Deployment')!, object);
  assert.deepEqual(decodeMessage('apps.Deployment', bytesOfObject), object);
});

test('decodeMessage() refuses or reads any bytes, and never takes long', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
      try {
        decodeMessage('core.Pod', input);
      } catch (error) {
        assert.ok(hasCode(error, 'invalid'), String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('readEnvelope() takes the kind and the message apart', () => {
  const raw = encodeMessage(messageSchema('core.Namespace')!, { metadata: { name: 'n' } });
  const typeMeta = Buffer.concat([bytes(1, 'v1'), bytes(2, 'Namespace')]);
  const envelope = readEnvelope(
    Buffer.concat([Buffer.from('k8s\0'), bytes(1, typeMeta), bytes(2, raw), bytes(3, ''), bytes(4, '')]),
  );
  assert.deepEqual([envelope.apiVersion, envelope.kind], ['v1', 'Namespace']);
  assert.deepEqual(decodeMessage('core.Namespace', envelope.raw), { metadata: { name: 'n' } });
  assert.throws(
    () => readEnvelope(Buffer.from('{}')),
    (error) => hasCode(error, 'invalid'),
  );
});

test('every message that a table names is in a table', () => {
  for (const schema of messageSchemas()) {
    for (const field of schema.byNumber.values()) {
      if (field.type.kind === 'message')
        assert.ok(messageSchema(field.type.message), `${schema.name}.${field.name}`);
    }
  }
});
