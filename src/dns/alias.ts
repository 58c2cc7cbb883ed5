// ExternalName Services: the CNAME and what its target is, followed within the zone and out of it (RFC 1034 3.6.2).

import { CLASS_IN, RCODE, TYPE } from '../wire/dns/constants.ts';
import type { Question, ResourceRecord } from '../wire/dns/message.ts';
import { labelsOf, type DnsName } from '../wire/dns/name.ts';
import type { OutsideAnswer } from './outside.ts';
import { prepareAnswer, type PreparedAnswer } from './prepared-answer.ts';
import { recordsOfPrepared } from './prepared-records.ts';
import { soaRecord, type ZoneSettings } from './zone-answer.ts';
import { lookUp } from './zone-lookup.ts';
import type { ZoneState } from './zone-state.ts';

/** Aliases that are followed in a row; a circle of ExternalName Services ends here. */
const MAX_ALIASES = 8;

export interface AliasContext {
  readonly zone: ZoneState;
  readonly settings: ZoneSettings;
  readonly askOutside: (labels: readonly string[]) => OutsideAnswer | Promise<OutsideAnswer>;
}

interface Chain {
  readonly records: ResourceRecord[];
  rcode: number;
  authorities: readonly ResourceRecord[];
}

/** The answer to `question` whose name stands for `target`. */
export async function resolveAlias(
  question: Question,
  target: DnsName,
  context: AliasContext,
): Promise<PreparedAnswer> {
  const chain: Chain = { records: [], rcode: RCODE.NOERROR, authorities: [] };
  addCname(chain, question.name, target, context);
  if (question.typeCode !== TYPE.CNAME) await follow(chain, target, question.typeCode, context);
  return prepareAnswer(question, {
    rcode: chain.rcode,
    isAuthoritative: true,
    answers: chain.records,
    authorities: chain.authorities,
  });
}

function addCname(chain: Chain, owner: DnsName, target: DnsName, context: AliasContext): void {
  const data = { kind: 'cname', target } as const;
  chain.records.push({ name: owner, classCode: CLASS_IN, ttlS: context.settings.ttlS, data });
}

async function follow(chain: Chain, first: DnsName, typeCode: number, context: AliasContext): Promise<void> {
  const { zone, settings } = context;
  for (let name = first, aliases = 1; ; aliases++) {
    const labels = labelsOf(name);
    const answer = lookUp(zone.index, settings, labels, typeCode);
    if (answer.kind === 'alias') {
      if (aliases >= MAX_ALIASES) chain.rcode = RCODE.SERVFAIL;
      if (aliases >= MAX_ALIASES) return;
      addCname(chain, name, answer.target, context);
      name = answer.target;
      continue;
    }
    if (answer.kind === 'outside') return followOutside(chain, labels, await context.askOutside(labels));
    if (answer.kind === 'no-name') chain.rcode = RCODE.NXDOMAIN;
    const records = answer.kind === 'name' ? answer.records : [];
    for (const data of records) {
      chain.records.push({ name, classCode: CLASS_IN, ttlS: settings.ttlS, data });
    }
    if (records.length === 0) chain.authorities = [soaRecord(answer.apex, settings, zone.revision ?? 0)];
    return;
  }
}

function followOutside(chain: Chain, labels: readonly string[], outside: OutsideAnswer): void {
  const { prepared, ageS } = outside;
  const { answers, authorities } = recordsOfPrepared(labels, prepared, ageS);
  chain.rcode = prepared.rcode;
  chain.records.push(...answers);
  chain.authorities = authorities;
}
