// The policy backend of a running cluster: chosen in its settings, followed until every node keeps its pods by it.

import { POLICY_BACKENDS, backendSupport } from '../../backends/registry.ts';
import { FairleadError } from '../../base/errors.ts';
import { PROBES, probeMachine } from '../../sys/probe.ts';
import { askAgents, firstFailure } from './settings.ts';
import { until, type WaitOptions } from './waiting.ts';

/** Throws `invalid` for an unknown name, `unsupported` where this machine's kernel lacks what it needs. */
export async function checkPolicyBackend(name: string): Promise<void> {
  const backend = POLICY_BACKENDS.find((it) => it.name === name);
  if (backend === undefined) {
    const known = POLICY_BACKENDS.map((it) => it.name).join(', ');
    throw new FairleadError('invalid', `Cannot keep policies by "${name}": known are ${known}`);
  }
  const results = await probeMachine(PROBES.filter((it) => backend.needs.includes(it.name)));
  const support = backendSupport(backend, new Map(results.map((it) => [it.probe.name, it.support])));
  if (support.kind === 'yes') return;
  throw new FairleadError(
    'unsupported',
    `Cannot keep policies by ${name}: this machine lacks ${support.because}; "fairlead doctor" shows all`,
  );
}

/** Waits until every node keeps its pods to their policies by `name` alone. */
export async function untilKept(name: string, options: WaitOptions): Promise<void> {
  await until(`the nodes to keep policies by ${name}`, options, async () => {
    const nodes = await askAgents(options);
    return nodes.flatMap(({ node, status }) => {
      if (status === undefined) return [{ name: node, why: 'its agent does not answer' }];
      const { wanted, carrier, next, problem } = status.policies;
      const isKept = wanted === name && carrier === name && next === undefined;
      return isKept && status.engine.isConverged
        ? []
        : [{ name: node, why: problem ?? firstFailure(status) }];
    });
  });
}
