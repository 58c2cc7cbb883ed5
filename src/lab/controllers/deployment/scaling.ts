// How many replicas each ReplicaSet of a Deployment shall have next: rolling, recreating, or scaling in the middle of it. Pure.

import type { ReplicaSet } from '../../../objects/api-types.ts';
import {
  allSets,
  availableReplicas,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  specReplicas,
  sum,
  type Rollout,
} from './rollout.ts';

/** ReplicaSet -> its next size; only those that change. */
export type Sizes = ReadonlyMap<ReplicaSet, number>;

/** True when somebody changed the Deployment's own number since its ReplicaSets were last sized. */
export function isScaled(rollout: Rollout): boolean {
  return activeSets(rollout).some((set) => {
    const desired = set.metadata.annotations?.[DESIRED_REPLICAS];
    return desired !== undefined && Number(desired) !== rollout.replicas;
  });
}

/** Sizes after a change of the Deployment's number: one set takes all of it, several share it in proportion, so that a rollout goes on where it was. */
export function scaleSizes(rollout: Rollout): Sizes {
  const active = activeSets(rollout);
  const only = active.length > 1 ? undefined : (active[0] ?? rollout.current ?? rollout.old.at(-1));
  if (active.length <= 1) {
    return only === undefined || specReplicas(only) === rollout.replicas
      ? new Map()
      : new Map([[only, rollout.replicas]]);
  }
  if (isSaturated(rollout)) return toZero(rollout.old);
  return rollout.isRecreate ? new Map() : proportionalSizes(rollout, active);
}

/** The size of the new set: as many as the surge leaves room for. */
export function currentSize(rollout: Rollout): number {
  const { current, replicas, maxSurge, isRecreate } = rollout;
  const now = current === undefined ? 0 : specReplicas(current);
  if (isRecreate || now > replicas) return replicas;
  const room = replicas + maxSurge - sum(allSets(rollout), specReplicas);
  return now + Math.max(0, Math.min(room, replicas - now));
}

/** Old sets give up first what does not work anyway, then what the new set's available pods make up for. */
export function oldSizes(rollout: Rollout): Sizes {
  const { current, old, replicas, maxUnavailable } = rollout;
  const minAvailable = replicas - maxUnavailable;
  const currentUnavailable =
    current === undefined ? 0 : Math.max(0, specReplicas(current) - availableReplicas(current));
  const removable = sum(allSets(rollout), specReplicas) - minAvailable - currentUnavailable;
  if (removable <= 0) return new Map();
  const sizes = new Map(old.map((set) => [set, specReplicas(set)]));
  takeUnhealthy(sizes, removable);
  const spare = sum(allSets(rollout), availableReplicas) - minAvailable;
  takeAny(sizes, spare);
  return new Map([...sizes].filter(([set, size]) => size !== specReplicas(set)));
}

export function toZero(sets: readonly ReplicaSet[]): Sizes {
  return new Map(sets.filter((set) => specReplicas(set) > 0).map((set) => [set, 0]));
}

function takeUnhealthy(sizes: Map<ReplicaSet, number>, removable: number): void {
  let left = removable;
  for (const [set, size] of sizes) {
    const taken = Math.min(left, Math.max(0, size - availableReplicas(set)));
    sizes.set(set, size - taken);
    left -= taken;
  }
}

function takeAny(sizes: Map<ReplicaSet, number>, spare: number): void {
  let left = Math.max(0, spare);
  for (const [set, size] of sizes) {
    const taken = Math.min(left, size);
    sizes.set(set, size - taken);
    left -= taken;
  }
}

function proportionalSizes(rollout: Rollout, active: readonly ReplicaSet[]): Sizes {
  const allowed = rollout.replicas > 0 ? rollout.replicas + rollout.maxSurge : 0;
  const toAdd = allowed - sum(active, specReplicas);
  const byNeed = [...active].sort((a, b) => specReplicas(b) - specReplicas(a));
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const set of byNeed) {
    const share = shareOf(set, rollout, allowed);
    const left = toAdd - added;
    const part = toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
    sizes.set(set, Math.max(0, specReplicas(set) + part));
    added += part;
  }
  const [largest] = byNeed;
  if (largest !== undefined) {
    sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  }
  return new Map([...sizes].filter(([set, size]) => size !== specReplicas(set)));
}

/** By how much a set grows when the whole grows from what it was sized for to `allowed`. */
function shareOf(set: ReplicaSet, rollout: Rollout, allowed: number): number {
  const before = Number(
    set.metadata.annotations?.[MAX_REPLICAS] ?? rollout.deployment.status?.replicas ?? rollout.replicas,
  );
  if (!Number.isFinite(before) || before <= 0) return 0;
  return Math.round((specReplicas(set) * allowed) / before) - specReplicas(set);
}

function isSaturated({ current, replicas }: Rollout): boolean {
  return (
    current !== undefined &&
    specReplicas(current) === replicas &&
    Number(current.metadata.annotations?.[DESIRED_REPLICAS] ?? replicas) === replicas &&
    availableReplicas(current) === replicas
  );
}

function activeSets(rollout: Rollout): readonly ReplicaSet[] {
  return allSets(rollout).filter((set) => specReplicas(set) > 0);
}
