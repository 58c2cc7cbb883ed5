// `fairlead up`: checks, raises what is missing, applies manifests, waits until all is ready, and proves it.

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { loadKubeConfig } from '../../kube/kube-config.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { openNetlink } from '../../sys/netlink.ts';
import type { Manifest } from '../manifests/load.ts';
import { applyManifest, type Applied } from '../manifests/apply.ts';
import { resolveManifests } from '../manifests/resolve.ts';
import {
  checkClusterName,
  makeClusterConfig,
  readClusterConfig,
  type ClusterConfig,
} from './cluster-config.ts';
import { addons } from './addons.ts';
import { chooseIndex, hostRoutes, refuseClashes } from './host-routes.ts';
import { untilApiReady, untilNodesReady, untilPodsReady, type WaitOptions } from './readiness.ts';
import { raiseCluster } from './raise.ts';

export interface UpOptions {
  readonly name: string;
  readonly nodeCount: number | undefined;
  readonly network: 'vxlan';
  readonly manifests: readonly Manifest[];
  readonly timeoutMs: number;
  readonly roots: PathRoots;
  readonly program: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onStep: (name: string) => void;
  readonly onDetail: (text: string) => void;
}

export interface UpReport {
  readonly cluster: ClusterConfig;
  readonly isNew: boolean;
  readonly applied: Readonly<Record<Applied, number>>;
  readonly client: KubeClient;
}

/** Nodes of a cluster where nobody says how many. */
const DEFAULT_NODES = 3;
const MAX_NODES = 32;

/** Resolves once every node, and every pod of the manifests' workloads, is ready. */
export async function up(options: UpOptions): Promise<UpReport> {
  refuseUnprivileged();
  const resolved = resolveManifests(options.manifests);
  const existing = readClusterConfig(options.roots, options.name);
  options.onStep(
    existing === undefined ? `raise cluster "${options.name}"` : `find cluster "${options.name}"`,
  );
  const cluster = existing === undefined ? await planCluster(options) : checkSame(existing, options);
  await raiseCluster({ ...options, cluster, onStep: options.onDetail });
  const wait: WaitOptions = {
    ...options,
    deadlineMs: options.clock.monotonicMs() + options.timeoutMs,
    roots: options.roots,
    cluster,
  };
  options.onStep('start the Kubernetes API');
  const access = await loadKubeConfig(clusterPaths(options.roots, cluster.name).kubeconfig);
  const client = new KubeClient(access);
  await untilApiReady(client, wait);
  options.onStep('join the nodes');
  await untilNodesReady(client, wait);
  for (const it of resolveManifests(addons(cluster))) await applyOne(client, it, options.signal);
  const applied = { created: 0, configured: 0, unchanged: 0 };
  if (resolved.length > 0) options.onStep('apply the manifests');
  for (const it of resolved) {
    options.onDetail(`${it.manifest.object.kind} ${it.manifest.object.metadata.name}`);
    applied[await applyOne(client, it, options.signal)] += 1;
  }
  options.onStep('start the pods');
  await untilPodsReady(client, wait);
  return { cluster, isNew: existing === undefined, applied, client };
}

export function refuseUnprivileged(): void {
  if (process.getuid?.() === 0) return;
  throw new FairleadError('forbidden', 'Cannot make network namespaces: root is needed (sudo fairlead ...)');
}

async function planCluster(options: UpOptions): Promise<ClusterConfig> {
  checkClusterName(options.name);
  const nodeCount = options.nodeCount ?? DEFAULT_NODES;
  if (nodeCount < 1 || nodeCount > MAX_NODES) {
    throw new FairleadError(
      'invalid',
      `Cannot raise ${nodeCount} nodes: 1 to ${MAX_NODES} on one machine (--nodes)`,
    );
  }
  const netlink = openNetlink();
  try {
    const routes = await hostRoutes(netlink, `fl-${options.name}`);
    const index = chooseIndex(routes, takenIndexes(options.roots));
    const cluster = makeClusterConfig({ name: options.name, nodeCount, network: options.network, index });
    refuseClashes('pod', cluster.podCidrs, routes);
    refuseClashes('service', cluster.serviceCidrs, routes);
    return cluster;
  } finally {
    netlink.close();
  }
}

function takenIndexes(roots: PathRoots): ReadonlySet<number> {
  mkdirSync(roots.state, { recursive: true, mode: 0o700 });
  const names = existsSync(roots.state) ? readdirSync(roots.state) : [];
  const indexes = names
    .map((name) => readClusterConfig(roots, name)?.index)
    .filter((index) => index !== undefined);
  return new Set(indexes);
}

function checkSame(existing: ClusterConfig, options: UpOptions): ClusterConfig {
  const wanted = options.nodeCount;
  if (wanted === undefined || wanted === existing.nodes.length) return existing;
  throw new FairleadError(
    'conflict',
    `Cannot raise cluster "${existing.name}" with ${wanted} nodes: it stands with ${existing.nodes.length}; "fairlead down --name ${existing.name}" first, or choose another --name`,
  );
}

async function applyOne(
  client: KubeClient,
  it: Parameters<typeof applyManifest>[1],
  signal: AbortSignal,
): Promise<Applied> {
  try {
    return await applyManifest(client, it, signal);
  } catch (error) {
    const { file, line, object } = it.manifest;
    throw new FairleadError(
      'invalid',
      `${file}:${line}: ${object.kind} ${object.metadata.name}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
