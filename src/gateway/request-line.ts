// What HAProxy tells of a request: one line of fields that no client can break, as the configuration asks for it and as it is read. Both go by the tables below. Pure.

import type { Telemetry } from '../model/gateway.ts';

/** In bytes with its end. One write of so much to a pipe is whole or is not made (PIPE_BUF of pipe(7)), whoever else writes. */
const MAX_LINE_BYTES = 4096;

/** HAProxy says other things of a frontend by the same way: that it has stopped. */
const MARK = 'r|';

/** What clients say is cut and has its bytes escaped: all of them together, three bytes for each of theirs, are less than a line. */
const said = (what: string, bytes: number): string => `%[${what},bytes(0,${bytes}),url_enc]`;

const NUMBERS = {
  /** As `rules.map` and Lua say it; "-" where no rule had it. */
  rule: '%[var(txn.rule)]',
  status: '%ST',
  totalMs: '%Ta',
  requestBytes: '%U',
  responseBytes: '%B',
} as const;

const DETAILS = {
  acceptedMs: '%Ts%ms',
  handshakeMs: '%Th',
  idleMs: '%Ti',
  client: '%ci',
  port: '%[var(sess.port)]',
  httpMajor: '%[fc_http_major]',
  method: '%[var(txn.method),url_enc]',
  host: said('var(txn.host)', 253),
  path: said('var(txn.path)', 512),
  tlsName: said('ssl_fc_sni', 253),
  requestMs: '%TR',
  queueMs: '%Tw',
  connectMs: '%Tc',
  serverMs: '%Tr',
  ended: '%ts',
  backend: '%b',
  /** The backend of who came by one that waits, or makes copies. */
  inner: '%[var(txn.inner)]',
  serverIp: '%si',
  serverPort: '%sp',
} as const;

/** "-" for what is not known, -1 for a time that did not come. */
export type RequestLine = Readonly<Record<keyof typeof NUMBERS, string>> & {
  /** Undefined where no more than numbers are told. */
  readonly details: Readonly<Record<keyof typeof DETAILS, string>> | undefined;
};

const NUMBER_NAMES = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[];
const DETAIL_NAMES = Object.keys(DETAILS) as (keyof typeof DETAILS)[];

/** Of a frontend whose requests are told of. */
export function telemetryLines(telemetry: Telemetry | undefined): readonly string[] {
  if (telemetry === undefined) return [];
  const fields = [...Object.values(NUMBERS), ...(telemetry === 'access-log' ? Object.values(DETAILS) : [])];
  return [
    `  log stdout len ${MAX_LINE_BYTES - 1} format raw local0`,
    // Who connects and asks for nothing is no request.
    '  option dontlognull',
    `  log-format '${MARK}${fields.join('|')}'`,
  ];
}

/** Whether it is one of ours, whole or not. */
export function isRequestLine(text: string): boolean {
  return text.startsWith(MARK);
}

/** Undefined for one of which something is missing. */
export function readRequestLine(text: string): RequestLine | undefined {
  const words = text.slice(MARK.length).split('|');
  const hasDetails = words.length === NUMBER_NAMES.length + DETAIL_NAMES.length;
  if (!hasDetails && words.length !== NUMBER_NAMES.length) return undefined;
  const named = <T extends string>(names: readonly T[], from: number): Record<T, string> =>
    Object.fromEntries(names.map((name, i) => [name, words[from + i] ?? ''])) as Record<T, string>;
  const details = hasDetails ? named(DETAIL_NAMES, NUMBER_NAMES.length) : undefined;
  return { ...named(NUMBER_NAMES, 0), details };
}

/** What `url_enc` and `treeText` have escaped. Bytes that are no UTF-8 become U+FFFD. */
export function unescaped(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    const bytes = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, 'latin1').toString('utf8');
  }
}
