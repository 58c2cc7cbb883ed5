// Kubernetes protobuf bodies into the JSON form of the same object: the "k8s\0" envelope and every message of the tables.
// Input is hostile: every length is checked and unknown fields are skipped, as proto2 asks.

import { FairleadError } from '../base/errors.ts';
import { schemaOrOther } from './kubernetes-protobuf-schema-or.ts';
import {
  messageSchema,
  type FieldType,
  type MessageField,
  type MessageSchema,
} from './kubernetes-protobuf-schema.ts';

/** Media type of such bodies. */
export const KUBERNETES_PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** The envelope (runtime.Unknown of k8s.io/apimachinery): which kind, and its undecoded message. */
export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

type JsonObject = Record<string, unknown>;

/** Opens the envelope; throws `invalid` where the magic or a length is wrong. */
export function readEnvelope(bytes: Uint8Array): ProtobufEnvelope {
  if (bytes[0] !== 0x6b || bytes[1] !== 0x38 || bytes[2] !== 0x73 || bytes[3] !== 0) {
    throw malformed('the body does not start with "k8s\\0"');
  }
  let typeMeta = { apiVersion: '', kind: '' };
  let raw: Uint8Array = new Uint8Array();
  for (const { number, value } of fieldsOf(bytes.subarray(4))) {
    if (!(value instanceof Uint8Array)) continue;
    if (number === 1) typeMeta = readTypeMeta(value);
    if (number === 2) raw = value;
    if (number === 3 && value.length > 0) throw malformed('content encodings are not supported');
  }
  return { ...typeMeta, raw };
}

/** Messages inside of messages; as deep as a JSON body may be. */
const MAX_DEPTH = 128;

/** The JSON form of `bytes` as message `name` ("core.Pod"); throws `invalid`, or `unsupported` for a message outside the tables. */
export function decodeMessage(name: string, bytes: Uint8Array, depth = 0): JsonObject {
  if (depth > MAX_DEPTH) throw malformed(`messages are nested deeper than ${MAX_DEPTH} levels`);
  const schema = messageSchema(name);
  if (schema === undefined) {
    throw new FairleadError('unsupported', `Cannot decode protobuf: message ${name} is not known`);
  }
  return decodeInto({}, schema, bytes, depth);
}

function readTypeMeta(bytes: Uint8Array): { apiVersion: string; kind: string } {
  const meta = { apiVersion: '', kind: '' };
  for (const { number, value } of fieldsOf(bytes)) {
    if (!(value instanceof Uint8Array)) continue;
    if (number === 1) meta.apiVersion = textOf(value);
    if (number === 2) meta.kind = textOf(value);
  }
  return meta;
}

function decodeInto(into: JsonObject, schema: MessageSchema, bytes: Uint8Array, depth: number): JsonObject {
  for (const { number, value } of fieldsOf(bytes)) {
    const field = schema.byNumber.get(number);
    if (field !== undefined) decodeField(into, field, value, depth);
  }
  return into;
}

function decodeField(into: JsonObject, field: MessageField, value: WireValue, depth: number): void {
  if (field.shape === 'map') return decodeMapEntry(into, field, bytesOf(value), depth);
  if (field.shape === 'list') {
    // A packed list of numbers is one field with many values; Kubernetes does not write it, protobuf lets it.
    const list = (into[field.name] ??= []) as unknown[];
    list.push(decodeValue(field.type, value, depth));
    return;
  }
  if (field.isInline && field.type.kind === 'message') {
    const schema = messageSchema(field.type.message);
    if (schema !== undefined) decodeInto(into, schema, bytesOf(value), depth);
    return;
  }
  const decoded = decodeValue(field.type, value, depth);
  if (decoded === undefined || (!field.isOptional && isZero(field, decoded))) return;
  into[field.name] = decoded;
}

/**
 * Go writes the zero of fields that are no pointers; in JSON they are absent. A structure is never one: `maxSurge: 0` stays, and so does
 * `additionalProperties: false`.
 */
function isZero({ type }: MessageField, value: unknown): boolean {
  if (type.kind === 'intorstring' || type.kind === 'schemaor') return false;
  return value === '' || value === 0 || value === false || value === null;
}

function decodeMapEntry(into: JsonObject, field: MessageField, bytes: Uint8Array, depth: number): void {
  let key = '';
  let decoded: unknown = field.type.kind === 'message' ? {} : '';
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === 1) key = textOf(bytesOf(value));
    if (number === 2) decoded = decodeValue(field.type, value, depth);
  }
  // A null prototype is not needed: __proto__ set by defineProperty is an own property like any other.
  const map = (into[field.name] ??= {}) as JsonObject;
  Object.defineProperty(map, key, { value: decoded, enumerable: true, writable: true, configurable: true });
}

function decodeValue(type: FieldType, value: WireValue, depth: number): unknown {
  switch (type.kind) {
    case 'string':
      return textOf(bytesOf(value));
    case 'integer':
      return integerOf(value);
    case 'boolean':
      return integerOf(value) !== 0;
    case 'double':
      return doubleOf(value);
    case 'bytes':
      return Buffer.from(bytesOf(value)).toString('base64');
    case 'time':
      return timeOf(bytesOf(value), 0);
    case 'microtime':
      return timeOf(bytesOf(value), 6);
    case 'quantity':
      return quantityOf(bytesOf(value));
    case 'intorstring':
      return intOrStringOf(bytesOf(value));
    case 'raw':
    case 'fields':
      return rawOf(bytesOf(value));
    case 'schemaor':
      return schemaOrOther(type.message, decodeMessage(type.message, bytesOf(value), depth + 1));
    case 'message':
      return decodeMessage(type.message, bytesOf(value), depth + 1);
  }
}

/** meta/v1 Time: seconds=1, nanos=2; an empty message is the zero time, which JSON leaves out. */
function timeOf(bytes: Uint8Array, fractionDigits: 0 | 6): string | undefined {
  const parts = numbersOf(bytes);
  const seconds = parts.get(1);
  if (seconds === undefined) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw malformed('a time is out of range');
  const micros = Math.floor((parts.get(2) ?? 0) / 1000);
  const fraction = fractionDigits === 0 ? '' : `.${String(micros).padStart(6, '0')}`;
  return `${date.toISOString().slice(0, 19)}${fraction}Z`;
}

function quantityOf(bytes: Uint8Array): string {
  for (const { number, value } of fieldsOf(bytes)) if (number === 1) return textOf(bytesOf(value));
  return '0';
}

/** util/intstr: type=1 (0 number, 1 text), intVal=2, strVal=3. */
function intOrStringOf(bytes: Uint8Array): number | string {
  let isText = false;
  let number = 0;
  let text = '';
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) isText = integerOf(field.value) === 1;
    if (field.number === 2) number = integerOf(field.value);
    if (field.number === 3) text = textOf(bytesOf(field.value));
  }
  return isText ? text : number;
}

/** JSON's text in field 1; nothing at all is Go's null. */
function rawOf(bytes: Uint8Array): unknown {
  for (const { number, value } of fieldsOf(bytes)) {
    if (number !== 1) continue;
    try {
      return JSON.parse(textOf(bytesOf(value))) as unknown;
    } catch (cause) {
      throw malformed('an embedded object is no JSON', cause);
    }
  }
  return null;
}

function numbersOf(bytes: Uint8Array): ReadonlyMap<number, number> {
  const numbers = new Map<number, number>();
  for (const { number, value } of fieldsOf(bytes)) numbers.set(number, integerOf(value));
  return numbers;
}

/** A varint as its 64 bits, or the bytes of the other wire types. */
type WireValue = bigint | Uint8Array;

interface WireField {
  readonly number: number;
  readonly value: WireValue;
}

function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    at = tag.next;
    const number = Number(tag.value >> 3n);
    const wireType = Number(tag.value & 7n);
    if (wireType === 0) {
      const varint = readVarint(bytes, at);
      at = varint.next;
      yield { number, value: varint.value };
      continue;
    }
    const span = spanOf(bytes, at, wireType);
    at = span.end;
    yield { number, value: bytes.subarray(span.start, span.end) };
  }
}

function spanOf(
  bytes: Uint8Array,
  at: number,
  wireType: number,
): { readonly start: number; readonly end: number } {
  let start = at;
  let length: number;
  if (wireType === 1) length = 8;
  else if (wireType === 5) length = 4;
  else if (wireType === 2) {
    const varint = readVarint(bytes, at);
    start = varint.next;
    length = Number(varint.value);
  } else throw malformed(`wire type ${wireType} is not used by Kubernetes`);
  if (length > bytes.length - start) throw malformed('a field ends after its message');
  return { start, end: start + length };
}

function readVarint(bytes: Uint8Array, at: number): { readonly value: bigint; readonly next: number } {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  throw malformed('a number does not end');
}

function integerOf(value: WireValue): number {
  if (typeof value !== 'bigint') throw malformed('a number was expected');
  return Number(BigInt.asIntN(64, value));
}

function doubleOf(value: WireValue): number {
  const bytes = bytesOf(value);
  if (bytes.length !== 8) throw malformed('a double has 8 bytes');
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
}

function bytesOf(value: WireValue): Uint8Array {
  if (typeof value === 'bigint') throw malformed('bytes were expected');
  return value;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed('a text is no UTF-8', cause);
  }
}

function malformed(because: string, cause?: unknown): FairleadError {
  return new FairleadError('invalid', `Cannot decode protobuf: ${because}`, { cause });
}
