// Names and values of a header block once it is unpacked: counts and lengths of four bytes each (section 2.6.10).

import { FairleadError } from '../../base/errors.ts';
import type { SpdyHeaders } from './frame.ts';

const COUNT_BYTES = 4;
/** A pair has two lengths and at least one byte of name. */
const MIN_PAIR_BYTES = 9;

/** Throws `invalid` for anything but exactly one whole list of distinct, lower-case names. */
export function decodeHeaderList(bytes: Buffer): SpdyHeaders {
  const cursor = { bytes, at: 0 };
  const count = takeCount(cursor);
  if (count * MIN_PAIR_BYTES > bytes.length) throw malformed(`${count} pairs in ${bytes.length} bytes`);
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = takeText(cursor);
    if (name === '' || name !== name.toLowerCase()) throw malformed('a name that is empty or not lower case');
    if (headers.has(name)) throw malformed('a name stands twice');
    headers.set(name, takeText(cursor));
  }
  if (cursor.at !== bytes.length) throw malformed('bytes behind the last pair');
  return headers;
}

export function encodeHeaderList(headers: SpdyHeaders): Buffer {
  const parts = [...headers].flatMap(([name, value]) => [counted(name), counted(value)]);
  const count = Buffer.alloc(COUNT_BYTES);
  count.writeUInt32BE(headers.size);
  return Buffer.concat([count, ...parts]);
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function takeCount(cursor: Cursor): number {
  if (cursor.bytes.length - cursor.at < COUNT_BYTES) throw malformed('it ends within a number');
  const count = cursor.bytes.readUInt32BE(cursor.at);
  cursor.at += COUNT_BYTES;
  return count;
}

function takeText(cursor: Cursor): string {
  const length = takeCount(cursor);
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw malformed(`text of ${length} bytes passes its end`);
  const text = cursor.bytes.toString('latin1', cursor.at, end);
  cursor.at = end;
  return text;
}

function counted(text: string): Buffer {
  const bytes = Buffer.alloc(COUNT_BYTES + text.length);
  bytes.writeUInt32BE(text.length);
  bytes.write(text, COUNT_BYTES, 'latin1');
  return bytes;
}

function malformed(what: string): FairleadError {
  return new FairleadError('invalid', `Cannot read SPDY headers: ${what}`);
}
