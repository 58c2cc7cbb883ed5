// `fairlead policy ...`: questions about policies in files, without a cluster.

import { stringify } from 'yaml';
import { oracleJudge } from '../policy/policy-judge.ts';
import { explain } from '../policy/explanation.ts';
import { explanationText } from '../policy/explanation-text.ts';
import { readQuestions, splitDestination } from '../policy/question.ts';
import { suggestPolicies, type SuggestedPolicy } from '../policy/suggestion.ts';
import { printForMachine } from './output.ts';
import { loadPolicyWorld, type WorldFlags } from './policy-input.ts';

interface WhyFlags extends WorldFlags {
  readonly namespace: string;
  readonly ipv6?: boolean;
  readonly suggest?: boolean;
  readonly output?: string;
}

export async function policyWhyCommand(from: string, to: string, flags: WhyFlags): Promise<void> {
  const world = await loadPolicyWorld(flags);
  const text = { from, ...splitDestination(to) };
  const settings = { namespace: flags.namespace, family: flags.ipv6 === true ? 6 : 4 } as const;
  const judge = oracleJudge(world);
  const questions = readQuestions(world, text, settings);
  if (flags.suggest === true)
    return printSuggestions(questions.flatMap((it) => suggestPolicies(world, judge, it)));
  const explanations = questions.map((it) => explain(world, judge, it));
  if (!printForMachine(explanations, flags.output))
    process.stdout.write(explanations.map(explanationText).join('\n'));
}

/** For `kubectl apply -f -`: nothing else goes to standard output. */
function printSuggestions(policies: readonly SuggestedPolicy[]): void {
  if (policies.length === 0) process.stderr.write('fairlead: nothing to suggest: it is allowed already\n');
  process.stdout.write(policies.map((it) => stringify(it)).join('---\n'));
}
