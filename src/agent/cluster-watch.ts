// The agent's copy of the cluster: one list-watch per kind into one store. Survives any absence of the API: the copy just ages.

import { KubeClient } from '../kube/kube-client.ts';
import { loadKubeConfig } from '../kube/kube-config.ts';
import { ListWatch, type ListWatchHealth } from '../kube/list-watch.ts';
import type { ClusterObjects } from '../compile/cluster-objects.ts';
import type { PolicyObjects } from '../compile/policy/policy-objects.ts';
import { Store, type Snapshot } from '../store/store.ts';
import type { AgentContext } from './agent-context.ts';
import {
  CLUSTER_NETWORK_POLICY_KIND,
  ENDPOINT_SLICE_KIND,
  IDENTITY_KIND,
  NAMESPACE_KIND,
  NETWORK_POLICY_KIND,
  NODE_KIND,
  POD_KIND,
  SERVICE_KIND,
  watchedKinds,
  type WatchedKind,
} from './watched-kinds.ts';

/** How one kind's watch is doing; times are monotonic. */
export interface WatchStatus extends ListWatchHealth {
  readonly kind: string;
  readonly objects: number;
  /** The API's resource version that the copy has reached; empty before the first list. */
  readonly version: string;
}

export interface ClusterWatch {
  /** By which the API is asked. */
  readonly client: KubeClient;
  readonly store: Store;
  status(): readonly WatchStatus[];
}

/** Starts the watches; they end with the lifetime. `onSlice` is shown each EndpointSlice as it comes. */
export async function startClusterWatch(
  context: AgentContext,
  onSlice: (raw: unknown) => void = () => undefined,
): Promise<ClusterWatch> {
  const { config, lifetime } = context;
  const access = await loadKubeConfig(config.kubeconfig);
  const client = lifetime.own('API connections', new KubeClient(access), (it) => it.close());
  const store = new Store();
  const watches = watchedKinds().map((kind) => startWatch(kind, { context, client, store, onSlice }));
  return { client, store, status: () => watches.map((status) => status()) };
}

interface WatchParts {
  readonly context: AgentContext;
  readonly client: KubeClient;
  readonly store: Store;
  readonly onSlice: (raw: unknown) => void;
}

function startWatch(
  watched: WatchedKind,
  { context, client, store, onSlice }: WatchParts,
): () => WatchStatus {
  const { clock, random, lifetime, log, fail } = context;
  const table = store.table(watched.kind);
  const kind = watched.kind.name;
  const watch = new ListWatch({
    client,
    resource: watched.resource,
    selection: watched.selection,
    convert: (object) => {
      const slim = watched.parse(object);
      if (watched.kind === ENDPOINT_SLICE_KIND) onSlice(object);
      return slim;
    },
    ...(watched.whenRefused === undefined ? {} : { whenRefused: watched.whenRefused }),
    sink: table,
    clock,
    random,
    onProblem: (err, retryInMs) => log.warn({ kind, err, retryInMs: Math.round(retryInMs) }, err.message),
  });
  const running = watch.run(lifetime.signal).catch(fail);
  lifetime.defer(`watch of ${kind}`, () => running);
  return () => ({ kind, objects: table.size, version: watch.revision, ...watch.health() });
}

/** The objects of a snapshot as compile takes them. */
export function clusterObjectsOf(snapshot: Snapshot): ClusterObjects {
  return {
    nodes: snapshot.of(NODE_KIND).objects,
    pods: snapshot.of(POD_KIND).objects,
    services: snapshot.of(SERVICE_KIND).objects,
    endpointSlices: snapshot.of(ENDPOINT_SLICE_KIND).objects,
  };
}

/** Undefined until everything that decides who may speak to whom is listed. */
export function policyObjectsOf(snapshot: Snapshot): Omit<PolicyObjects, 'learned'> | undefined {
  const tables = {
    nodes: snapshot.of(NODE_KIND),
    pods: snapshot.of(POD_KIND),
    services: snapshot.of(SERVICE_KIND),
    namespaces: snapshot.of(NAMESPACE_KIND),
    networkPolicies: snapshot.of(NETWORK_POLICY_KIND),
    clusterNetworkPolicies: snapshot.of(CLUSTER_NETWORK_POLICY_KIND),
    identities: snapshot.of(IDENTITY_KIND),
  };
  if (!Object.values(tables).every((it) => it.isSynced)) return undefined;
  return {
    nodes: tables.nodes.objects,
    pods: tables.pods.objects,
    services: tables.services.objects,
    namespaces: tables.namespaces.objects,
    networkPolicies: tables.networkPolicies.objects,
    clusterNetworkPolicies: tables.clusterNetworkPolicies.objects,
    identities: tables.identities.objects,
  };
}
