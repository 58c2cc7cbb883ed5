// Questions for the load generator, and the same names as a zone file for another server.

import { writeFileSync } from 'node:fs';
import { upstreamQuery } from '../../src/dns/upstream-query.ts';
import { labelsOf, parseDnsName } from '../../src/wire/dns/name.ts';
import { TYPE } from '../../src/wire/dns/constants.ts';

export interface AskedName {
  readonly name: string;
  readonly type: keyof typeof TYPE;
}

/** As `dns-load` reads them: each behind its length in two octets. */
export function writeQuestions(file: string, names: readonly AskedName[]): void {
  const parts = names.flatMap(({ name, type }) => {
    const question = { labels: labelsOf(parseDnsName(name)), typeCode: TYPE[type] };
    const plain = { ...question, isDnssecOk: false, isCheckingDisabled: false };
    const { bytes } = upstreamQuery(plain, { id: 0, udpPayloadBytes: 1232 });
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
