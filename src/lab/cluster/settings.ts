// The settings of a running cluster (src/objects/cluster-settings.ts): written, and followed until every node lives by them.

import type { AgentStatus } from '../../agent/status.ts';
import { FairleadError, hasCode } from '../../base/errors.ts';
import { nodePaths } from '../../base/paths.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import { CONFIG_MAPS } from '../../kube/resource.ts';
import { CLUSTER_SETTINGS, XDP_MODES, type XdpMode } from '../../objects/cluster-settings.ts';
import { getJson } from './unix-http.ts';
import { until, type WaitOptions } from './waiting.ts';

/** Writes some settings; the others stay. */
export async function writeSettings(
  client: KubeClient,
  data: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
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

/** Undefined where the agent does not answer. */
export type AgentAnswer = Pick<AgentStatus, 'services' | 'policies' | 'xdp' | 'engine'> | undefined;

export interface NodeAnswer {
  readonly node: string;
  readonly status: AgentAnswer;
}

/** What the agent of every node says of itself. */
export async function askAgents(options: WaitOptions): Promise<readonly NodeAnswer[]> {
  return Promise.all(options.cluster.nodes.map(({ name }) => askAgent(name, options)));
}

async function askAgent(node: string, { cluster, roots, signal }: WaitOptions): Promise<NodeAnswer> {
  const socket = nodePaths(roots, cluster.name, node).agentSocket;
  // The agent is a process of ours, of this very version.
  const status = (await getJson(socket, '/status', signal).catch(() => undefined)) as AgentAnswer;
  return { node, status };
}

/** The first thing that a node cannot do, drains excepted. */
export function firstFailure(status: Exclude<AgentAnswer, undefined>): string | undefined {
  const failures = status.engine.targets.flatMap((it) => it.failures);
  return failures.find(({ code }) => code !== 'draining')?.error;
}

/** Throws `invalid` for an unknown word. */
export function checkXdp(text: string): XdpMode {
  const mode = XDP_MODES.find((it) => it === text);
  if (mode !== undefined) return mode;
  throw new FairleadError('invalid', `Cannot set xdp to "${text}": known are ${XDP_MODES.join(', ')}`);
}

/** Waits until every node has XDP as wanted; gives the backend that carries Services on each. */
export async function untilXdpIs(
  mode: XdpMode,
  options: WaitOptions,
): Promise<ReadonlyMap<string, string | undefined>> {
  let carriers: ReadonlyMap<string, string | undefined> = new Map();
  await until(`the nodes to have XDP ${mode}`, options, async () => {
    const nodes = await askAgents(options);
    carriers = new Map(nodes.map(({ node, status }) => [node, status?.services.carrier]));
    return nodes.flatMap(({ node, status }) => {
      if (status === undefined) return [{ name: node, why: 'its agent does not answer' }];
      if (status.xdp === mode && status.engine.isConverged) return [];
      return [{ name: node, why: firstFailure(status) }];
    });
  });
  return carriers;
}
