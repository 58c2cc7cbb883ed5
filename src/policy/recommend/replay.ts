// The proof of a recommendation: every connection that was recorded is judged again, by the policies that there are and the recommended ones together.

import { FairleadError } from '../../base/errors.ts';
import { reasonOf } from '../assertions.ts';
import { explain } from '../explanation.ts';
import { overlaid } from '../overlay.ts';
import type { PlacedObject } from '../placed-object.ts';
import { oracleJudge } from '../policy-judge.ts';
import { readPolicyWorld, type PolicyWorld, type PolicyWorldSettings } from '../policy-world.ts';
import type { ConnectionRecord } from './connection-record.ts';
import { connectionText, type AskedConnection } from './asked-connection.ts';
import { objectOfPolicy, type RecommendedPolicy } from './recommended-policy.ts';

/** What there would be after the policies were applied. */
export function worldWith(
  placed: readonly PlacedObject[],
  policies: readonly RecommendedPolicy[],
  settings: PolicyWorldSettings,
): PolicyWorld {
  return readPolicyWorld(overlaid(placed, policies.map(placedPolicy)), settings);
}

/** With the addresses that domain names in policies had when connections were recorded. */
export function withLearned(world: PolicyWorld, { learned }: Pick<ConnectionRecord, 'learned'>): PolicyWorld {
  return { ...world, objects: { ...world.objects, learnedNames: learned } };
}

function placedPolicy(policy: RecommendedPolicy): PlacedObject {
  // The shape of an object that comes from a file.
  const object = objectOfPolicy(policy) as unknown as PlacedObject['object'];
  return { file: 'recommended', lineOf: () => 0, object };
}

/** Throws `internal`, naming the connection, where one would be denied: then the recommendation is no good. */
export function replay(world: PolicyWorld, asked: readonly AskedConnection[]): void {
  const judge = oracleJudge(world);
  const denied = asked.filter(({ question }) => !judge.judge(question).isAllowed);
  const [first] = denied;
  if (first === undefined) return;
  const why = reasonOf(explain(world, judge, first.question));
  const more = denied.length === 1 ? '' : `; and ${denied.length - 1} more`;
  throw new FairleadError(
    'internal',
    `Cannot recommend policies: ${connectionText(first.recorded)}, was seen and would be denied: ${why}${more}`,
  );
}
