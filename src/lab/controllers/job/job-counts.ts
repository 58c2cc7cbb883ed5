// What the pods of a Job say: how many run, succeeded, failed, and which indexes are done. Pure.

import type { Job, Pod } from '../../../objects/api-types.ts';
import { isFinished, isReady } from '../../../controllers/pod-state.ts';

export const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index';

export interface JobCounts {
  /** Neither finished nor on their way out. */
  readonly active: readonly Pod[];
  readonly terminating: number;
  readonly ready: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Of an Indexed Job, sorted. */
  readonly doneIndexes: readonly number[];
  /** When the last pod failed; undefined when none did. */
  readonly lastFailureMs: number | undefined;
}

/** Counts never fall: a finished pod that somebody deletes was counted before, and stays so. */
export function countsOf(job: Job, pods: readonly Pod[]): JobCounts {
  const active = pods.filter((pod) => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined);
  const succeeded = pods.filter((pod) => pod.status?.phase === 'Succeeded');
  const failed = pods.filter((pod) => pod.status?.phase === 'Failed');
  const indexes = [
    ...new Set([...parseIndexes(job.status?.completedIndexes ?? ''), ...succeeded.flatMap(indexOf)]),
  ];
  const doneIndexes = indexes.filter((index) => index < (job.spec?.completions ?? 0)).sort((a, b) => a - b);
  const isIndexed = job.spec?.completionMode === 'Indexed';
  const ends = failed.map(endMs);
  return {
    active,
    terminating: pods.filter((pod) => !isFinished(pod) && pod.metadata.deletionTimestamp !== undefined)
      .length,
    ready: active.filter(isReady).length,
    succeeded: isIndexed ? doneIndexes.length : Math.max(job.status?.succeeded ?? 0, succeeded.length),
    failed: Math.max(job.status?.failed ?? 0, failed.length),
    doneIndexes,
    lastFailureMs: ends.length === 0 ? undefined : Math.max(...ends),
  };
}

export function indexOf(pod: Pod): readonly number[] {
  const index = Number(pod.metadata.annotations?.[INDEX_ANNOTATION] ?? 'none');
  return Number.isInteger(index) ? [index] : [];
}

/** "0-3,7": the form of status.completedIndexes. */
export function formatIndexes(indexes: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < indexes.length; i++) {
    const first = indexes[i] ?? 0;
    let last = first;
    while (indexes[i + 1] === last + 1) last = indexes[++i] ?? last;
    parts.push(first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`);
  }
  return parts.join(',');
}

export function parseIndexes(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return [];
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? match[1]), first + 100_000);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  });
}

function endMs(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map((each) =>
    Date.parse(each.state?.terminated?.finishedAt ?? ''),
  );
  const known = ends.filter((ms) => !Number.isNaN(ms));
  return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata.creationTimestamp);
}
