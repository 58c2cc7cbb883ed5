// A pod's search list completed at its first question, as CoreDNS's autopath does: the names that the pod would ask for next are looked up here, and
// the first that exists answers, behind a CNAME from the name that was asked.

import type { Clock } from '../base/clock.ts';
import { CLASS_IN, RCODE } from '../wire/dns/constants.ts';
import type { Question, ResourceRecord } from '../wire/dns/message.ts';
import { nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import { resolveAlias, type AliasContext } from './alias.ts';
import type { OutsideAnswer } from './outside.ts';
import { prepareAnswer, type PreparedAnswer } from './prepared-answer.ts';
import { recordsOfPrepared } from './prepared-records.ts';
import type { Random } from './random.ts';
import { prepareAddressAnswer, prepareZoneAnswer } from './zone-answer.ts';
import { lookUp } from './zone-lookup.ts';

export interface CompletionContext extends AliasContext {
  readonly random: Random;
  /** As `Clock.sleep`; undefined where others' answers are waited for without end. */
  readonly sleep: Clock['sleep'] | undefined;
}

/** Others' servers answer long before it. Where they are silent, a name that the cluster has not is denied without them. */
const PATIENCE_MS = 1_000;

export interface Completed {
  readonly prepared: PreparedAnswer;
  /** The name of the chain that exists. */
  readonly name: DnsName;
  readonly isFromZone: boolean;
}

/** The answer to `question` by the first name of `chain` that exists, whatever records it has; undefined where none does, or nobody can say. */
export async function completeSearch(
  question: Question,
  chain: readonly (readonly string[])[],
  context: CompletionContext,
): Promise<Completed | undefined> {
  for (const labels of chain) {
    const name = nameFromLabels(labels);
    const found = await answerOf({ ...question, name }, labels, context);
    if (found === 'no-name') continue;
    if (found === 'failed') return undefined;
    const { answer, isFromZone } = found;
    const records = recordsOfPrepared(labels, answer.prepared, answer.ageS);
    const answers = answer.prepared.isShuffled ? shuffled(records.answers, context.random) : records.answers;
    const { rcode, isAuthoritative, isPartial } = answer.prepared;
    const prepared = prepareAnswer(question, {
      rcode,
      isAuthoritative,
      isPartial,
      answers: [...cname(question.name, name, answers), ...answers],
      authorities: records.authorities,
    });
    return { prepared, name, isFromZone };
  }
  return undefined;
}

interface Found {
  readonly answer: OutsideAnswer;
  readonly isFromZone: boolean;
}

/** A failure ends the search, since the name may exist, and then no later one is meant: the client goes on by itself, and hears of it. */
async function answerOf(
  question: Question,
  labels: readonly string[],
  context: CompletionContext,
): Promise<Found | 'no-name' | 'failed'> {
  const { zone, settings } = context;
  const found = lookUp(zone.index, settings, labels, question.typeCode);
  if (found.kind === 'no-name') return 'no-name';
  if (found.kind === 'outside') {
    const answer = await patiently(context.askOutside(labels), context);
    if (answer?.prepared.rcode === RCODE.NXDOMAIN) return 'no-name';
    return answer?.prepared.rcode === RCODE.NOERROR ? { answer, isFromZone: false } : 'failed';
  }
  if (found.kind === 'alias') {
    const prepared = await resolveAlias(question, found.target, context);
    return { answer: { prepared, ageS: 0 }, isFromZone: true };
  }
  const prepared =
    prepareAddressAnswer(found, settings) ?? prepareZoneAnswer(question, found, settings, zone.revision ?? 0);
  return { answer: { prepared, ageS: 0 }, isFromZone: true };
}

async function patiently(
  answering: OutsideAnswer | Promise<OutsideAnswer>,
  { sleep }: CompletionContext,
): Promise<OutsideAnswer | undefined> {
  if (sleep === undefined || !(answering instanceof Promise)) return answering;
  const patience = new AbortController();
  const late = sleep(PATIENCE_MS, patience.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([answering, late]);
  } finally {
    patience.abort();
  }
}

/** None before an answer without records, as CoreDNS has it: it says of the name asked that it has none, which ends musl's search. */
function cname(owner: DnsName, target: DnsName, answers: readonly ResourceRecord[]): ResourceRecord[] {
  const [first] = answers;
  if (first === undefined) return [];
  return [{ name: owner, classCode: CLASS_IN, ttlS: first.ttlS, data: { kind: 'cname', target } }];
}

/** Fisher-Yates: addresses of a headless Service come in another order each time. */
function shuffled(records: readonly ResourceRecord[], random: Random): readonly ResourceRecord[] {
  const list = [...records];
  for (let i = list.length - 1; i > 0; i--) {
    const other = Math.floor(random.fraction() * (i + 1));
    const [a, b] = [list[i], list[other]];
    if (a === undefined || b === undefined) continue;
    list[i] = b;
    list[other] = a;
  }
  return list;
}
