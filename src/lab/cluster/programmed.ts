// Whether every node carries what the API holds now: endpoint slices made of the pods, and each agent's receipt for them.

import { nodePaths } from '../../base/paths.ts';
import { ENDPOINT_SLICE_KINDS, reconcileSlices } from '../../controllers/endpoint-slices.ts';
import { storeKind } from '../../controllers/cluster-cache.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import {
  CLUSTER_NETWORK_POLICIES,
  ENDPOINT_SLICES,
  IDENTITIES,
  keyOfName,
  NAMESPACES,
  NETWORK_POLICIES,
  NODES,
  SERVICES,
  type ObjectName,
  type ResourceRef,
} from '../../kube/resource.ts';
import { compareResourceVersions } from '../../kube/resource-version.ts';
import { keyOf, type KubeObject } from '../../objects/meta.ts';
import { Store } from '../../store/store.ts';
import type { TableReader } from '../../store/table.ts';
import { SERVICE_NAME_LABEL } from '../../objects/endpoint-slice.ts';
import { until, type Missing, type WaitOptions } from './waiting.ts';
import { getJson } from './unix-http.ts';

/** Kind -> the version that a node has to have programmed. */
export type NeededVersions = ReadonlyMap<string, string>;

/** The part of an agent's status that is read here. */
interface Receipt {
  readonly programmed?: Readonly<Record<string, string>>;
  readonly waitingFor?: readonly string[];
}

/** Kinds that decide what a node's Services and names are. */
const DECIDING: readonly ResourceRef[] = [NODES, SERVICES, ENDPOINT_SLICES];

/** Services whose endpoint slices are not yet what their pods say; where there are none, what nodes have to have programmed. */
export async function unsettledServices(
  client: KubeClient,
  signal: AbortSignal,
): Promise<{ readonly missing: readonly Missing[]; readonly needed: NeededVersions }> {
  const cluster = await readCluster(client, signal);
  const missing = [...cluster.of(SERVICES).keys()]
    .filter((key) => reconcileSlices(key, { cluster }).length > 0)
    .map((key) => ({ name: `endpoint slices of ${key}` }));
  const needed = DECIDING.map(
    (resource) => [resource.kind, newestVersion(cluster.of(resource).values())] as const,
  );
  return { missing, needed: new Map(needed) };
}

/** Nodes that have not programmed these versions, each with what its agent waits for. */
export async function behindNodes(
  needed: NeededVersions,
  { cluster, roots, signal }: Pick<WaitOptions, 'cluster' | 'roots' | 'signal'>,
): Promise<readonly Missing[]> {
  const missing = await Promise.all(
    cluster.nodes.map(async ({ name }): Promise<readonly Missing[]> => {
      const socket = nodePaths(roots, cluster.name, name).agentSocket;
      const receipt = await getJson(socket, '/status', signal).catch(() => undefined);
      // The agent is a process of ours, of this very version.
      const { programmed = {}, waitingFor = ['its agent to answer'] } = (receipt ?? {}) as Receipt;
      const behind = [...needed].filter(
        ([kind, version]) => compareResourceVersions(programmed[kind] ?? '', version) < 0,
      );
      if (behind.length === 0) return [];
      const kinds = behind.map(([kind]) => `${kind}s`).join(', ');
      return [{ name: `${name} to program ${kinds}`, why: waitingFor[0] }];
    }),
  );
  return missing.flat();
}

/** Waits until the Service's endpoint slices are what its pods say, and every node has programmed both. */
export async function untilServiceProgrammed(
  client: KubeClient,
  service: ObjectName,
  options: WaitOptions,
): Promise<void> {
  const key = keyOfName(service);
  let needed: NeededVersions = new Map();
  await until('its endpoint slices', options, async () => {
    const cluster = await readCluster(client, options.signal);
    const slices = [...cluster.of(ENDPOINT_SLICES).entries()].filter(
      ([, { metadata }]) =>
        metadata.namespace === service.namespace && metadata.labels?.[SERVICE_NAME_LABEL] === service.name,
    );
    needed = new Map([
      [SERVICES.kind, cluster.of(SERVICES).get(key)?.metadata.resourceVersion ?? ''],
      [ENDPOINT_SLICES.kind, newestVersion(slices.map(([, slice]) => slice))],
    ]);
    return reconcileSlices(key, { cluster }).length > 0 ? [{ name: `endpoint slices of ${key}` }] : [];
  });
  await until('the nodes to program it', options, () => behindNodes(needed, options));
}

/** Kinds that decide what nodes let pass. */
const POLICY_KINDS: readonly ResourceRef[] = [
  NODES,
  NAMESPACES,
  NETWORK_POLICIES,
  CLUSTER_NETWORK_POLICIES,
  IDENTITIES,
];

/** Waits until every node has programmed the policies that the API holds now. */
export async function untilPoliciesProgrammed(client: KubeClient, options: WaitOptions): Promise<void> {
  const { signal } = options;
  const needed = await Promise.all(
    POLICY_KINDS.map(async (kind): Promise<readonly [string, string]> => {
      const { items } = await client.list(kind, {}, { signal });
      return [kind.kind, newestVersion(items)];
    }),
  );
  await until('the nodes to program the policies', options, () => behindNodes(new Map(needed), options));
}

async function readCluster(client: KubeClient, signal: AbortSignal): Promise<ClusterReader> {
  const store = new Store();
  await Promise.all(
    ENDPOINT_SLICE_KINDS.map(async (kind) => {
      const { items } = await client.list(kind.resource, {}, { signal });
      store.table(storeKind(kind)).replace(new Map(items.map((item) => [keyOf(item), item])));
    }),
  );
  const kinds = new Map(ENDPOINT_SLICE_KINDS.map((kind) => [kind.resource.plural, storeKind(kind)]));
  return {
    of: <T extends KubeObject>(resource: ResourceRef<T>): TableReader<T> => {
      const kind = kinds.get(resource.plural) ?? { name: resource.plural };
      // The table of a resource holds that resource's objects only.
      return store.table<KubeObject>(kind) as unknown as TableReader<T>;
    },
  };
}

function newestVersion(objects: Iterable<KubeObject>): string {
  const versions = [...objects].map(({ metadata }) => metadata.resourceVersion);
  return versions.reduce((a, b) => (compareResourceVersions(a, b) < 0 ? b : a), '');
}
