// One answered question as a line of text, by CoreDNS's formats and placeholders. Pure.

import {
  HEADER_BYTES,
  PLAIN_UDP_BYTES,
  MAX_MESSAGE_BYTES,
  RCODE,
  rcodeName,
  TYPE,
} from '../wire/dns/constants.ts';
import { nameFromLabels, ROOT_NAME } from '../wire/dns/name.ts';
import type { AnswerClass } from './query-log-config.ts';
import { labelsOfKey, type Query } from './query.ts';
import type { DnsClient } from './responder.ts';

const COMMON =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
const SHORTHANDS: Readonly<Record<string, string>> = {
  '{common}': COMMON,
  '{combined}': `${COMMON} "{>opcode}"`,
};
const PLACEHOLDER = /\{[^{}\s]*\}/g;
/** As CoreDNS writes what it does not have. */
const UNKNOWN = '-';

/** What was asked. Made before the answer, which may be written where the question was. */
export interface LoggedQuestion {
  readonly query: Pick<Query, 'key' | 'flags' | 'typeCode' | 'classCode' | 'edns'>;
  readonly id: number;
  readonly bytes: number;
  readonly client: DnsClient;
}

/** What was answered. */
export interface LoggedAnswer {
  readonly rcode: number;
  readonly flags: number;
  readonly answers: number;
  readonly bytes: number;
  readonly durationMs: number;
}

export interface LoggedLine extends LoggedQuestion {
  readonly answer: LoggedAnswer;
}

export function readLogged(out: Buffer, durationMs: number): LoggedAnswer {
  const flags = out.length < HEADER_BYTES ? 0 : out.readUInt16BE(2);
  const answers = out.length < HEADER_BYTES ? 0 : out.readUInt16BE(6);
  return { rcode: flags & 0xf, flags, answers, bytes: out.length, durationMs };
}

export function classOf({ rcode, answers }: Pick<LoggedAnswer, 'rcode' | 'answers'>): AnswerClass {
  if (rcode === RCODE.NXDOMAIN) return 'denial';
  if (rcode !== RCODE.NOERROR) return 'error';
  return answers === 0 ? 'denial' : 'success';
}

export function lineText(format: string, line: LoggedLine): string {
  return wholeFormat(format).replaceAll(PLACEHOLDER, (it) => fieldOf(it)?.(line) ?? UNKNOWN);
}

/** Placeholders that nothing is known for here. */
export function unknownPlaceholders(format: string): readonly string[] {
  const all = wholeFormat(format).match(PLACEHOLDER) ?? [];
  return all.filter((it) => it !== '{port}' && fieldOf(it) === undefined);
}

function wholeFormat(format: string): string {
  return format.replaceAll(PLACEHOLDER, (it) =>
    Object.hasOwn(SHORTHANDS, it) ? (SHORTHANDS[it] ?? it) : it,
  );
}

type Field = (line: LoggedLine) => string;

/** Those of headers in any case. */
function fieldOf(placeholder: string): Field | undefined {
  const name = placeholder.startsWith('{>') ? placeholder.toLowerCase() : placeholder;
  return Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
}

const FIELDS: Readonly<Record<string, Field>> = {
  '{remote}': ({ client: { address } }) => (address.includes(':') ? `[${address}]` : address),
  '{type}': ({ query }) => TYPE_NAMES.get(query.typeCode) ?? `TYPE${query.typeCode}`,
  '{class}': ({ query }) => CLASS_NAMES.get(query.classCode) ?? `CLASS${query.classCode}`,
  '{name}': ({ query }) => absolute(nameFromLabels(labelsOfKey(query.key))),
  '{proto}': ({ client }) => client.transport,
  '{size}': ({ bytes }) => String(bytes),
  '{rcode}': ({ answer }) => rcodeName(answer.rcode),
  '{rsize}': ({ answer }) => String(answer.bytes),
  '{duration}': ({ answer }) => `${(answer.durationMs / 1000).toFixed(6)}s`,
  '{>id}': ({ id }) => String(id),
  '{>opcode}': ({ query }) => String((query.flags >> 11) & 0xf),
  '{>do}': ({ query }) => String(query.edns?.isDnssecOk === true),
  '{>bufsize}': ({ query, client }) => String(roomOf(query, client)),
  '{>rflags}': ({ answer }) => flagNames(answer.flags),
};

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TYPE).map(([name, code]) => [code, name]),
);
const CLASS_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'IN'],
  [3, 'CH'],
  [4, 'HS'],
  [255, 'ANY'],
]);
const FLAGS: readonly (readonly [number, string])[] = [
  [0x8000, 'qr'],
  [0x0400, 'aa'],
  [0x0200, 'tc'],
  [0x0100, 'rd'],
  [0x0080, 'ra'],
  [0x0040, 'z'],
  [0x0020, 'ad'],
  [0x0010, 'cd'],
];

function flagNames(flags: number): string {
  return FLAGS.flatMap(([bit, name]) => ((flags & bit) === 0 ? [] : [name])).join(',');
}

/** Octets that the client takes. */
function roomOf({ edns }: LoggedQuestion['query'], { transport }: DnsClient): number {
  return transport === 'tcp' ? MAX_MESSAGE_BYTES : Math.max(PLAIN_UDP_BYTES, edns?.udpPayloadBytes ?? 0);
}

function absolute(name: string): string {
  return name === ROOT_NAME ? name : `${name}.`;
}
