// How many packets the backend's rules have denied: the counters of the two rules that drop, in both families.

import type { Lifetime } from '../../base/lifetime.ts';
import { hasLegacyTables, listIptablesChain, type IptablesFlavour } from '../../sys/iptables.ts';
import type { DeniedCounts } from '../shared-node/policy-backend.ts';
import { CHAINS } from './names.ts';
import { FAMILIES } from './policy-rules.ts';

interface CountedPlace {
  readonly flavour: IptablesFlavour;
  readonly netns: string | undefined;
  readonly lifetime: Lifetime;
}

/** None of a direction whose chain is not there. */
export async function deniedCounts({ flavour, netns, lifetime }: CountedPlace): Promise<DeniedCounts> {
  const place = { flavour, signal: lifetime.signal, ...(netns === undefined ? {} : { netns }) };
  const counts = new Map<'ingress' | 'egress', bigint>();
  for (const family of FAMILIES) {
    // Asking would make the tables.
    if (flavour === 'legacy' && !hasLegacyTables({ ...place, family })) continue;
    for (const [direction, chain] of [
      ['ingress', CHAINS.dropIn],
      ['egress', CHAINS.dropOut],
    ] as const) {
      const listed = await listIptablesChain({ table: 'mangle', chain }, { ...place, family });
      const packets = listed === undefined ? undefined : droppedIn(listed);
      if (packets !== undefined) counts.set(direction, (counts.get(direction) ?? 0n) + packets);
    }
  }
  return counts;
}

/** `iptables -nvx -L` begins each rule's line with packets, octets and the target. */
function droppedIn(listed: string): bigint | undefined {
  const packets = /^ *([0-9]+) +[0-9]+ +DROP /m.exec(listed)?.[1];
  return packets === undefined ? undefined : BigInt(packets);
}
