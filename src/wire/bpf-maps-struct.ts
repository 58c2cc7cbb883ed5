// Fixed C structs as typed tables: one description gives the encoder, the decoder and the C text.
// Knows the layout rules of C on 64-bit little-endian machines (x86-64, arm64) and no map in particular.

import { FairleadError } from '../base/errors.ts';
import { ipFromMappedBytes, writeMappedIp, type Ip } from '../base/ip.ts';
import { macFromBytes, macToBytes, type Mac } from '../base/mac.ts';

/** What a field holds; `be16` is a number that lies in network byte order, `ip` 16 bytes with IPv4 mapped into IPv6. */
export type FieldKind = 'u8' | 'u16' | 'u32' | 'u64' | 'be16' | 'ip' | 'mac';

interface ValueOfKind {
  readonly u8: number;
  readonly u16: number;
  readonly u32: number;
  readonly u64: bigint;
  readonly be16: number;
  readonly ip: Ip;
  readonly mac: Mac;
}

/** A named field, in the order of memory; a `pad` is written as zero and never shown. */
export type Field =
  | { readonly name: string; readonly kind: FieldKind }
  | { readonly name: string; readonly kind: 'ips'; readonly count: number }
  | { readonly name: string; readonly kind: 'u16s' | 'bytes'; readonly count: number }
  | { readonly name: string; readonly kind: 'pad'; readonly count: number };

type ValueOfField<F> = F extends { readonly kind: 'ips' }
  ? readonly Ip[]
  : F extends { readonly kind: 'u16s' }
    ? Uint16Array
    : F extends { readonly kind: 'bytes' }
      ? Uint8Array
      : F extends { readonly kind: infer K extends FieldKind }
        ? ValueOfKind[K]
        : never;

/** The readonly object that a table of fields describes. */
export type StructValue<F extends readonly Field[]> = {
  readonly [E in Exclude<F[number], { readonly kind: 'pad' }> as E['name']]: ValueOfField<E>;
};

/** A struct: `encode` and `decode` are inverse to each other; `ips` arrays drop their unused (all zero) tail, `u16s` are of the whole length, `bytes` are filled up with zeros. */
export interface Struct<T> {
  /** Name in C: `struct <name>`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: readonly PlacedField[];
  encode(value: T): Uint8Array;
  /** All of them one behind the other. */
  encodeAll(values: readonly T[]): Uint8Array;
  /** Throws `invalid` where `bytes` is shorter than the struct. */
  decode(bytes: Uint8Array): T;
}

/** What can be said of a struct without its value's type. */
export type AnyStruct = Pick<Struct<never>, 'name' | 'sizeBytes' | 'fields'>;

export type PlacedField = Field & { readonly offset: number; readonly sizeBytes: number };

interface KindRules {
  readonly sizeBytes: number;
  readonly alignment: number;
}

const KINDS: Readonly<Record<Field['kind'], KindRules>> = {
  u8: { sizeBytes: 1, alignment: 1 },
  u16: { sizeBytes: 2, alignment: 2 },
  u32: { sizeBytes: 4, alignment: 4 },
  u16s: { sizeBytes: 2, alignment: 2 },
  bytes: { sizeBytes: 1, alignment: 1 },
  u64: { sizeBytes: 8, alignment: 8 },
  be16: { sizeBytes: 2, alignment: 2 },
  ip: { sizeBytes: 16, alignment: 4 },
  ips: { sizeBytes: 16, alignment: 4 },
  mac: { sizeBytes: 6, alignment: 1 },
  pad: { sizeBytes: 1, alignment: 1 },
};

/** Describes a struct; throws `internal` where C would insert padding of its own, so that no byte is ever left to a compiler. */
export function defineStruct<const F extends readonly Field[]>(
  name: string,
  fields: F,
): Struct<StructValue<F>> {
  const placed = place(name, fields);
  const sizeBytes = placed.reduce((end, field) => Math.max(end, field.offset + field.sizeBytes), 0);
  return {
    name,
    sizeBytes,
    fields: placed,
    encode: (value) => {
      const bytes = new Uint8Array(sizeBytes);
      encodeFields(placed, value, { bytes, at: 0 });
      return bytes;
    },
    encodeAll: (values) => {
      const bytes = new Uint8Array(values.length * sizeBytes);
      let at = 0;
      for (const value of values) {
        encodeFields(placed, value, { bytes, at });
        at += sizeBytes;
      }
      return bytes;
    },
    decode: (bytes) => {
      if (bytes.length < sizeBytes)
        throw new FairleadError('invalid', `Cannot read ${name}: ${bytes.length} bytes, not ${sizeBytes}`);
      // The mapped type follows from the same table that `decodeFields` walks.
      return decodeFields(placed, bytes) as StructValue<F>;
    },
  };
}

function place(name: string, fields: readonly Field[]): readonly PlacedField[] {
  let offset = 0;
  let alignment = 1;
  const placed: PlacedField[] = [];
  for (const field of fields) {
    const rules = KINDS[field.kind];
    const sizeBytes = rules.sizeBytes * ('count' in field ? field.count : 1);
    if (offset % rules.alignment !== 0)
      throw new FairleadError('internal', `Field ${name}.${field.name} lies at ${offset}, unaligned`);
    placed.push({ ...field, offset, sizeBytes });
    offset += sizeBytes;
    alignment = Math.max(alignment, rules.alignment);
  }
  if (offset % alignment !== 0)
    throw new FairleadError('internal', `Struct ${name} of ${offset} bytes needs a pad`);
  return placed;
}

/** Where a struct begins in memory that is zero. */
interface StructPlace {
  readonly bytes: Uint8Array;
  readonly at: number;
}

function encodeFields(fields: readonly PlacedField[], value: object, place: StructPlace): void {
  // Every name of the table is a key of the value: the struct's type is made of the table.
  const values = value as Readonly<Record<string, unknown>>;
  for (const field of fields) if (field.kind !== 'pad') writeField(place, field, values[field.name]);
}

/**
 * Byte by byte: the engine gives a small array memory of its own only where a view of it is made, which costs more than all that is written.
 * The kinds' value types are fixed by `StructValue`; the assertions below restate them per case.
 */
function writeField({ bytes, at }: StructPlace, field: PlacedField, value: unknown): void {
  const start = at + field.offset;
  switch (field.kind) {
    case 'u8':
      bytes[start] = value as number;
      return;
    case 'u16':
      bytes[start] = value as number;
      bytes[start + 1] = (value as number) >>> 8;
      return;
    case 'u32':
      return writeU32(bytes, start, value as number);
    case 'u64':
      writeU32(bytes, start, Number(BigInt.asUintN(32, value as bigint)));
      return writeU32(bytes, start + 4, Number(BigInt.asUintN(32, (value as bigint) >> 32n)));
    case 'be16':
      bytes[start] = (value as number) >>> 8;
      bytes[start + 1] = value as number;
      return;
    case 'ip':
      return writeMappedIp(value as Ip, bytes, start);
    case 'mac':
      return bytes.set(macToBytes(value as Mac), start);
    case 'ips':
      return writeIps(field, value as readonly Ip[], { bytes, at: start });
    case 'u16s':
      return writeU16s(field, value as Uint16Array, { bytes, at: start });
    case 'bytes':
      return writeBytes(field, value as Uint8Array, { bytes, at: start });
    case 'pad':
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Numbers of the machine's own byte order, which is little endian. */
function writeU16s(field: PlacedField, numbers: Uint16Array, { bytes, at }: StructPlace): void {
  if (numbers.byteLength !== field.sizeBytes)
    throw new FairleadError(
      'internal',
      `Field ${field.name} takes ${field.sizeBytes} bytes, not ${numbers.byteLength}`,
    );
  bytes.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), at);
}

function writeBytes(field: PlacedField, value: Uint8Array, { bytes, at }: StructPlace): void {
  if (value.length > field.sizeBytes)
    throw new FairleadError(
      'exhausted',
      `Cannot write ${value.length} bytes into ${field.name}: it holds ${field.sizeBytes}`,
    );
  bytes.set(value, at);
}

function readU16s(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.slice().buffer);
}

function writeIps(field: PlacedField, ips: readonly Ip[], { bytes, at }: StructPlace): void {
  const room = field.sizeBytes / KINDS.ip.sizeBytes;
  if (ips.length > room)
    throw new FairleadError(
      'exhausted',
      `Cannot write ${ips.length} addresses into ${field.name}: it holds ${room}`,
    );
  for (const [index, ip] of ips.entries()) writeMappedIp(ip, bytes, at + index * KINDS.ip.sizeBytes);
}

function decodeFields(fields: readonly PlacedField[], bytes: Uint8Array): object {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value: Record<string, unknown> = {};
  for (const field of fields) if (field.kind !== 'pad') value[field.name] = readField(view, field);
  return value;
}

function readField(view: DataView, field: PlacedField): unknown {
  const part = new Uint8Array(view.buffer, view.byteOffset + field.offset, field.sizeBytes);
  switch (field.kind) {
    case 'u8':
      return view.getUint8(field.offset);
    case 'u16':
      return view.getUint16(field.offset, true);
    case 'u32':
      return view.getUint32(field.offset, true);
    case 'u64':
      return view.getBigUint64(field.offset, true);
    case 'be16':
      return view.getUint16(field.offset, false);
    case 'ip':
      return ipFromMappedBytes(part);
    case 'mac':
      return macFromBytes(part);
    case 'ips':
      return readIps(part);
    case 'u16s':
      return readU16s(part);
    case 'bytes':
      return part.slice();
    case 'pad':
      return undefined;
  }
}

function readIps(bytes: Uint8Array): readonly Ip[] {
  const ips: Ip[] = [];
  for (let at = 0; at < bytes.length; at += KINDS.ip.sizeBytes) {
    const part = bytes.subarray(at, at + KINDS.ip.sizeBytes);
    if (part.every((byte) => byte === 0)) break;
    ips.push(ipFromMappedBytes(part));
  }
  return ips;
}
