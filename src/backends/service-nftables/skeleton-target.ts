// The table itself as a target: loaded as text, repaired where somebody changed it, and left only when no flow needs it any more.

import { FairleadError } from '../../base/errors.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import type { Target } from '../../reconcile/target.ts';
import type { Conntrack } from '../../sys/conntrack.ts';
import type { NfTables } from '../../sys/nf-tables.ts';
import { applyNft, type NftPlace } from '../../sys/nft.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { kindOfChain, OUR_FLOW_BIT } from './flow-kind.ts';
import { observeSkeleton } from './observe.ts';
import { deletionScript, drainingScript, skeletonScript } from './skeleton.ts';
import {
  BROKEN_MARK,
  DRAINING_MARK,
  isSameSkeleton,
  SERVICE_TABLE,
  SKELETON_KEY,
  type SkeletonEntry,
} from './skeleton-entry.ts';

interface Doors {
  readonly tables: NfTables;
  readonly conntrack: Conntrack;
  readonly place: NftPlace;
}

export function skeletonTarget(doors: Doors): Target<SkeletonEntry> {
  return {
    name: 'service-nftables table',
    isBase: true,
    observe: () => observeSkeleton(doors.tables),
    isEqual: isSameSkeleton,
    update: async (entries, signal, seen) =>
      each(entries, (key, it) => load(it, seen.get(key), withSignal(doors, signal))),
    delete: async (entries, signal) => each(entries, () => leave(withSignal(doors, signal))),
    print: (verb, _key, entry) =>
      (verb === 'update' ? skeletonScript(entry, []) : deletionScript()).trimEnd().split('\n'),
  };
}

/** Datagrams are decided anew by the backend that comes after: they hold nothing. */
function holds({ mark, isOver, protocol }: TrackedFlow): boolean {
  return (mark & OUR_FLOW_BIT) !== 0 && !isOver && protocol !== PROTOCOL_NUMBERS.UDP;
}

function withSignal(doors: Doors, signal: AbortSignal): Doors {
  return { ...doors, place: { ...doors.place, signal } };
}

async function each(
  entries: ReadonlyMap<string, SkeletonEntry>,
  work: (key: string, entry: SkeletonEntry) => Promise<void>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  for (const [key, entry] of entries) {
    try {
      await work(key, entry);
    } catch (error) {
      failures.set(key, error);
    }
  }
  return failures;
}

/** Rules are exchanged below the elements where that goes; a table that cannot be mended so is made anew, in one transaction, too. */
async function load(entry: SkeletonEntry, seen: SkeletonEntry | undefined, doors: Doors): Promise<void> {
  const { tables, place } = doors;
  const chains = seen === undefined ? [] : await tables.listChains(SERVICE_TABLE);
  const script = skeletonScript(
    entry,
    chains.flatMap((it) => kindOfChain(it) ?? []),
  );
  const isForeign = seen?.mark === DRAINING_MARK;
  if (!isForeign) {
    try {
      await applyNft(script, place);
      if (seen?.mark !== BROKEN_MARK) return;
      const now = (await observeSkeleton(tables)).get(SKELETON_KEY);
      if (now !== undefined && isSameSkeleton(now, entry)) return;
    } catch (error) {
      if (seen === undefined) throw error;
    }
  }
  await applyNft(deletionScript() + skeletonScript(entry, []), place);
}

/**
 * Without any nat chain in the namespace the kernel translates no packet any more, not those of open connections either. So an empty
 * one stays until the last flow of ours has ended.
 */
async function leave({ tables, conntrack, place }: Doors): Promise<void> {
  const there = (await observeSkeleton(tables)).get(SKELETON_KEY);
  if (there === undefined) return;
  if (there.mark !== DRAINING_MARK) await applyNft(drainingScript(), place);
  const flows = await conntrack.list(holds);
  if (flows.length > 0) {
    throw new FairleadError(
      'draining',
      `Cannot delete table inet ${SERVICE_TABLE} yet: ${flows.length} flows use it`,
      {
        details: { flows: flows.length },
      },
    );
  }
  await applyNft(deletionScript(), place);
}
