// Who answers what policies say about one connection: one small interface, so that the answer can come from elsewhere.

import { judge, type PolicyVerdict } from '../oracle/policy.ts';
import { endsOf } from './party.ts';
import type { PolicyWorld } from './policy-world.ts';
import type { Question } from './question.ts';

export interface PolicyJudge {
  readonly judge: (question: Question) => PolicyVerdict;
}

/** By the oracle: every object is read for every question, which is right for some thousands of them. */
export function oracleJudge(world: PolicyWorld): PolicyJudge {
  return {
    judge: ({ from, to, family, protocol, port }) =>
      judge(world.objects, { ...endsOf(from, to), family, protocol, port }),
  };
}
