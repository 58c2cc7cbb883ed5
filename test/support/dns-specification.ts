// docs/dns-specification.md as a test: its objects as a zone that answers, the rows of its tables, and what is said to a question, in the page's words.

import { readFileSync } from 'node:fs';
import packet from 'dns-packet';
import { parseAllDocuments } from 'yaml';
import { parseCidr } from '../../src/base/cidr.ts';
import { parseIp } from '../../src/base/ip.ts';
import { compileNames } from '../../src/compile/names.ts';
import type { OutsideResolver } from '../../src/dns/outside.ts';
import { prepareAnswer, prepareEmpty } from '../../src/dns/prepared-answer.ts';
import { Responder, type DnsClient } from '../../src/dns/responder.ts';
import { SearchLists } from '../../src/dns/search-lists.ts';
import type { ZoneSettings } from '../../src/dns/zone-answer.ts';
import { ZoneState } from '../../src/dns/zone-state.ts';
import { parseEndpointSlice } from '../../src/objects/endpoint-slice.ts';
import { parseService } from '../../src/objects/service.ts';
import { objectKey } from '../../src/objects/slim-meta.ts';
import { CLASS_IN, RCODE } from '../../src/wire/dns/constants.ts';
import { nameFromLabels, parseDnsName } from '../../src/wire/dns/name.ts';
import { answerText } from './dns-text.ts';

const PAGE = readFileSync(new URL('../../docs/dns-specification.md', import.meta.url), 'utf8');
const PREFIXES = ['10.3.0.0/16', '10.4.0.0/16', '2001:db8::/112', '2001:db8:4::/64'].map(parseCidr);
/** Whose address is not proven. */
export const STRANGER = '192.0.2.9';
export const CLIENT: DnsClient = { address: '10.4.0.9', transport: 'udp' };

/** Cells of the rows below the heading. */
export function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
  const table = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return table.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

export function zoneOfPage(): ZoneState {
  const [, yaml = ''] = /```yaml\n([^`]+)```/.exec(PAGE) ?? [];
  const objects = parseAllDocuments(yaml).map((it) => it.toJS() as { readonly kind: string });
  const ofKind = <T extends { readonly namespace: string; readonly name: string }>(
    kind: string,
    parse: (raw: unknown) => T,
  ) =>
    new Map(
      objects
        .filter((it) => it.kind === kind)
        .map(parse)
        .map((it) => [objectKey(it), it]),
    );
  const zone = new ZoneState();
  const services = ofKind('Service', parseService);
  const endpointSlices = ofKind('EndpointSlice', parseEndpointSlice);
  const settings = { prefixes: PREFIXES, hasPodRecords: false };
  zone.replace(compileNames({ services, endpointSlices, pods: new Map() }, settings), 7);
  return zone;
}

/** Knows one name, from memory. */
export const outsideOfPage: OutsideResolver = {
  resolve: ({ labels, typeCode }) => {
    if (labels.join('.') !== 'www.example.com') return { prepared: prepareEmpty(RCODE.NXDOMAIN), ageS: 0 };
    const name = nameFromLabels(labels);
    const data = { kind: 'a', ip: parseIp('192.0.2.53') } as const;
    const answers = typeCode === 1 ? [{ name, classCode: CLASS_IN, ttlS: 28_715, data }] : [];
    const asked = { name, typeCode, classCode: CLASS_IN };
    return { prepared: prepareAnswer(asked, { rcode: 0, isAuthoritative: false, answers }), ageS: 0 };
  },
};

export const SETTINGS_OF_PAGE: ZoneSettings = {
  domain: parseDnsName('cluster.local'),
  serverIps: ['10.3.0.10', '2001:db8::a'].map(parseIp),
  ttlS: 5,
  pods: 'insecure',
};

/** Answers as the page says; addresses in their order, so that there is one answer. */
export function responderOfPage(zone = zoneOfPage(), searchLists = new SearchLists()): Responder {
  return new Responder({
    zone,
    settings: SETTINGS_OF_PAGE,
    outside: outsideOfPage,
    random: { fraction: () => 0, uint16: () => 1 },
    udpPayloadBytes: 1232,
    hotBytes: 1 << 20,
    monotonicMs: () => 0,
    searchLists,
    isProven: (address) => address !== STRANGER,
  });
}

const CLASSES: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4 };

/** "name TYPE", "name TYPE CH", "name TYPE65": the octets of a question. */
export function questionOf(text: string): Buffer {
  const [name = '', type = '', classText = 'IN'] = text.split(' ');
  const number = /^TYPE(\d+)$/.exec(type)?.[1];
  const question = {
    name,
    type: number === undefined ? (type as packet.RecordType) : 'A',
    class: 'IN',
  } as const;
  const bytes = packet.encode({
    type: 'query',
    id: 4711,
    flags: packet.RECURSION_DESIRED,
    questions: [question],
  });
  if (number !== undefined) bytes.writeUInt16BE(Number(number), bytes.length - 4);
  bytes.writeUInt16BE(CLASSES[classText] ?? 0, bytes.length - 2);
  return bytes;
}

/** In the page's words. */
export function wordsOf(answer: Uint8Array): string {
  return answerText(answer)
    .map((line) =>
      line
        .replace(/^answer /, '')
        .replace(/^additional /, '+ ')
        .replace(/^authority (\S+) \d+ SOA .*/, 'SOA $1'),
    )
    .join('<br>');
}
