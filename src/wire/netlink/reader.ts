// Splits what the kernel sends into messages and attributes. Bounded: every length is checked against what is there, and malformed input
// throws `invalid`. Byte order is the host's, little endian.

import { FairleadError } from '../../base/errors.ts';
import { NLA_TYPE_MASK } from './constants.ts';

const HEADER_BYTES = 16;
const UTF8 = new TextDecoder();

/** One netlink message; `payload` starts behind the header and shares memory with the input. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Attributes of one level by type without flag bits; of repeated ones the last stands, as in the kernel's nla_parse. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** The messages of one datagram in order. */
export function readMessages(bytes: Uint8Array): readonly Message[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Message[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const left = bytes.length - offset;
    const length = left < HEADER_BYTES ? 0 : view.getUint32(offset, true);
    if (length < HEADER_BYTES || length > left) {
      throw malformed(`message of ${length} bytes at ${offset} of ${bytes.length}`);
    }
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      payload: bytes.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += align(length);
  }
  return messages;
}

/** The attributes from `offset` on, behind a message's fixed part. */
export function readAttributes(bytes: Uint8Array, offset = 0): Attributes {
  const attributes = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = offset;
  // Fewer than four bytes at the end are padding, as nla_ok takes them.
  while (bytes.length - at >= 4) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > bytes.length - at) {
      throw malformed(`attribute of ${length} bytes at ${at} of ${bytes.length}`);
    }
    attributes.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

/** Hands on each attribute in order, without a map of them: for lists that are long. */
export function walkAttributes(
  bytes: Uint8Array,
  onAttribute: (type: number, value: Uint8Array) => void,
): void {
  let at = 0;
  while (bytes.length - at >= 4) {
    const length = readU16(bytes, at);
    if (length < 4 || length > bytes.length - at) {
      throw malformed(`attribute of ${length} bytes at ${at} of ${bytes.length}`);
    }
    onAttribute(readU16(bytes, at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += align(length);
  }
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** The values of a list whose attributes are all of one type, in order. */
export function readNestedList(bytes: Uint8Array): readonly Uint8Array[] {
  const values: Uint8Array[] = [];
  walkAttributes(bytes, (_type, value) => values.push(value));
  return values;
}

/** A view of a message's fixed part; throws where the payload is shorter than `size`. */
export function fixedPart(payload: Uint8Array, size: number): DataView {
  if (payload.length < size) throw malformed(`${payload.length} bytes where ${size} are due`);
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

export function attributeU8(value: Uint8Array | undefined): number | undefined {
  return value === undefined || value.length < 1 ? undefined : value[0];
}

export function attributeU32(value: Uint8Array | undefined): number | undefined {
  if (value === undefined || value.length < 4) return undefined;
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0, true);
}

/** Text up to the first zero byte; bytes that are no UTF-8 become the replacement character. */
export function attributeText(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return UTF8.decode(end < 0 ? value : value.subarray(0, end));
}

/** The error for bytes that are not what netlink promises. */
export function malformed(what: string): FairleadError {
  return new FairleadError('invalid', `Cannot read netlink answer: ${what}`);
}

function align(length: number): number {
  return (length + 3) & ~3;
}
