// What the backend's one target holds: a row per frontend, and the chains that all of them share. Both are read back from one listing.

import type { FrontendRendering } from '../shared-node/service-backend.ts';
import { isSameRow, renderFrontend, type FrontendRow } from './render.ts';
import { isSameSkeleton, renderSkeleton, type SkeletonContext, type SkeletonEntry } from './skeleton.ts';

export type IptablesEntry = SkeletonEntry | FrontendRow;

export const IPTABLES_RENDERING: FrontendRendering<IptablesEntry, SkeletonContext> = {
  contextOf: ({ node: { podCidrs, addresses }, cluster: { serviceCidrs } }) => ({
    podCidrs,
    addresses,
    serviceCidrs,
  }),
  renderFrontend,
  renderShared: renderSkeleton,
};

export function isSkeleton(entry: IptablesEntry): entry is SkeletonEntry {
  return 'kind' in entry;
}

export function isSameIptablesEntry(a: IptablesEntry, b: IptablesEntry): boolean {
  if (isSkeleton(a)) return isSkeleton(b) && isSameSkeleton(a, b);
  return !isSkeleton(b) && isSameRow(a, b);
}
