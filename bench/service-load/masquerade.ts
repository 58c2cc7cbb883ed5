// A node of a bench masquerades as every node of ours does, so that both ways of a connection pass connection tracking.

import { MASQUERADE } from '../../src/backends/shared-nft/masquerade.ts';
import { renderTable } from '../../src/backends/shared-nft/table.ts';
import { tableTarget } from '../../src/backends/shared-nft/table-target.ts';
import type { Cidr } from '../../src/base/cidr.ts';

/** For pods of the prefix, in the node's namespace. */
export async function masquerade(netns: string, pods: Cidr, signal: AbortSignal): Promise<void> {
  const entries = renderTable(MASQUERADE, { pods: [pods], inside: [pods] });
  const failures = await tableTarget('masquerade', MASQUERADE, { netns }).update(entries, signal, new Map());
  for (const error of failures.values()) throw error;
}
