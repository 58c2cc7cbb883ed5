// Conditions of statuses: a list with one entry per type. Pure.

import { timeText } from '../../base/clock.ts';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastUpdateTime?: string;
  readonly observedGeneration?: number;
}

/** The list with `condition` in it; the transition time moves only with the status, and equal text leaves the entry as it is. */
export function mergeCondition(
  conditions: readonly Condition[],
  condition: Condition,
  nowMs: number,
): readonly Condition[] {
  const old = conditions.find((each) => each.type === condition.type);
  const isSameStatus = old?.status === condition.status;
  if (isSameStatus && old.reason === condition.reason && old.message === condition.message) return conditions;
  const now = timeText(nowMs);
  const entry = { ...condition, lastTransitionTime: isSameStatus ? (old.lastTransitionTime ?? now) : now };
  return old === undefined
    ? [...conditions, entry]
    : conditions.map((each) => (each.type === condition.type ? entry : each));
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((each) => each.type === type);
}
