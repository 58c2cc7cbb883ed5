// The table without the frontends, as one entry of a target. Pure.

import type { Cidr } from '../../base/cidr.ts';
import { tryParseIp, type Ip } from '../../base/ip.ts';

export const SERVICE_TABLE = 'fairlead-services';
export const SKELETON_KEY = 'table';
/** Begin of every rule's comment; another number makes an agent load the rules anew. */
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
  /** What clients are hidden behind: the node's address of each family where it has one, IPv4 first. */
  readonly behind: readonly Ip[];
}

export const PREFIX_SETS = ['pods', 'local'] as const;
/** Service prefixes: ports without a Service are refused, but not on local addresses. Filled when the frontends are there. */
export const REFUSED_SET = 'cluster';

export function isSameSkeleton(a: SkeletonEntry, b: SkeletonEntry): boolean {
  if (a.mark !== b.mark || a.behind.join() !== b.behind.join()) return false;
  return PREFIX_SETS.every((set) => a[set].join() === b[set].join());
}

/** A rule that hides clients says behind which address. */
export function ruleComment(behind: Ip | undefined): string {
  return behind === undefined ? SKELETON_MARK : `${SKELETON_MARK} ${behind}`;
}

/** The address that a rule's comment names; undefined for a comment that is not ours. */
export function readRuleComment(comment: string): { readonly behind?: Ip } | undefined {
  if (comment === SKELETON_MARK) return {};
  if (!comment.startsWith(`${SKELETON_MARK} `)) return undefined;
  const behind = tryParseIp(comment.slice(SKELETON_MARK.length + 1));
  return behind === undefined ? undefined : { behind };
}
