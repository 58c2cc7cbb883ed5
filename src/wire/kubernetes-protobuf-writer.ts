// The JSON form of Kubernetes objects into protobuf: every message of the tables, lists, the "k8s\0" envelope and frames of watches.
// What an object does not have is not written: readers of Kubernetes take the zero for it.

import { FairleadError } from '../base/errors.ts';
import { schemaOrMessage } from './kubernetes-protobuf-schema-or.ts';
import {
  messageSchema,
  type FieldType,
  type MessageField,
  type MessageSchema,
} from './kubernetes-protobuf-schema.ts';

type JsonObject = Readonly<Record<string, unknown>>;

const MAGIC = Buffer.from('k8s\0', 'latin1');
const [VARINT, FIXED64, BYTES] = [0, 1, 2];

/** `object` as message `name` ("core.Pod"); throws `unsupported` for a message outside of the tables, `invalid` for a value of another type than its field's. */
export function encodeMessage(name: string, object: JsonObject): Buffer {
  const schema = messageSchema(name);
  if (schema === undefined)
    throw new FairleadError('unsupported', `Cannot encode protobuf: message ${name} is not known`);
  const out = new Writer();
  writeMessage(out, schema, object);
  return out.bytes();
}

/** A list of a kind: `items` are encoded messages. */
export function encodeList(metadata: JsonObject, items: readonly Buffer[]): Buffer {
  const out = new Writer();
  out.field(1, encodeMessage('meta.ListMeta', metadata));
  for (const item of items) out.field(2, item);
  return out.bytes();
}

/** The envelope of a message: runtime.Unknown of k8s.io/apimachinery behind the magic. */
export function writeEnvelope(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  raw: Buffer,
): Buffer {
  const type = new Writer();
  type.field(1, Buffer.from(apiVersion));
  type.field(2, Buffer.from(kind));
  const out = new Writer();
  out.field(1, type.bytes());
  out.field(2, raw);
  return Buffer.concat([MAGIC, out.bytes()]);
}

/** An event of a watch: meta/v1 WatchEvent behind its length in four octets; `object` is a whole envelope. */
export function writeWatchFrame(type: string, object: Buffer): Buffer {
  const raw = new Writer();
  raw.field(1, object);
  const event = new Writer();
  event.field(1, Buffer.from(type));
  event.field(2, raw.bytes());
  const body = event.bytes();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function writeMessage(out: Writer, schema: MessageSchema, object: JsonObject): void {
  for (const field of schema.byNumber.values()) {
    if (field.isInline && field.type.kind === 'message') writeInline(out, field, object);
    else if (Object.hasOwn(object, field.name)) writeField(out, field, object[field.name]);
  }
}

/** Its fields stand in the parent's JSON. */
function writeInline(out: Writer, field: MessageField, object: JsonObject): void {
  const inner = encodeMessage(field.type.kind === 'message' ? field.type.message : '', object);
  if (inner.length > 0) out.field(field.number, inner);
}

function writeField(out: Writer, field: MessageField, value: unknown): void {
  // A value that may be any JSON may be null, where that differs from none (`default: null` of a schema).
  if (value === undefined || (value === null && !(field.type.kind === 'raw' && field.isOptional))) return;
  if (field.shape === 'one') return writeValue(out, field.number, field.type, value);
  if (field.shape === 'list') {
    if (!Array.isArray(value)) throw mismatch(field, 'a list');
    for (const item of value as readonly unknown[]) writeValue(out, field.number, field.type, item);
    return;
  }
  if (!isObject(value)) throw mismatch(field, 'an object');
  for (const [key, item] of Object.entries(value)) {
    const entry = new Writer();
    entry.field(1, Buffer.from(key));
    writeValue(entry, 2, field.type, item);
    out.field(field.number, entry.bytes());
  }
}

function writeValue(out: Writer, number: number, type: FieldType, value: unknown): void {
  switch (type.kind) {
    case 'integer':
      return out.varint(number, BigInt(Math.trunc(Number(value))));
    case 'boolean':
      return out.varint(number, value === true ? 1n : 0n);
    case 'double':
      return out.double(number, Number(value));
    default:
      out.field(number, bytesOf(type, value));
  }
}

function bytesOf(
  type: Exclude<FieldType, { kind: 'integer' | 'boolean' | 'double' }>,
  value: unknown,
): Buffer {
  switch (type.kind) {
    case 'string':
      return Buffer.from(String(value));
    case 'bytes':
      return Buffer.from(String(value), 'base64');
    case 'time':
    case 'microtime':
      return timeBytes(String(value));
    case 'quantity':
      return single(String(value));
    case 'intorstring':
      return intOrStringBytes(value);
    case 'raw':
    case 'fields':
      return single(JSON.stringify(value));
    case 'schemaor':
      return encodeMessage(type.message, schemaOrMessage(type.message, value));
    case 'message':
      return encodeMessage(type.message, isObject(value) ? value : {});
    default:
      throw new FairleadError('internal', 'Cannot encode protobuf: a number has no bytes');
  }
}

/** A message with one field of octets. */
function single(text: string): Buffer {
  const out = new Writer();
  out.field(1, Buffer.from(text));
  return out.bytes();
}

/** meta/v1 Time: seconds=1, nanos=2. */
function timeBytes(text: string): Buffer {
  const ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new FairleadError('invalid', `Cannot encode protobuf: "${text.slice(0, 40)}" is no time`);
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  const out = new Writer();
  out.varint(1, BigInt(Math.floor(ms / 1000)));
  out.varint(2, BigInt(fraction.padEnd(9, '0')));
  return out.bytes();
}

/** util/intstr: type=1 (0 number, 1 text), intVal=2, strVal=3. */
function intOrStringBytes(value: unknown): Buffer {
  const out = new Writer();
  const isText = typeof value === 'string';
  out.varint(1, isText ? 1n : 0n);
  if (isText) out.field(3, Buffer.from(value));
  else out.varint(2, BigInt(Math.trunc(Number(value))));
  return out.bytes();
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mismatch({ name }: MessageField, expected: string): FairleadError {
  return new FairleadError('invalid', `Cannot encode protobuf: field ${name} is not ${expected}`);
}

class Writer {
  readonly #parts: Buffer[] = [];

  bytes(): Buffer {
    return this.#parts.length === 1 ? (this.#parts[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#parts);
  }

  varint(number: number, value: bigint): void {
    this.#parts.push(tag(number, VARINT), varintBytes(BigInt.asUintN(64, value)));
  }

  double(number: number, value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(tag(number, FIXED64), bytes);
  }

  field(number: number, bytes: Buffer): void {
    this.#parts.push(tag(number, BYTES), lengthBytes(bytes.length), bytes);
  }
}

function tag(number: number, wireType: number | undefined): Buffer {
  return lengthBytes(number * 8 + (wireType ?? 0));
}

/** Most lengths and tags are small: their bytes are made once. */
const SMALL: readonly Buffer[] = Array.from({ length: 4096 }, (_, value) => varintBytes(BigInt(value)));

function lengthBytes(value: number): Buffer {
  return SMALL[value] ?? varintBytes(BigInt(value));
}

function varintBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
