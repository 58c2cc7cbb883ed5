// What the zone says -> an answer ready to be sent: records, SOA of negative answers, additional addresses.

import { familyOf, type Ip } from '../base/ip.ts';
import { CLASS_IN, MAX_MESSAGE_BYTES, RCODE, TYPE } from '../wire/dns/constants.ts';
import type { Question, RecordData, ResourceRecord } from '../wire/dns/message.ts';
import { labelsOf, nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import { prepareAddresses, prepareAnswer, type PreparedAnswer } from './prepared-answer.ts';
import { serverName, type ZoneAnswer, type ZoneIdentity } from './zone-lookup.ts';

export interface ZoneSettings extends ZoneIdentity {
  readonly ttlS: number;
}

type OwnAnswer = Extract<ZoneAnswer, { kind: 'name' | 'no-name' }>;

/** The prepared answer where it consists of addresses alone; undefined for every other one. */
export function prepareAddressAnswer(answer: OwnAnswer, settings: ZoneSettings): PreparedAnswer | undefined {
  if (answer.kind === 'no-name' || answer.records.length === 0) return undefined;
  const ips = addressesOf(answer.records);
  return ips === undefined ? undefined : prepareAddresses(ips, settings.ttlS);
}

/** The prepared answer of whatever `prepareAddressAnswer` leaves; `serial` grows with every state of the zone. */
export function prepareZoneAnswer(
  question: Question,
  answer: OwnAnswer,
  settings: ZoneSettings,
  serial: number,
): PreparedAnswer {
  const soa = (): ResourceRecord => soaRecord(answer.apex, settings, serial);
  if (answer.kind === 'no-name') {
    return prepareAnswer(question, {
      rcode: RCODE.NXDOMAIN,
      isAuthoritative: true,
      answers: [],
      authorities: [soa()],
    });
  }
  if (question.typeCode === TYPE.SOA && labelsOf(question.name).length === labelsOf(answer.apex).length) {
    return prepareAnswer(question, { rcode: RCODE.NOERROR, isAuthoritative: true, answers: [soa()] });
  }
  if (answer.records.length === 0) {
    return prepareAnswer(question, {
      rcode: RCODE.NOERROR,
      isAuthoritative: true,
      answers: [],
      authorities: [soa()],
    });
  }
  return prepareRecords(question, answer, settings);
}

/** The start of the zone's authority (RFC 1035 3.3.13); negative answers live as long as positive ones. */
export function soaRecord(apex: DnsName, settings: ZoneSettings, serial: number): ResourceRecord {
  return {
    name: apex,
    classCode: CLASS_IN,
    ttlS: settings.ttlS,
    data: {
      kind: 'soa',
      primary: serverName(settings.domain),
      mailbox: nameFromLabels(['hostmaster', ...labelsOf(settings.domain)]),
      serial: serial >>> 0,
      refreshS: 7200,
      retryS: 1800,
      expireS: 86_400,
      minimumS: settings.ttlS,
    },
  };
}

function addressesOf(records: readonly RecordData[]): readonly Ip[] | undefined {
  const ips = records.flatMap((data) => (data.kind === 'a' || data.kind === 'aaaa' ? [data.ip] : []));
  return ips.length === records.length ? ips : undefined;
}

function prepareRecords(
  question: Question,
  answer: Extract<ZoneAnswer, { kind: 'name' }>,
  settings: ZoneSettings,
): PreparedAnswer {
  const { ttlS } = settings;
  const { domain } = settings;
  const answers = answer.records
    .slice(0, maxRecords(answer.records, domain))
    .map((data) => ({ name: question.name, classCode: CLASS_IN, ttlS, data }));
  const named = new Set(answers.flatMap(({ data }) => (data.kind === 'srv' ? [data.target] : [])));
  const additionals: ResourceRecord[] = [];
  for (const [name, ips] of answer.targets) {
    if (named.has(name) && additionals.length < MAX_ADDITIONALS)
      additionals.push(...records(name, ips, ttlS));
  }
  return prepareAnswer(question, { rcode: RCODE.NOERROR, isAuthoritative: true, answers, additionals });
}

/** Addresses beside SRV records spare the client a question; past these it may as well ask. */
const MAX_ADDITIONALS = 64;

function records(name: DnsName, ips: readonly Ip[], ttlS: number): ResourceRecord[] {
  return [...new Set(ips)].map((ip) => ({
    name,
    classCode: CLASS_IN,
    ttlS,
    data: familyOf(ip) === 4 ? { kind: 'a', ip } : { kind: 'aaaa', ip },
  }));
}

/** As many as surely fit a message: headless Services may have more endpoints than 65,535 octets of SRV records can name. */
function maxRecords(list: readonly RecordData[], domain: DnsName): number {
  const longest = list.reduce(
    (sum, data) => Math.max(sum, 'target' in data ? data.target.length : 0),
    domain.length,
  );
  const recordBytes = 12 + 6 + longest + 2;
  // Left for header, question, additional addresses and OPT.
  const reservedBytes = 600 + MAX_ADDITIONALS * (longest + 40);
  return Math.floor((MAX_MESSAGE_BYTES - reservedBytes) / recordBytes);
}
