// Who needs an identity: pods that have not finished, and the templates from which pods will be made, so that a pod's number is known before the
// pod is. And how the cache finds them: by their labels without those of single instances, of which there are as many as workloads, not as pods.

import {
  CLUSTER_NETWORK_POLICIES,
  CRON_JOBS,
  DAEMON_SETS,
  DEPLOYMENTS,
  IDENTITIES,
  JOBS,
  NETWORK_POLICIES,
  PODS,
  REPLICA_SETS,
  STATEFUL_SETS,
  type ResourceRef,
} from '../kube/resource.ts';
import {
  identityKey,
  identityLabels,
  INSTANCE_LABELS,
  parseIdentity,
  type IdentityLabels,
} from '../objects/identity.ts';
import type { KubeObject } from '../objects/meta.ts';
import { parseClusterNetworkPolicy } from '../objects/cluster-network-policy.ts';
import { mentionedKeys } from '../objects/mentioned-labels.ts';
import { parseNetworkPolicy } from '../objects/network-policy.ts';
import { cachedKind, type CachedKind } from './cluster-cache.ts';
import type { ClusterReader } from './controller.ts';
import { isFinished } from './pod-state.ts';

/** Of users: key of their labels without those of single instances. Of Identities: key of the labels that they stand for. */
export const BY_IDENTITY = 'identity';
/** Of policies: the labels of single instances that they ask for. */
const BY_MENTIONED = 'mentioned';

/** A kind whose objects need identities. */
export interface IdentityUser {
  readonly resource: ResourceRef;
  /** All labels that the object's pods have; undefined where it needs no identity. */
  readonly labelsOf: (object: KubeObject) => IdentityLabels | undefined;
}

interface PodLike {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: { readonly hostNetwork?: boolean };
}

export const IDENTITY_USERS: readonly IdentityUser[] = [
  userKind(PODS, (pod) => (isFinished(pod) ? undefined : pod)),
  userKind(DEPLOYMENTS, ({ spec }) => spec?.template),
  userKind(REPLICA_SETS, ({ spec }) => spec?.template),
  userKind(STATEFUL_SETS, ({ spec }) => spec?.template),
  userKind(DAEMON_SETS, ({ spec }) => spec?.template),
  userKind(JOBS, ({ spec }) => spec?.template),
  userKind(CRON_JOBS, ({ spec }) => spec?.jobTemplate.spec?.template),
];

function userKind<T extends KubeObject>(
  resource: ResourceRef<T>,
  podOf: (object: T) => PodLike | undefined,
): IdentityUser {
  const labelsOf = (object: KubeObject): IdentityLabels | undefined => {
    const pod = podOf(object as T); // The table of a resource holds that resource's objects only.
    // A pod of the host's network has the node's addresses: it cannot be told from the node.
    if (pod === undefined || pod.spec?.hostNetwork === true) return undefined;
    const labels = new Map(Object.entries(pod.metadata?.labels ?? {}));
    return { namespace: object.metadata.namespace ?? '', labels };
  };
  return { resource, labelsOf };
}

/** A kind of policy, and the labels of single instances that one asks for. */
export interface IdentityPolicy {
  readonly resource: ResourceRef;
  readonly keysOf: (policy: KubeObject) => readonly string[];
}

export const IDENTITY_POLICIES: readonly IdentityPolicy[] = [
  {
    resource: NETWORK_POLICIES,
    keysOf: (policy) => instanceLabels(() => mentionedKeys([parseNetworkPolicy(policy)], [])),
  },
  {
    resource: CLUSTER_NETWORK_POLICIES,
    keysOf: (policy) => instanceLabels(() => mentionedKeys([], [parseClusterNetworkPolicy(policy)])),
  },
];

/** A policy that cannot be read is none to the agents either, who name it. */
function instanceLabels(read: () => ReadonlySet<string>): readonly string[] {
  try {
    return [...read()].filter((key) => INSTANCE_LABELS.has(key));
  } catch {
    return [];
  }
}

/** The kinds that this controller reads, with the indexes by which it does. */
export const IDENTITY_KINDS: readonly CachedKind[] = [
  ...IDENTITY_USERS.map(({ resource, labelsOf }) =>
    cachedKind(resource, { [BY_IDENTITY]: (object: KubeObject) => basicKeys(labelsOf(object)) }),
  ),
  cachedKind(IDENTITIES, { [BY_IDENTITY]: (object) => [identityKey(parseIdentity(object).of)] }),
  ...IDENTITY_POLICIES.map(({ resource, keysOf }) => cachedKind(resource, { [BY_MENTIONED]: keysOf })),
];

function basicKeys(of: IdentityLabels | undefined): readonly string[] {
  return of === undefined ? [] : [identityKey({ ...of, labels: identityLabels(of.labels, NONE) })];
}

const NONE: ReadonlySet<string> = new Set();

/** A set of labels that needs an identity, and one of the objects that need it. */
export interface Need {
  readonly user: KubeObject;
  readonly of: IdentityLabels;
}

/** All needs of the cluster by `identityKey`. Takes a step per set of labels, not per pod, unless a policy asks for single instances. */
export function needsOf(cluster: ClusterReader): ReadonlyMap<string, Need> {
  const mentioned = new Set(
    IDENTITY_POLICIES.flatMap(({ resource }) => [...cluster.of(resource).valuesOf(BY_MENTIONED)]),
  );
  const needs = new Map<string, Need>();
  for (const { resource, labelsOf } of IDENTITY_USERS) {
    const table = cluster.of(resource);
    for (const basicKey of table.valuesOf(BY_IDENTITY)) {
      if (mentioned.size === 0 && needs.has(basicKey)) continue;
      for (const user of table.by(BY_IDENTITY, basicKey)) {
        const all = labelsOf(user);
        if (all === undefined) continue;
        const of = { ...all, labels: identityLabels(all.labels, mentioned) };
        const key = mentioned.size === 0 ? basicKey : identityKey(of);
        if (!needs.has(key)) needs.set(key, { user, of });
        if (mentioned.size === 0) break;
      }
    }
  }
  return needs;
}
