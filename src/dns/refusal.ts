// Questions that nobody here answers, and the answers that are a code alone.

import { CLASS_IN, RCODE, TYPE } from '../wire/dns/constants.ts';
import { prepareEmpty, type PreparedAnswer } from './prepared-answer.ts';
import type { Query } from './query.ts';

const EMPTY_ANSWERS: ReadonlyMap<number, PreparedAnswer> = new Map(
  [RCODE.REFUSED, RCODE.SERVFAIL, RCODE.BADVERS, RCODE.FORMERR].map((rcode) => [rcode, prepareEmpty(rcode)]),
);

export function emptyAnswer(rcode: number): PreparedAnswer {
  return EMPTY_ANSWERS.get(rcode) ?? prepareEmpty(rcode);
}

/** The code of a question that is not answered by anybody here; undefined for an ordinary one. */
export function refusalOf(query: Query): number | undefined {
  if ((query.edns?.version ?? 0) !== 0) return RCODE.BADVERS;
  if (query.classCode !== CLASS_IN) return RCODE.REFUSED;
  switch (query.typeCode) {
    case TYPE.ANY:
    case TYPE.AXFR:
    case TYPE.IXFR:
    case TYPE.OPT:
      return RCODE.REFUSED;
    default:
      return undefined;
  }
}
