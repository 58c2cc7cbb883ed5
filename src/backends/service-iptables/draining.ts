// What has to stay while flows that the backend translated are open.

import { FairleadError } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import { openConntrack } from '../../sys/conntrack.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import type { IptablesRealm } from './apply.ts';
import { isSkeleton, type IptablesEntry } from './entries.ts';
import { CHAINS, OUR_FLOW_BIT } from './names.ts';

/**
 * The kernel tracks flows while a rule asks for it, and translates no packet of a flow that it does not track. So of a backend that leaves one chain with such a
 * rule stays, which nothing leads to any more. Gives why by the key of the chain.
 */
export async function heldKeys(
  entries: ReadonlyMap<string, IptablesEntry>,
  { netns }: IptablesRealm,
): Promise<ReadonlyMap<string, FairleadError>> {
  const holders = [...entries].filter(([, it]) => isSkeleton(it) && it.chain === CHAINS.postrouting);
  const held = new Map<string, FairleadError>();
  if (holders.length === 0) return held;
  const flows = await openFlows(netns);
  for (const [key, { family }] of holders) {
    const count = flows.get(family)?.length ?? 0;
    if (count > 0) held.set(key, draining(family, count));
  }
  return held;
}

async function openFlows(
  netns: IptablesRealm['netns'],
): Promise<ReadonlyMap<Family, readonly TrackedFlow[]>> {
  const conntrack = openConntrack(netns);
  try {
    return Map.groupBy(await conntrack.list(isOpen), (it) => it.family);
  } finally {
    conntrack.close();
  }
}

/** Datagrams are decided anew by the backend that comes after: they hold nothing. */
function isOpen({ mark, isOver, protocol }: TrackedFlow): boolean {
  return (mark & OUR_FLOW_BIT) !== 0 && !isOver && protocol !== PROTOCOL_NUMBERS.UDP;
}

function draining(family: Family, flows: number): FairleadError {
  return new FairleadError(
    'draining',
    `Cannot delete chain ${CHAINS.postrouting} of IPv${family} yet: ${flows} flows use it`,
    { details: { flows } },
  );
}
