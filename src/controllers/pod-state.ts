// What controllers read out of a Pod: ready, available, finished. Pure.

import type { Pod } from '../objects/api-types.ts';

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Neither finished nor being deleted: counts as a replica. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True';
}

/** When the pod became ready, or ceased to be; undefined where the condition or its time is absent. */
export function readySinceMs(pod: Pod): number | undefined {
  const time = readyCondition(pod)?.lastTransitionTime;
  return time === undefined ? undefined : Date.parse(time);
}

/** Milliseconds until the pod has been ready for `minReadySeconds`: 0 when it has, undefined when it is not ready. */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, (readySinceMs(pod) ?? nowMs) + minReadySeconds * 1000 - nowMs);
}

function readyCondition(pod: Pod) {
  return pod.status?.conditions?.find((condition) => condition.type === 'Ready');
}
