// `fairlead policy test --cluster NAME`: the same assertions against a cluster that runs, with real packets.

import { FairleadError } from '../base/errors.ts';
import { untilPoliciesProgrammed } from '../lab/cluster/programmed.ts';
import { listPolicyObjects } from '../lab/connectivity/policy-objects.ts';
import { sendPackets } from '../lab/connectivity/policy-packets.ts';
import type { Assertion } from '../policy/assertion-file.ts';
import { judgeAssertions, questionsOf } from '../policy/assertions.ts';
import { PacketPlanner } from '../policy/packet-plan.ts';
import { withPackets, type PacketResult } from '../policy/packet-results.ts';
import { oracleJudge } from '../policy/policy-judge.ts';
import { isOfPolicyWorld, readPolicyWorld } from '../policy/policy-world.ts';
import { withCluster } from './cluster-client.ts';
import { podCidrsOf, type WorldFlags } from './policy-input.ts';

export interface PacketFlags extends WorldFlags {
  readonly cluster: string;
  /** For one connection: what is dropped takes so long, twice. */
  readonly timeout: number;
  readonly quiet?: boolean;
}

const PROGRAM_TIMEOUT_MS = 60_000;

/** Waits until every node has programmed the policies that the API holds. */
export async function testWithPackets(
  assertions: readonly Assertion[],
  flags: PacketFlags,
): Promise<readonly PacketResult[]> {
  const { cluster: name, filename, quiet = false } = flags;
  if (filename.length > 0)
    throw new FairleadError(
      'invalid',
      'Cannot test: --cluster has its objects of its own, -f is for what does not run',
    );
  return withCluster(
    { name, quiet, timeout: PROGRAM_TIMEOUT_MS },
    'test',
    async ({ client, wait, progress }) => {
      progress.step('wait for the policies');
      await untilPoliciesProgrammed(client, wait);
      const all = await listPolicyObjects(client, `cluster ${name}`, wait.signal);
      const objects = all.filter(isOfPolicyWorld);
      const world = readPolicyWorld(objects, { podCidrs: podCidrsOf(flags) });
      const planner = new PacketPlanner(objects);
      const plans = questionsOf(world, assertions).map(({ question }) => planner.plan(question));
      progress.step('send packets');
      const answers = await sendPackets(plans, { ...wait, timeoutMs: flags.timeout });
      const results = judgeAssertions(world, oracleJudge(world), assertions);
      return results.map((it, i) => withPackets(it, answers[i] ?? { kind: 'not-tried', why: 'not asked' }));
    },
  );
}
