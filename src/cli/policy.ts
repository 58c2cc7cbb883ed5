// `fairlead policy ...`: questions about policies in files, without a cluster.

import { oracleJudge } from '../policy/policy-judge.ts';
import { explain } from '../policy/explanation.ts';
import { explanationText } from '../policy/explanation-text.ts';
import { readQuestion, splitDestination } from '../policy/question.ts';
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
  const question = readQuestion(world, text, {
    namespace: flags.namespace,
    family: flags.ipv6 === true ? 6 : 4,
  });
  const explanation = explain(world, oracleJudge(world), question);
  if (!printForMachine(explanation, flags.output)) process.stdout.write(explanationText(explanation));
}
