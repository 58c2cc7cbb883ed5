// A Deployment with its ReplicaSets, new and old, and the numbers that bound its rollout. Pure.

import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../../objects/api-types.ts';
import { canonicalJson } from '../pod-from-template.ts';

export const HASH_LABEL = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

export interface Rollout {
  readonly deployment: Deployment;
  /** Of the present template; undefined until it is made. */
  readonly current: ReplicaSet | undefined;
  /** All others, oldest first. */
  readonly old: readonly ReplicaSet[];
  readonly replicas: number;
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly isRecreate: boolean;
}

export function rolloutOf(deployment: Deployment, sets: readonly ReplicaSet[]): Rollout {
  const byAge = [...sets].sort(byCreation);
  const wanted = templateText(deployment.spec?.template ?? {});
  // Of several equal ones (made by hand) the oldest counts, so that every look finds the same.
  const current = byAge.find((set) => templateText(set.spec?.template ?? {}) === wanted);
  const replicas = deployment.spec?.replicas ?? 1;
  return {
    deployment,
    current,
    old: byAge.filter((set) => set !== current),
    replicas,
    isRecreate: deployment.spec?.strategy?.type === 'Recreate',
    ...fencePosts(deployment, replicas),
  };
}

export function allSets(rollout: Rollout): readonly ReplicaSet[] {
  return rollout.current === undefined ? rollout.old : [...rollout.old, rollout.current];
}

export function specReplicas(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}

export function availableReplicas(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

export function sum(sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number {
  return sets.reduce((total, set) => total + of(set), 0);
}

export function revisionOf(set: ReplicaSet): number {
  const revision = Number(set.metadata.annotations?.[REVISION] ?? '0');
  return Number.isInteger(revision) ? revision : 0;
}

/** Surge rounds up, unavailability down; where both come to 0 nothing could ever move, so that one may be missing. */
function fencePosts(
  deployment: Deployment,
  replicas: number,
): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const { type, rollingUpdate } = deployment.spec?.strategy ?? {};
  if (type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = scaled(rollingUpdate?.maxSurge ?? '25%', replicas, Math.ceil);
  const maxUnavailable = scaled(rollingUpdate?.maxUnavailable ?? '25%', replicas, Math.floor);
  if (maxSurge === 0 && maxUnavailable === 0) return { maxSurge, maxUnavailable: 1 };
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

/** A number or a percentage of `whole`. */
export function scaled(value: number | string, whole: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  const percent = Number(value.replace(/%$/, ''));
  return Number.isFinite(percent) ? round((percent * whole) / 100) : 0;
}

function templateText(template: PodTemplateSpec): string {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return canonicalJson({ ...template, metadata: { ...template.metadata, labels } });
}

function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [x, y] = [a.metadata, b.metadata];
  return x.creationTimestamp === y.creationTimestamp
    ? x.name < y.name
      ? -1
      : 1
    : x.creationTimestamp < y.creationTimestamp
      ? -1
      : 1;
}
