// What an operator's lines and rules make of a question, in words: they come before the zone.

import { rcodeName } from '../wire/dns/constants.ts';
import { nameFromLabels, type DnsName } from '../wire/dns/name.ts';
import type { ExplainStep } from './explain.ts';
import type { Overrides } from './overrides.ts';
import { prepareEmpty } from './prepared-answer.ts';
import { parseQuery, questionLabels } from './query.ts';

/** The step, and what is asked for in the name's place; without labels the answer is there. */
export interface ToldOverride {
  readonly step: ExplainStep;
  readonly labels: readonly string[] | undefined;
}

/** Undefined where no line and no rule is about the question. */
export async function tellOverride(
  overrides: Overrides | undefined,
  name: DnsName,
  question: Uint8Array,
): Promise<ToldOverride | undefined> {
  const parsed = parseQuery(Buffer.from(question));
  if (overrides === undefined || parsed.kind !== 'query') return undefined;
  let labels: readonly string[] | undefined;
  const answer = await overrides.answer(parsed.query, (asked) => {
    labels = questionLabels(asked);
    return { prepared: prepareEmpty(0), ageS: 0, isFromZone: true };
  });
  if (answer === undefined) return undefined;
  if (labels !== undefined)
    return { step: { name, by: 'rewrite', says: rewriteWords(name, labels) }, labels };
  const { rcode, answers } = answer.prepared;
  const says = `${rcodeName(rcode)}, ${answers === 1 ? 'one record' : `${answers} records`}`;
  return { step: { name, by: 'hosts', says }, labels };
}

function rewriteWords(name: DnsName, labels: readonly string[]): string {
  const asked = nameFromLabels(labels);
  return asked === name ? 'a rule for its time to live' : `asked for as ${asked}`;
}
