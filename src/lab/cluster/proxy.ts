// The Service backend of a running cluster: chosen in its settings, followed until every node carries Services by it.

import { nodePaths } from '../../base/paths.ts';
import { FairleadError, hasCode } from '../../base/errors.ts';
import { SERVICE_BACKENDS, serviceSupport } from '../../backends/registry.ts';
import type { ServiceBackend } from '../../backends/shared-node/service-backend.ts';
import type { AgentStatus } from '../../agent/status.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { CONFIG_MAPS } from '../../kube/resource.ts';
import { CLUSTER_SETTINGS } from '../../objects/cluster-settings.ts';
import type { KeyFailure } from '../../reconcile/status.ts';
import { PROBES, probeMachine } from '../../sys/probe.ts';
import { until, type Missing, type WaitOptions } from './waiting.ts';
import { getJson } from './unix-http.ts';

/** Throws `invalid` for an unknown name, `unsupported` where this machine's kernel lacks what it needs. */
export async function checkProxy(name: string): Promise<ServiceBackend> {
  const backend = SERVICE_BACKENDS.find((it) => it.name === name);
  if (backend === undefined) {
    const known = SERVICE_BACKENDS.map((it) => it.name).join(', ');
    throw new FairleadError('invalid', `Cannot carry Services by "${name}": known are ${known}`);
  }
  const results = await probeMachine(PROBES.filter((it) => backend.needs.includes(it.name)));
  const support = serviceSupport(backend, new Map(results.map((it) => [it.probe.name, it.support])));
  if (support.kind === 'yes') return backend;
  throw new FairleadError(
    'unsupported',
    `Cannot carry Services by ${name}: this machine lacks ${support.because}; "fairlead doctor" shows all`,
  );
}

/** Writes the choice into the cluster's settings; other settings stay. */
export async function writeProxy(client: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const data = { proxy: name };
  const metadata = { ...CLUSTER_SETTINGS };
  try {
    await client.patch(
      CONFIG_MAPS,
      CLUSTER_SETTINGS,
      { data },
      { type: 'merge', fieldManager: 'fairlead', signal },
    );
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error;
    await client.create(CONFIG_MAPS, { metadata, data }, { signal });
  }
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
    const nodes = await Promise.all(options.cluster.nodes.map(({ name: node }) => askAgent(node, options)));
    draining = nodes.flatMap(({ node, status }) => drainingOf(node, status));
    return nodes.flatMap(({ node, status }) => missingOf(name, node, status));
  });
  return draining;
}

type AgentAnswer = Pick<AgentStatus, 'services' | 'engine'> | undefined;

async function askAgent(
  node: string,
  { cluster, roots, signal }: WaitOptions,
): Promise<{ readonly node: string; readonly status: AgentAnswer }> {
  const socket = nodePaths(roots, cluster.name, node).agentSocket;
  // The agent is a process of ours, of this very version.
  const status = (await getJson(socket, '/status', signal).catch(() => undefined)) as AgentAnswer;
  return { node, status };
}

function missingOf(name: string, node: string, status: AgentAnswer): readonly Missing[] {
  if (status === undefined) return [{ name: node, why: 'its agent does not answer' }];
  const { wanted, carrier, next, problem } = status.services;
  const isCarried = wanted === name && carrier === name && next === undefined;
  if (isCarried && status.engine.isConverged) return [];
  const failure = status.engine.targets.flatMap((it) => it.failures.filter(isError))[0];
  return [{ name: node, why: problem ?? failure?.error }];
}

function drainingOf(node: string, status: AgentAnswer): readonly Draining[] {
  return (status?.engine.targets ?? []).flatMap((target) =>
    target.failures.filter((it) => !isError(it)).map((it) => ({ node, target: target.name, why: it.error })),
  );
}

function isError({ code }: KeyFailure): boolean {
  return code !== 'draining';
}
