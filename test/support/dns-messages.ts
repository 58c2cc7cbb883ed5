// Messages and answers for tests of the DNS process, with everything that does not matter filled in.

import { parseIp } from '../../src/base/ip.ts';
import type { OutsideAnswer, OutsideQuestion } from '../../src/dns/outside.ts';
import { keyOfQuestion } from '../../src/dns/query.ts';
import { recordsOfPrepared } from '../../src/dns/prepared-records.ts';
import type { DnsMessage, RecordData, ResourceRecord } from '../../src/wire/dns/message.ts';
import { parseDnsName } from '../../src/wire/dns/name.ts';
import type { UpstreamQuestion } from '../../src/dns/upstream-query.ts';

export function aMessage(parts: Partial<DnsMessage> = {}): DnsMessage {
  return {
    id: 0,
    opcode: 0,
    rcode: 0,
    isResponse: true,
    isAuthoritative: false,
    isTruncated: false,
    isRecursionDesired: true,
    isRecursionAvailable: true,
    isAuthenticData: false,
    isCheckingDisabled: false,
    questions: [{ name: parseDnsName('example.org'), typeCode: 1, classCode: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: undefined,
    ...parts,
  };
}

export function aRecord(name: string, ttlS: number, data: RecordData): ResourceRecord {
  return { name: parseDnsName(name), classCode: 1, ttlS, data };
}

export function anAddress(name: string, ttlS: number, ip: string): ResourceRecord {
  return aRecord(name, ttlS, { kind: 'a', ip: parseIp(ip) });
}

export function aSoa(name: string, ttlS: number, minimumS: number): ResourceRecord {
  const names = { primary: parseDnsName('ns.example.org'), mailbox: parseDnsName('h.example.org') };
  const times = { serial: 1, refreshS: 1, retryS: 1, expireS: 1, minimumS };
  return aRecord(name, ttlS, { kind: 'soa', ...names, ...times });
}

export function anOutsideQuestion(name: string, parts: Partial<OutsideQuestion> = {}): OutsideQuestion {
  const labels = name.split('.');
  const typeCode = parts.typeCode ?? 1;
  return {
    key: keyOfQuestion(labels, typeCode),
    labels,
    typeCode,
    isDnssecOk: false,
    isCheckingDisabled: false,
    client: '10.244.1.7',
    ...parts,
  };
}

export function anUpstreamQuestion(name = 'example.org'): UpstreamQuestion {
  return { labels: name.split('.'), typeCode: 1, isDnssecOk: false, isCheckingDisabled: false };
}

/** "rcode 0", then "name ttl address" of each answer. */
export function outsideText(name: string, { prepared, ageS }: OutsideAnswer): string[] {
  const { answers } = recordsOfPrepared(name.split('.'), prepared, ageS);
  const lines = answers.map((it) => `${it.name} ${it.ttlS} ${'ip' in it.data ? it.data.ip : it.data.kind}`);
  return [`rcode ${prepared.rcode}`, ...lines];
}
