// `fairlead policy ...`: questions about policies in files, without a cluster.

import { oracleJudge } from '../policy/policy-judge.ts';
import { explain } from '../policy/explanation.ts';
import { explanationText } from '../policy/explanation-text.ts';
import { readQuestions, splitDestination } from '../policy/question.ts';
import { printForMachine } from './output.ts';
import { loadPolicyWorld, type WorldFlags } from './policy-input.ts';

interface WhyFlags extends WorldFlags {
  readonly namespace: string;
  readonly ipv6?: boolean;
  readonly output?: string;
}

export async function policyWhyCommand(from: string, to: string, flags: WhyFlags): Promise<void> {
  const world = await loadPolicyWorld(flags);
  const text = { from, ...splitDestination(to) };
  const settings = { namespace: flags.namespace, family: flags.ipv6 === true ? 6 : 4 } as const;
  const judge = oracleJudge(world);
  const explanations = readQuestions(world, text, settings).map((it) => explain(world, judge, it));
  if (!printForMachine(explanations, flags.output))
    process.stdout.write(explanations.map(explanationText).join('\n'));
}
