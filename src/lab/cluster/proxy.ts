// The Service backend of a running cluster: chosen in its settings, followed until every node carries Services by it.

import { FairleadError } from '../../base/errors.ts';
import { SERVICE_BACKENDS, backendSupport } from '../../backends/registry.ts';
import type { ServiceBackend } from '../../backends/shared-node/service-backend.ts';
import { PROBES, probeMachine } from '../../sys/probe.ts';
import { until, type Missing, type WaitOptions } from './waiting.ts';
import { askAgents, firstFailure, type AgentAnswer } from './settings.ts';

/** Throws `invalid` for an unknown name, `unsupported` where this machine's kernel lacks what it needs. */
export async function checkProxy(name: string): Promise<ServiceBackend> {
  const backend = SERVICE_BACKENDS.find((it) => it.name === name);
  if (backend === undefined) {
    const known = SERVICE_BACKENDS.map((it) => it.name).join(', ');
    throw new FairleadError('invalid', `Cannot carry Services by "${name}": known are ${known}`);
  }
  const results = await probeMachine(PROBES.filter((it) => backend.needs.includes(it.name)));
  const support = backendSupport(backend, new Map(results.map((it) => [it.probe.name, it.support])));
  if (support.kind === 'yes') return backend;
  throw new FairleadError(
    'unsupported',
    `Cannot carry Services by ${name}: this machine lacks ${support.because}; "fairlead doctor" shows all`,
  );
}

/** What still drains of a backend that has left a node. */
export interface Draining {
  readonly node: string;
  readonly target: string;
  readonly why: string;
}

/** Waits until every node carries by `name` alone; gives what of others stays until its flows have ended. */
export async function untilCarried(name: string, options: WaitOptions): Promise<readonly Draining[]> {
  let draining: readonly Draining[] = [];
  await until(`the nodes to carry Services by ${name}`, options, async () => {
    const nodes = await askAgents(options);
    draining = nodes.flatMap(({ node, status }) => drainingOf(node, status));
    return nodes.flatMap(({ node, status }) => missingOf(name, node, status));
  });
  return draining;
}

function missingOf(name: string, node: string, status: AgentAnswer): readonly Missing[] {
  if (status === undefined) return [{ name: node, why: 'its agent does not answer' }];
  const { wanted, carrier, next, problem } = status.services;
  const isCarried = wanted === name && carrier === name && next === undefined;
  if (isCarried && status.engine.isConverged) return [];
  return [{ name: node, why: problem ?? firstFailure(status) }];
}

function drainingOf(node: string, status: AgentAnswer): readonly Draining[] {
  return (status?.engine.targets ?? []).flatMap((target) =>
    target.failures
      .filter((it) => it.code === 'draining')
      .map((it) => ({ node, target: target.name, why: it.error })),
  );
}
