// The backend's target: what all frontends share, and a row per frontend.

import { hasCode } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { hasLegacyTables, iptablesProgram, restoreIptables, saveIptables } from '../../sys/iptables.ts';
import { applyChanges, type Change, type IptablesRealm } from './apply.ts';
import { heldKeys } from './draining.ts';
import { isSameIptablesEntry, isSkeleton, type IptablesEntry } from './entries.ts';
import { observeFrontends, observeSkeleton, SERVICE_TABLES, strayKey } from './observe.ts';
import type { FrontendRow } from './render.ts';
import { parseSave } from '../shared-iptables/save-text.ts';
import { dispatchScript, scriptFor, scriptPieces, withoutDispatch } from './script.ts';

type Entries = ReadonlyMap<string, IptablesEntry>;

const FAMILIES: readonly Family[] = [4, 6];
/** From so many rules on that leave the dispatch chain it is written whole. */
const MAX_DETACHED_RULES = 50;

/**
 * `drains`: what open flows need stays until they have ended; not asked for where another target of the namespace, which is named after the
 * backend and holds its rows, sees to it.
 */
export function iptablesTarget(
  realm: IptablesRealm,
  { drains }: { readonly drains: boolean },
): Target<IptablesEntry> {
  return {
    name: drains ? 'service-iptables' : `service-iptables (${realm.flavour})`,
    // To read back what 10,000 Services hold takes seconds.
    isIsolated: true,
    observe: (signal) => observe(realm, signal),
    isEqual: isSameIptablesEntry,
    update: (entries, signal, seen) =>
      apply(new Map([...entries].map(([key, to]) => [key, { from: seen.get(key), to }])), realm, signal),
    delete: async (entries, signal) => {
      const held = drains ? await heldKeys(entries, realm) : new Map<string, unknown>();
      const going = new Map([...entries].filter(([key]) => !held.has(key)));
      return new Map([...(await remove(realm, going, signal)), ...held]);
    },
    print: (verb, _key, entry) => {
      const [from, to] = verb === 'update' ? [undefined, entry] : [entry, undefined];
      return printed(realm, entry.family, scriptFor([{ from, to }]));
    },
  };
}

/** A machine without the programs has nothing of ours: whoever needs them finds out when it writes. */
async function observe(realm: IptablesRealm, signal: AbortSignal): Promise<Entries> {
  const hasTables = (family: Family): boolean =>
    realm.flavour !== 'legacy' || hasLegacyTables({ ...realm, family });
  const families = FAMILIES.filter(hasTables).map(
    async (family): Promise<readonly (readonly [string, IptablesEntry])[]> => {
      try {
        const tables = parseSave(await saveIptables({ ...realm, family, signal }), SERVICE_TABLES);
        return [...observeSkeleton(tables, family), ...observeFrontends(tables, family)];
      } catch (error) {
        if (!hasCode(error, 'unsupported')) throw error;
        return [];
      }
    },
  );
  return new Map((await Promise.all(families)).flat());
}

function apply(
  changes: ReadonlyMap<string, Change<IptablesEntry>>,
  realm: IptablesRealm,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, unknown>> {
  const chainsOf = (entry: IptablesEntry): number => (isSkeleton(entry) ? 1 : entry.chains.size);
  return applyChanges(changes, { realm, signal, script: scriptPieces, chainsOf });
}

/** Few rows by one script; what is shared behind them, for rows jump to it. */
async function remove(
  realm: IptablesRealm,
  entries: Entries,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, unknown>> {
  const shared = [...entries].filter(([, it]) => isSkeleton(it));
  const rows = rowsOf(entries);
  const isMany = rows.size > MAX_DETACHED_RULES;
  const strayKeys = FAMILIES.map(strayKey).filter((key) => rows.has(key));
  if (isMany || strayKeys.length > 0) {
    const present = rowsOf(await observe(realm, signal));
    for (const key of strayKeys) {
      // Chains that were nobody's may have become a frontend's since they were seen.
      const stray = present.get(key);
      if (stray === undefined) rows.delete(key);
      else rows.set(key, stray);
    }
    if (isMany) await detach(realm, rows, present, signal);
  }
  return apply(removals([...rows, ...shared]), realm, signal);
}

/** Takes many rows out of the dispatch chain at once, there and in `rows`. */
async function detach(
  realm: IptablesRealm,
  rows: Map<string, FrontendRow>,
  present: ReadonlyMap<string, FrontendRow>,
  signal: AbortSignal,
): Promise<void> {
  for (const family of new Set([...rows.values()].map((it) => it.family))) {
    const staying = [...present].filter(([key, row]) => row.family === family && !rows.has(key));
    const script = dispatchScript(staying.map(([, row]) => row));
    await restoreIptables(script, { ...realm, family, signal });
  }
  for (const [key, row] of rows) rows.set(key, withoutDispatch(row));
}

function rowsOf(entries: Entries): Map<string, FrontendRow> {
  const rows = new Map<string, FrontendRow>();
  for (const [key, entry] of entries) if (!isSkeleton(entry)) rows.set(key, entry);
  return rows;
}

function removals(
  entries: readonly (readonly [key: string, entry: IptablesEntry])[],
): ReadonlyMap<string, Change<IptablesEntry>> {
  return new Map(entries.map(([key, from]) => [key, { from, to: undefined }]));
}

/** The script as one would feed it to the program. */
function printed({ flavour }: IptablesRealm, family: Family, script: string): readonly string[] {
  const program = iptablesProgram('restore', { flavour, family });
  return [`${program} --noflush <<EOF`, ...script.trimEnd().split('\n'), 'EOF'];
}
