// `fairlead up`: checks, raises what is missing, applies manifests, and waits until all is ready.

import type { Clock } from '../../base/clock.ts';
import { FairleadError, hasCode } from '../../base/errors.ts';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';
import { loadKubeConfig } from '../../kube/kube-config.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { DEFINITIONS, NAMESPACES } from '../../kube/resource.ts';
import type { DefinitionObject } from '../../objects/custom/custom-version.ts';
import { SYSTEM_NAMESPACES } from '../../objects/system-namespaces.ts';
import { applyManifests, type AppliedObject } from '../manifests/apply.ts';
import { checkNamespaces, checkObjects } from '../manifests/check.ts';
import { refuse } from '../manifests/complaint.ts';
import type { Manifest } from '../manifests/load.ts';
import { isCustom, resolveManifests, type ResolvedManifest } from '../manifests/resolve.ts';
import { addons } from './addons.ts';
import { checkClusterName, readClusterConfig, type ClusterConfig } from './cluster-config.ts';
import { lockCluster, lockMachine, type LockOptions } from './cluster-lock.ts';
import { checkSame, checkWish, planCluster, type ClusterWish } from './plan-cluster.ts';
import type { Installation } from './process-table.ts';
import { checkPair } from './pairs.ts';
import { checkProxy, untilCarried } from './proxy.ts';
import { checkXdp, untilXdpIs, writeSettings } from './settings.ts';
import { raiseCluster } from './raise.ts';
import { untilApiReady, untilNodesReady, untilPodsReady, untilProgrammed } from './readiness.ts';
import type { WaitOptions } from './waiting.ts';
import { refuseLackingKernel, refuseUnbuilt, refuseUnprivileged } from './requirements.ts';
import { remains, tearDown } from './tear-down.ts';

export interface UpOptions extends ClusterWish {
  readonly manifests: readonly Manifest[];
  /** The Service backend; undefined leaves what the cluster has. */
  readonly proxy: string | undefined;
  readonly xdp: string | undefined;
  readonly timeoutMs: number;
  readonly roots: PathRoots;
  readonly installation: Installation;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onStep: (name: string) => void;
  readonly onDetail: (text: string) => void;
}

export interface UpReport {
  readonly cluster: ClusterConfig;
  readonly isNew: boolean;
  readonly applied: readonly AppliedObject[];
  /** Open; whoever called closes it. */
  readonly client: KubeClient;
}

/** Resolves once every node, and every pod of the cluster's workloads, is ready. What is wrong with the input is said before anything is made. */
export async function up(options: UpOptions): Promise<UpReport> {
  checkClusterName(options.name);
  checkWish(options);
  refuseUnprivileged();
  refuseUnbuilt(options.installation);
  await judgeBefore(options);
  if (options.proxy !== undefined) await checkProxy(options.proxy);
  if (options.xdp !== undefined) checkXdp(options.xdp);
  const { cluster, isNew } = await stand(options);
  const access = await loadKubeConfig(clusterPaths(options.roots, cluster.name).kubeconfig);
  const client = new KubeClient(access);
  try {
    const applied = await fill({ ...options, cluster }, client);
    return { cluster, isNew, applied, client };
  } catch (error) {
    client.close();
    throw explain(error, options, cluster);
  }
}

/** What a cluster has that manifests may count on. */
interface Known {
  readonly namespaces: readonly string[];
  readonly definitions: readonly DefinitionObject[];
}

/** Of a cluster that exists, namespaces and custom kinds are known once its API answers. */
async function judgeBefore({ roots, name, manifests }: UpOptions): Promise<void> {
  if (readClusterConfig(roots, name) === undefined)
    await judge(manifests, { namespaces: SYSTEM_NAMESPACES, definitions: [] });
  else await judge(manifests.filter(({ object }) => !isCustom(object.apiVersion)));
}

/** Throws `invalid` with all that is wrong with them; without `known`, of what they say themselves. */
async function judge(manifests: readonly Manifest[], known?: Known): Promise<readonly ResolvedManifest[]> {
  const { resolved, complaints } = resolveManifests(manifests, known?.definitions);
  refuse([
    ...complaints,
    ...(await checkObjects(resolved)),
    ...(known === undefined ? [] : checkNamespaces(resolved, known.namespaces)),
  ]);
  return resolved;
}

/** Makes the cluster stand, or completes it, while no other command works on it. */
async function stand(
  options: UpOptions,
): Promise<{ readonly cluster: ClusterConfig; readonly isNew: boolean }> {
  const { name, roots, clock, onStep, onDetail } = options;
  onStep(`find cluster "${name}"`);
  const lockOptions: LockOptions = { ...options, command: 'fairlead up' };
  const lock = await lockCluster(name, lockOptions);
  try {
    const existing = readClusterConfig(roots, name);
    if (existing !== undefined) checkSame(existing, options);
    await refuseLackingKernel();
    if (existing === undefined && (await remains({ cluster: name, roots })).length > 0) {
      onStep('clear what an interrupted "fairlead down" left');
      await tearDown({ cluster: name, roots, clock, onStep: onDetail });
    }
    options.signal.throwIfAborted();
    onStep(existing === undefined ? `raise cluster "${name}"` : `check cluster "${name}"`);
    const raise = (cluster: ClusterConfig): Promise<void> =>
      raiseCluster({ cluster, roots, program: options.installation.program, onStep: onDetail });
    if (existing === undefined)
      return { cluster: await raiseNew(options, { lockOptions, raise }), isNew: true };
    await raise(existing);
    return { cluster: existing, isNew: false };
  } finally {
    lock.release();
  }
}

/** The machine's lock is held until the host's link stands: by its route others see that the number is taken. */
async function raiseNew(
  options: UpOptions,
  how: { readonly lockOptions: LockOptions; readonly raise: (cluster: ClusterConfig) => Promise<void> },
): Promise<ClusterConfig> {
  const machine = await lockMachine(how.lockOptions);
  try {
    const cluster = await planCluster(options, options.roots);
    await how.raise(cluster);
    return cluster;
  } finally {
    machine.release();
  }
}

async function fill(
  options: UpOptions & { readonly cluster: ClusterConfig },
  client: KubeClient,
): Promise<readonly AppliedObject[]> {
  const { cluster, clock, signal, onStep, onDetail } = options;
  const wait: WaitOptions = { ...options, deadlineMs: clock.monotonicMs() + options.timeoutMs };
  onStep('start the Kubernetes API');
  await untilApiReady(client, wait);
  if (options.manifests.length > 0) onStep('check the manifests');
  const resolved = await judge(options.manifests, await knownIn(client, signal));
  onStep('join the nodes');
  await untilNodesReady(client, wait);
  if (options.proxy !== undefined) {
    onStep(`carry Services by ${options.proxy}`);
    await checkPair({ proxy: options.proxy }, wait);
    await writeSettings(client, { proxy: options.proxy }, signal);
    await untilCarried(options.proxy, wait);
  }
  if (options.xdp !== undefined) {
    const xdp = checkXdp(options.xdp);
    onStep(`have XDP ${xdp}`);
    await writeSettings(client, { xdp }, signal);
    await untilXdpIs(xdp, wait);
  }
  const apply = { client, signal, onDetail };
  await applyManifests(resolveManifests(addons(cluster)).resolved, apply);
  if (resolved.length > 0) onStep('apply the manifests');
  const applied = await applyManifests(resolved, apply);
  onStep('start the pods');
  await untilPodsReady(client, wait);
  onStep('program the nodes');
  await untilProgrammed(client, wait);
  return applied;
}

async function knownIn(client: KubeClient, signal: AbortSignal): Promise<Known> {
  const [namespaces, definitions] = await Promise.all([
    client.list(NAMESPACES, {}, { signal }),
    client.list(DEFINITIONS, {}, { signal }),
  ]);
  return { namespaces: namespaces.items.map((it) => it.metadata.name), definitions: definitions.items };
}

/** A cluster that goes away under a waiting `up` has been taken down by somebody: the refused connection is not the news. */
function explain(error: unknown, options: UpOptions, cluster: ClusterConfig): unknown {
  if (!hasCode(error, 'unavailable') && !hasCode(error, 'timeout')) return error;
  if (readClusterConfig(options.roots, cluster.name) !== undefined) return error;
  return new FairleadError(
    'aborted',
    `Cannot go on with cluster "${cluster.name}": it was taken down meanwhile`,
    {
      cause: error,
    },
  );
}
