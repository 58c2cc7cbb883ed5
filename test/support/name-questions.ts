// Questions to a DNS server octet by octet, well formed or not, and what was drawn to shuffle an answer.

import assert from 'node:assert/strict';
import * as p from './packets.ts';

/** Counts are those of what is there where they are left out. */
export interface QuestionParts {
  readonly name: string;
  readonly type?: number | undefined;
  readonly classCode?: number;
  readonly id?: number;
  readonly flags?: number;
  readonly questions?: number;
  readonly answers?: number;
  readonly authorities?: number;
  readonly additionals?: number;
  /** The size of an OPT record; undefined for none. */
  readonly edns?: number | undefined;
  readonly isDnssecOk?: boolean;
  readonly ednsFlags?: number;
  readonly version?: number;
  readonly extendedRcode?: number;
  readonly optionBytes?: Uint8Array;
  readonly optionLength?: number;
  /** Behind the name, and behind all. */
  readonly nameBehind?: Uint8Array;
  readonly behind?: Uint8Array;
}

export function aQuestion(parts: QuestionParts): Uint8Array {
  const {
    id = 1,
    flags = 0x0100,
    questions = 1,
    answers = 0,
    authorities = 0,
    type = 1,
    classCode = 1,
  } = parts;
  const opt = optOf(parts);
  const counts = [id, flags, questions, answers, authorities, parts.additionals ?? (opt.length > 0 ? 1 : 0)];
  return p.bytes(
    ...counts.map(be16),
    ...parts.name.split('.').map((label) => p.bytes([label.length], Buffer.from(label))),
    [0],
    parts.nameBehind ?? [],
    be16(type),
    be16(classCode),
    opt,
    parts.behind ?? [],
  );
}

function optOf(parts: QuestionParts): Uint8Array {
  const { edns, version = 0, extendedRcode = 0, ednsFlags = 0, optionBytes = p.bytes() } = parts;
  if (edns === undefined) return p.bytes();
  const flags = ednsFlags | (parts.isDnssecOk === true ? 0x8000 : 0);
  const head = p.bytes([0], be16(41), be16(edns), [extendedRcode, version], be16(flags));
  return p.bytes(head, be16(parts.optionLength ?? optionBytes.length), optionBytes);
}

function be16(number: number): readonly number[] {
  return [number >> 8, number & 0xff];
}

/**
 * The fractions of Fisher and Yates by which the addresses of one answer become those of the other. Each is in the middle of what draws the same; an order
 * that none makes throws.
 */
export function drawsOf(answers: {
  readonly unshuffled: Uint8Array;
  readonly shuffled: Uint8Array;
}): number[] {
  const order = recordsOf(answers.unshuffled);
  return recordsOf(answers.shuffled).map((record, at) => {
    const other = order.indexOf(record, at);
    assert.ok(other >= 0, 'each record of the process is there once');
    [order[at], order[other]] = [record, order[at] ?? ''];
    return (other - at + 0.5) / (order.length - at);
  });
}

/** The answers as text; all of them are addresses. */
function recordsOf(message: Uint8Array): string[] {
  const bytes = Buffer.from(message);
  let at = 12;
  while ((bytes[at] ?? 0) !== 0) at += (bytes[at] ?? 0) + 1;
  at += 5;
  return Array.from({ length: bytes.readUInt16BE(6) }, () => {
    const end = at + 12 + bytes.readUInt16BE(at + 10);
    const record = bytes.toString('hex', at, end);
    at = end;
    return record;
  });
}
