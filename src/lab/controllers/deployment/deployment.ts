// Deployment: one ReplicaSet per template, moved from the old ones to the new one within the bounds of the strategy.

import { DEPLOYMENTS, PODS, REPLICA_SETS, type Draft } from '../../../kube/resource.ts';
import type { Deployment, ReplicaSet } from '../../../objects/api-types.ts';
import type { OwnerReference } from '../../../objects/meta.ts';
import {
  createAction,
  deleteAction,
  eventAction,
  patchAction,
  statusAction,
  type Action,
} from '../../../controllers/action.ts';
import {
  ownKey,
  source,
  type ClusterReader,
  type Controller,
  type ReconcileContext,
} from '../../../controllers/controller.ts';
import { isFinished } from '../../../controllers/pod-state.ts';
import { controllerOf, dependentsOf, ownedObjects } from '../ownership.ts';
import { contentHash, controllerRef } from '../pod-from-template.ts';
import {
  DESIRED_REPLICAS,
  HASH_LABEL,
  MAX_REPLICAS,
  REVISION,
  REVISION_HISTORY,
  revisionOf,
  rolloutOf,
  specReplicas,
  type Rollout,
} from './rollout.ts';
import { currentSize, isScaled, oldSizes, scaleSizes, toZero, type Sizes } from './scaling.ts';
import { isComplete, statusActions } from './status.ts';

/** Annotations that are the Deployment's own affair. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

export const deploymentController: Controller = {
  name: 'deployment-controller',
  sources: [
    ownKey(DEPLOYMENTS),
    dependentsOf(REPLICA_SETS, DEPLOYMENTS, 'Deployment'),
    // Recreate waits for the last old pod to go.
    source(PODS, ({ before, after }, cluster) => {
      const set = after === undefined && before !== undefined ? setOfPod(before, cluster) : undefined;
      const owner = set === undefined ? undefined : controllerOf(set);
      return owner === undefined ? [] : [`${set?.metadata.namespace ?? ''}/${owner.name}`];
    }),
  ],
  reconcile: reconcileDeployment,
  restMs: 50,
};

export function reconcileDeployment(key: string, { cluster, nowMs }: ReconcileContext): readonly Action[] {
  const deployment = cluster.of(DEPLOYMENTS).get(key);
  if (deployment === undefined) return [];
  const ref = controllerRef(deployment, 'apps/v1', 'Deployment');
  const { selector } = deployment.spec ?? {};
  const owned = ownedObjects(REPLICA_SETS, { owner: deployment, ref, selector }, cluster);
  if (owned.actions.length > 0) return owned.actions;
  const sets = owned.objects.filter((set) => set.metadata.deletionTimestamp === undefined);
  const rollout = rolloutOf(deployment, sets);
  const status = statusActions(rollout, nowMs);
  if (deployment.metadata.deletionTimestamp !== undefined) return status;
  return [...stepsOf(rollout, ref, cluster), ...status];
}

/** The next step only; the one after it is decided when the cache shows this one. */
function stepsOf(rollout: Rollout, ref: OwnerReference, cluster: ClusterReader): readonly Action[] {
  const { deployment } = rollout;
  if (deployment.spec?.paused === true || isScaled(rollout)) return resize(rollout, scaleSizes(rollout));
  if (rollout.isRecreate) {
    const down = resize(rollout, toZero(rollout.old));
    if (down.length > 0 || hasRunningPods(rollout.old, cluster)) return down;
  }
  if (rollout.current === undefined) return makeCurrent(rollout, ref, cluster);
  const annotations = revisionActions(rollout, rollout.current);
  if (annotations.length > 0) return annotations;
  const size = currentSize(rollout);
  if (size !== specReplicas(rollout.current)) return resize(rollout, new Map([[rollout.current, size]]));
  const down = rollout.isRecreate ? [] : resize(rollout, oldSizes(rollout));
  return down.length > 0 ? down : cleanUp(rollout);
}

function makeCurrent(rollout: Rollout, ref: OwnerReference, cluster: ClusterReader): readonly Action[] {
  const { deployment } = rollout;
  const { namespace, name: deploymentName } = deployment.metadata;
  const template = deployment.spec?.template ?? {};
  const collisionCount = deployment.status?.collisionCount ?? 0;
  const hash = contentHash(collisionCount === 0 ? template : { template, collisionCount });
  const name = `${deploymentName}-${hash}`;
  if (cluster.of(REPLICA_SETS).has(`${namespace ?? ''}/${name}`)) {
    // Somebody else's set has the name that follows from the template: the next hash has to differ.
    return [statusAction(DEPLOYMENTS, deployment, { collisionCount: collisionCount + 1 })];
  }
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const replicas = currentSize(rollout);
  const set: Draft<ReplicaSet> = {
    metadata: {
      ...(namespace === undefined ? {} : { namespace }),
      name,
      labels,
      annotations: {
        ...copiedAnnotations(deployment),
        ...sizeAnnotations(rollout),
        [REVISION]: nextRevision(rollout),
      },
      ownerReferences: [ref],
    },
    spec: {
      replicas,
      minReadySeconds: deployment.spec?.minReadySeconds ?? 0,
      selector: {
        ...deployment.spec?.selector,
        matchLabels: { ...deployment.spec?.selector.matchLabels, [HASH_LABEL]: hash },
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  return [
    createAction(REPLICA_SETS, set),
    ...setRevision(deployment, nextRevision(rollout)),
    scaledEvent(deployment, name, 0, replicas),
  ];
}

/** A template that comes back (a rollback) brings its old set back, as the newest revision. */
function revisionActions(rollout: Rollout, current: ReplicaSet): readonly Action[] {
  const wanted = nextRevision(rollout);
  const known = current.metadata.annotations ?? {};
  const isNewest = revisionOf(current) >= Number(wanted);
  const minReadySeconds = rollout.deployment.spec?.minReadySeconds ?? 0;
  const copied = copiedAnnotations(rollout.deployment);
  const isCopied = Object.entries(copied).every(([name, value]) => known[name] === value);
  const isSameMinReady = (current.spec?.minReadySeconds ?? 0) === minReadySeconds;
  const revision = isNewest ? (known[REVISION] ?? wanted) : wanted;
  const own = setRevision(rollout.deployment, revision);
  if (isNewest && isCopied && isSameMinReady) return own;
  const history = [known[REVISION_HISTORY], known[REVISION]].filter(
    (text) => text !== undefined && text !== '',
  );
  const annotations = {
    ...copied,
    [REVISION]: revision,
    ...(isNewest || history.length === 0 ? {} : { [REVISION_HISTORY]: history.join(',') }),
  };
  return [
    patchAction(REPLICA_SETS, current, { metadata: { annotations }, spec: { minReadySeconds } }),
    ...own,
  ];
}

function setRevision(deployment: Deployment, revision: string): readonly Action[] {
  if (deployment.metadata.annotations?.[REVISION] === revision) return [];
  return [patchAction(DEPLOYMENTS, deployment, { metadata: { annotations: { [REVISION]: revision } } })];
}

function nextRevision(rollout: Rollout): string {
  return String(Math.max(0, ...rollout.old.map(revisionOf)) + 1);
}

function resize(rollout: Rollout, sizes: Sizes): readonly Action[] {
  const { deployment } = rollout;
  const changes = [...sizes].flatMap(([set, replicas]) => [
    patchAction(REPLICA_SETS, set, {
      metadata: { annotations: sizeAnnotations(rollout) },
      spec: { replicas },
    }),
    scaledEvent(deployment, set.metadata.name, specReplicas(set), replicas),
  ]);
  // Every set remembers for which whole it was sized, also those whose size stays.
  const stale = [...rollout.old, rollout.current].filter(
    (set) =>
      set !== undefined &&
      !sizes.has(set) &&
      specReplicas(set) > 0 &&
      set.metadata.annotations?.[DESIRED_REPLICAS] !== String(rollout.replicas),
  );
  const marks = stale.flatMap((set) =>
    set === undefined
      ? []
      : [patchAction(REPLICA_SETS, set, { metadata: { annotations: sizeAnnotations(rollout) } })],
  );
  return [...changes, ...marks];
}

/** Old empty sets beyond the history limit go, the lowest revision first. */
function cleanUp(rollout: Rollout): readonly Action[] {
  const limit = rollout.deployment.spec?.revisionHistoryLimit ?? 10;
  if (!isComplete(rollout)) return [];
  const empty = rollout.old
    .filter((set) => specReplicas(set) === 0 && (set.status?.replicas ?? 0) === 0)
    .filter((set) => (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0))
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  const surplus = Math.max(0, rollout.old.length - limit);
  return empty.slice(0, surplus).map((set) => deleteAction(REPLICA_SETS, set));
}

function hasRunningPods(sets: readonly ReplicaSet[], cluster: ClusterReader): boolean {
  return sets.some((set) =>
    [...cluster.of(PODS).by('controller', set.metadata.uid)].some((pod) => !isFinished(pod)),
  );
}

function setOfPod(pod: Parameters<typeof controllerOf>[0], cluster: ClusterReader): ReplicaSet | undefined {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'ReplicaSet') return undefined;
  return cluster.of(REPLICA_SETS).get(`${pod.metadata.namespace ?? ''}/${owner.name}`);
}

function copiedAnnotations(deployment: Deployment): Record<string, string> {
  const annotations = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(annotations.filter(([name]) => !NOT_COPIED.has(name)));
}

function sizeAnnotations({ replicas, maxSurge }: Rollout): Record<string, string> {
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurge) };
}

function scaledEvent(deployment: Deployment, set: string, from: number, to: number): Action {
  const direction = to >= from ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${set} from ${from} to ${to}`;
  return eventAction(deployment, 'Normal', 'ScalingReplicaSet', message);
}
