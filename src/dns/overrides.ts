// The step before the zone: questions that an operator's rules and hosts lines answer, or ask under another name.

import { CLASS_IN, RCODE, TYPE } from '../wire/dns/constants.ts';
import type { Question, RecordData, ResourceRecord } from '../wire/dns/message.ts';
import { isWithin, labelsOf, nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import type { FinishedAnswer } from './finished-answer.ts';
import { lookUpHosts, type HostsTable } from './hosts-file.ts';
import type { HostsSettings, OverrideZone } from './override-config.ts';
import { prepareAnswer, prepareEmpty, withTtl, type PreparedAnswer } from './prepared-answer.ts';
import { recordsOfPrepared } from './prepared-records.ts';
import { keyOfQuestion, questionLabels, type Query } from './query.ts';
import { rewrite, type Rewritten } from './rewrite.ts';

type Answer = FinishedAnswer | Promise<FinishedAnswer>;

export interface OverrideParts {
  readonly zones: readonly OverrideZone[];
  /** The newest table of a zone's hosts lines. */
  readonly tableOf: (hosts: HostsSettings) => HostsTable;
}

export class Overrides {
  readonly #parts: OverrideParts;

  constructor(parts: OverrideParts) {
    this.#parts = parts;
  }

  /** Undefined where nothing here is about the question; `inner` answers what is asked for in its place. */
  answer(query: Query, inner: (query: Query) => Answer): Answer | undefined {
    if (query.classCode !== CLASS_IN || (query.edns?.version ?? 0) !== 0) return undefined;
    const name = nameFromLabels(questionLabels(query));
    const zone = this.#parts.zones.find((it) => isWithin(name, it.zone));
    if (zone === undefined) return undefined;
    const rewritten = rewrite(zone.rewrite, name);
    if (rewritten === undefined) return this.#fromHosts(zone, query, name);
    const labels = labelsOf(rewritten.name);
    const asked: Query = { ...query, key: keyOfQuestion(labels, query.typeCode) };
    const question = { name, typeCode: query.typeCode, classCode: CLASS_IN };
    const answer = this.#fromHosts(zone, asked, rewritten.name) ?? inner(asked);
    const back = (it: FinishedAnswer): FinishedAnswer => toldBack(question, it, rewritten);
    return answer instanceof Promise ? answer.then(back) : back(answer);
  }

  #fromHosts({ hosts }: OverrideZone, { typeCode }: Query, name: DnsName): FinishedAnswer | undefined {
    if (hosts === undefined || !hosts.zones.some((it) => isWithin(name, it))) return undefined;
    const isReverse = typeCode === TYPE.PTR && !hosts.reverse;
    const records = isReverse ? undefined : lookUpHosts(this.#parts.tableOf(hosts), labelsOf(name), typeCode);
    if (records !== undefined) return own(prepareHosts(name, typeCode, records, hosts.ttlS));
    return hosts.fallthrough.some((it) => isWithin(name, it)) ? undefined : own(SERVFAIL);
  }
}

/** Without lines of its own the zone has no SOA that would make a denial of it: CoreDNS fails as well. */
const SERVFAIL = prepareEmpty(RCODE.SERVFAIL);

function own(prepared: PreparedAnswer): FinishedAnswer {
  return { prepared, ageS: 0, isFromZone: true };
}

function prepareHosts(
  name: DnsName,
  typeCode: number,
  records: readonly RecordData[],
  ttlS: number,
): PreparedAnswer {
  const answers = records.map((data) => ({ name, classCode: CLASS_IN, ttlS, data }));
  const question = { name, typeCode, classCode: CLASS_IN };
  return prepareAnswer(question, { rcode: RCODE.NOERROR, isAuthoritative: true, answers });
}

/** The answer to another question as that to the client's. */
function toldBack(question: Question, finished: FinishedAnswer, rewritten: Rewritten): FinishedAnswer {
  const { prepared, ageS } = finished;
  const { ttlS } = rewritten;
  if (prepared.starts.length === 0) return finished;
  // Addresses of whoever is asked for, by a pointer to the question: they are so for any question.
  if (prepared.isShuffled) {
    const bounded = ttlS === undefined ? prepared : withTtl(prepared, within(firstTtl(prepared), ttlS));
    return { ...finished, prepared: bounded };
  }
  const records = recordsOfPrepared(labelsOf(rewritten.name), prepared, ageS);
  const told = (list: readonly ResourceRecord[]): readonly ResourceRecord[] =>
    list.map((record) => ({
      ...record,
      name: rewritten.back(record.name),
      ttlS: ttlS === undefined ? record.ttlS : within(record.ttlS, ttlS),
      data: toldData(record.data, rewritten.back),
    }));
  const { rcode, isAuthoritative, isPartial } = prepared;
  const answers = told(records.answers);
  const authorities = told(records.authorities);
  const additionals = told(records.additionals);
  const parts = { rcode, isAuthoritative, isPartial, answers, authorities, additionals };
  return { ...finished, prepared: prepareAnswer(question, parts), ageS: 0 };
}

function toldData(data: RecordData, back: Rewritten['back']): RecordData {
  return 'target' in data ? { ...data, target: back(data.target) } : data;
}

function firstTtl(prepared: PreparedAnswer): number {
  return prepared.body.readUInt32BE(prepared.ttls[0] ?? 0);
}

function within(ttlS: number, [minS, maxS]: readonly [number, number]): number {
  return Math.min(maxS, Math.max(minS, ttlS));
}
