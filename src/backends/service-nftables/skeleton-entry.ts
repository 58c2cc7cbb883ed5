// The table without the frontends, as one entry of a target. Pure.

import type { Cidr } from '../../base/cidr.ts';

export const SERVICE_TABLE = 'fairlead-services';
export const SKELETON_KEY = 'table';
/** Comment of every rule; another number makes an agent load the rules anew. */
export const SKELETON_MARK = 'fairlead 1';
/** Mark of a table that has been left and is kept for its flows. */
export const DRAINING_MARK = 'draining';
/** Mark of a table that somebody changed. */
export const BROKEN_MARK = 'broken';

/** Prefixes are sorted as text, none lies in another. */
export interface SkeletonEntry {
  readonly mark: string;
  /** Pods of this node: inside clients. */
  readonly pods: readonly Cidr[];
  /** Addresses that the node serves itself. */
  readonly local: readonly Cidr[];
}

export const PREFIX_SETS = ['pods', 'local'] as const;
/** Service prefixes: ports without a Service are refused, but not on local addresses. Filled when the frontends are there. */
export const REFUSED_SET = 'cluster';

export function isSameSkeleton(a: SkeletonEntry, b: SkeletonEntry): boolean {
  return a.mark === b.mark && PREFIX_SETS.every((set) => a[set].join() === b[set].join());
}
