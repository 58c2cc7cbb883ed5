// The prefixes whose unused ports are refused, as a target behind the frontends: while a node changes to this backend, what is not in the
// table yet is still carried by the one before, and is no unused port.

import type { Cidr } from '../../base/cidr.ts';
import type { Target } from '../../reconcile/target.ts';
import type { NfTables } from '../../sys/nf-tables.ts';
import { applyNft, type NftPlace } from '../../sys/nft.ts';
import { observePrefixes } from './observe.ts';
import { refusedScript } from './skeleton.ts';
import { REFUSED_SET } from './skeleton-entry.ts';

export function refusedTarget(tables: NfTables, place: NftPlace): Target<readonly Cidr[]> {
  const write = async (
    cidrs: readonly Cidr[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, unknown>> => {
    await applyNft(refusedScript(cidrs), { ...place, signal });
    return new Map();
  };
  return {
    name: 'service-nftables refusals',
    observe: async () => {
      const there = await observePrefixes(tables, REFUSED_SET);
      return new Map(there.length === 0 ? [] : [[REFUSED_SET, there]]);
    },
    isEqual: (a, b) => a.join() === b.join(),
    update: (entries, signal) => write(entries.get(REFUSED_SET) ?? [], signal),
    delete: (_entries, signal) => write([], signal),
    print: (verb, _key, cidrs) =>
      refusedScript(verb === 'update' ? cidrs : [])
        .trimEnd()
        .split('\n'),
  };
}
