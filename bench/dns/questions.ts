// Questions for the load generator, and the same names as a zone file for another server.

import { writeFileSync } from 'node:fs';
import type { DnsName } from '../../src/wire/dns/name.ts';
import { parseDnsName } from '../../src/wire/dns/name.ts';
import { TYPE } from '../../src/wire/dns/constants.ts';
import { encodeMessage } from '../../src/wire/dns/writer.ts';

export interface AskedName {
  readonly name: string;
  readonly type: 'A' | 'AAAA';
}

function query(name: DnsName, typeCode: number): Uint8Array {
  return encodeMessage({
    id: 0,
    opcode: 0,
    rcode: 0,
    isResponse: false,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: true,
    isRecursionAvailable: false,
    isAuthenticData: false,
    isCheckingDisabled: false,
    questions: [{ name, typeCode, classCode: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: { udpPayloadBytes: 1232, version: 0, isDnssecOk: false, options: [] },
  }).bytes;
}

/** As `dns-load` reads them: each behind its length in two octets. */
export function writeQuestions(file: string, names: readonly AskedName[]): void {
  const parts = names.flatMap(({ name, type }) => {
    const bytes = query(parseDnsName(name), TYPE[type]);
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
