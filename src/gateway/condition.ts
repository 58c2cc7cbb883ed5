// Conditions as objects carry them (metav1.Condition), made from verdicts; the time of one that stands already is kept.

import type { Verdict } from '../model/gateway-verdict.ts';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface ConditionTime {
  readonly generation: number;
  /** RFC 3339 in whole seconds. */
  readonly now: string;
}

const MAX_MESSAGE = 32_768;

/** In the order of the verdicts. */
export function conditionsOf(
  verdicts: readonly Verdict[],
  seen: unknown,
  { generation, now }: ConditionTime,
): readonly Condition[] {
  const before = seenConditions(seen);
  const own = verdicts.map(({ type, isTrue, reason, message }): Condition => {
    const status = isTrue ? 'True' : 'False';
    const known = before.find((it) => it.type === type);
    return {
      type,
      status,
      observedGeneration: generation,
      lastTransitionTime: known?.status === status ? known.lastTransitionTime : now,
      reason,
      message: message.slice(0, MAX_MESSAGE),
    };
  });
  return own;
}

/** What is no condition is left out: the list is whatever stands in the API. */
function seenConditions(seen: unknown): readonly Condition[] {
  return Array.isArray(seen) ? (seen as readonly unknown[]).filter(isCondition) : [];
}

function isCondition(value: unknown): value is Condition {
  if (typeof value !== 'object' || value === null) return false;
  const { type, status, lastTransitionTime } = value as Partial<Condition>;
  return typeof type === 'string' && typeof status === 'string' && typeof lastTransitionTime === 'string';
}
