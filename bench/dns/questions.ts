// Questions for the load generator, and the same names as a zone file for another server.

import { writeFileSync } from 'node:fs';
import { upstreamQuery } from '../../src/dns/upstream-query.ts';
import { labelsOf, parseDnsName } from '../../src/wire/dns/name.ts';
import { TYPE } from '../../src/wire/dns/constants.ts';

export interface AskedName {
  readonly name: string;
  readonly type: keyof typeof TYPE;
}

/** Code, length and content of a client's cookie (RFC 7873 4): what has an option is no question for the kernel. */
const COOKIE = Buffer.from([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);

function withCookie(query: Uint8Array): Uint8Array {
  const bytes = Buffer.concat([query, COOKIE]);
  // The OPT record is the last one, and the length of its options stands at its end (RFC 6891 6.1.2).
  bytes.writeUInt16BE(COOKIE.length, query.length - 2);
  return bytes;
}

/** As `dns-load` reads them: each behind its length in two octets. */
export function writeQuestions(file: string, names: readonly AskedName[], hasCookie = false): void {
  const parts = names.flatMap(({ name, type }) => {
    const question = { labels: labelsOf(parseDnsName(name)), typeCode: TYPE[type] };
    const plain = { ...question, isDnssecOk: false, isCheckingDisabled: false };
    const query = upstreamQuery(plain, { id: 0, udpPayloadBytes: 1232 }).bytes;
    const bytes = hasCookie ? withCookie(query) : query;
    return [Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes];
  });
  writeFileSync(file, Buffer.concat(parts));
}

export interface NamedAddresses {
  /** Below the zone's apex: "web.shop.svc". */
  readonly name: string;
  readonly v4: string;
  readonly v6: string;
}

/** RFC 1035 5. */
export function writeZone(file: string, apex: string, names: readonly NamedAddresses[]): void {
  const head = [
    `$ORIGIN ${apex}.`,
    '$TTL 5',
    '@ SOA ns.dns hostmaster 1 7200 1800 86400 5',
    '@ NS ns.dns',
    'ns.dns A 192.0.2.1',
  ];
  const rows = names.flatMap(({ name, v4, v6 }) => [`${name} A ${v4}`, `${name} AAAA ${v6}`]);
  writeFileSync(file, `${[...head, ...rows].join('\n')}\n`);
}
