// Judges assertions: what must be so against what the policies say.

import { FairleadError, hasCode } from '../base/errors.ts';
import type { Assertion, Mistake } from './assertion-file.ts';
import { explain, type Explanation, type SideExplanation } from './explanation.ts';
import { expandPattern } from './party-pattern.ts';
import { placeText } from './placed-object.ts';
import type { PolicyJudge } from './policy-judge.ts';
import type { PolicyWorld } from './policy-world.ts';
import { readQuestions, type Question } from './question.ts';

export interface AssertionResult {
  readonly assertion: Assertion;
  readonly explanation: Explanation;
  /** Undefined where it is as asserted, else what is not, in words. */
  readonly failure: string | undefined;
}

export interface AssertionQuestion {
  readonly assertion: Assertion;
  readonly question: Question;
}

/** What is to be asked, once for each workload behind a Service. Throws `invalid` naming every assertion whose ends or port the world has not. */
export function questionsOf(
  world: PolicyWorld,
  assertions: readonly Assertion[],
): readonly AssertionQuestion[] {
  const mistakes: Mistake[] = [];
  const questions = assertions.flatMap((assertion) => {
    try {
      return expandAssertion(world, assertion).flatMap((it) => {
        const settings = { namespace: it.namespace, family: 4 } as const;
        return readQuestions(world, it, settings).map((question) => ({ assertion: it, question }));
      });
    } catch (error) {
      if (!hasCode(error, 'invalid')) throw error;
      mistakes.push({ place: assertion.place, text: error.message });
      return [];
    }
  });
  refuseMistakes(mistakes);
  return questions;
}

/** An assertion about patterns as one about every name that they stand for. */
function expandAssertion(world: PolicyWorld, assertion: Assertion): readonly Assertion[] {
  const [froms, tos] = [assertion.from, assertion.to].map((it) => expandPattern(world, it, assertion));
  return (froms ?? []).flatMap((from) => (tos ?? []).map((to) => ({ ...assertion, from, to })));
}

/** Throws `invalid` as `questionsOf` does. */
export function judgeAssertions(
  world: PolicyWorld,
  judge: PolicyJudge,
  assertions: readonly Assertion[],
): readonly AssertionResult[] {
  return questionsOf(world, assertions).map(({ assertion, question }) => {
    const explanation = explain(world, judge, question);
    return { assertion, explanation, failure: failureOf(assertion, explanation) };
  });
}

/** Throws `invalid` with all of them, a line each; returns where there is none. */
export function refuseMistakes(mistakes: readonly Mistake[]): void {
  if (mistakes.length === 0) return;
  const lines = mistakes.map(({ place, text }) => `${placeText(place)}: ${text}`);
  const count = lines.length === 1 ? '1 mistake' : `${lines.length} mistakes`;
  throw new FairleadError('invalid', `Cannot use these assertions: ${count}\n${lines.join('\n')}`);
}

function failureOf({ expect, by }: Assertion, explanation: Explanation): string | undefined {
  const verdict = explanation.isAllowed ? 'allow' : 'deny';
  if (verdict !== expect) return `expected ${expect}, got ${verdict}: ${reasonOf(explanation)}`;
  if (by === undefined) return undefined;
  const deciders = decidersOf(explanation);
  if (deciders.some((it) => it === by || it.endsWith(` ${by}`) || it.endsWith(`/${by}`))) return undefined;
  return `expected by ${by}, got ${verdict} by ${deciders.length === 0 ? 'no policy' : deciders.join(', ')}`;
}

/** The sides that a verdict rests on: those that deny, or all where none does. */
function decisiveSides({
  isAllowed,
  egress,
  ingress,
}: Explanation): readonly (readonly [string, SideExplanation])[] {
  const sides = [
    ['egress', egress],
    ['ingress', ingress],
  ] as const;
  return isAllowed ? sides : sides.filter(([, side]) => !side.isAllowed);
}

function decidersOf(explanation: Explanation): readonly string[] {
  return decisiveSides(explanation).flatMap(([, { rule, isolatedBy }]) =>
    rule === undefined ? isolatedBy.map((it) => it.policy) : [rule.policy],
  );
}

/** One line: what allows, or what denies with the nearest rule. */
export function reasonOf(explanation: Explanation): string {
  const texts = decisiveSides(explanation).flatMap(([direction, side]) => {
    const { rule, isolatedBy, nearest } = side;
    if (rule !== undefined) return [`${rule.policy} ${rule.rule} (${rule.at})`];
    if (side.decision !== 'isolated') return [];
    const policies = isolatedBy.map(({ policy, at }) => `${policy} (${at})`).join(', ');
    const [miss] = nearest;
    const hint =
      miss === undefined
        ? ''
        : `; ${miss.rule} of ${miss.policy} would match if ${miss.needs.join(', and ')} (${miss.at})`;
    return [`${direction} isolated by ${policies}${hint}`];
  });
  return texts.length === 0 ? 'no policy says anything about it' : texts.join('; ');
}

/** The name of an assertion, or its connection. */
export function titleOf({ name, from, to, port, protocol, expect }: Assertion): string {
  const connection = `${from} to ${to}:${port}${protocol === undefined ? '' : `/${protocol}`}`;
  return name === undefined
    ? `${connection} is ${expect === 'allow' ? 'allowed' : 'denied'}`
    : `${name} (${connection})`;
}
