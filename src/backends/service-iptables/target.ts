// The backend's two targets: what all frontends share, and a row per frontend.

import { hasCode } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { iptablesProgram, restoreIptables, saveIptables } from '../../sys/iptables.ts';
import { applyChanges, type Change, type IptablesRealm } from './apply.ts';
import { observeFrontends, observeSkeleton, strayKey } from './observe.ts';
import { isSameRow, type FrontendRow } from './render.ts';
import { parseSave, type SavedTables } from './save-text.ts';
import { dispatchScript, rowScript, skeletonScript, withoutDispatch } from './script.ts';
import { isSameSkeleton, type SkeletonEntry } from './skeleton.ts';

const FAMILIES: readonly Family[] = [4, 6];
/** From so many rules on that leave the dispatch chain it is written whole. */
const MAX_DETACHED_RULES = 50;

export function skeletonTarget(realm: IptablesRealm): Target<SkeletonEntry> {
  const options = { realm, script: skeletonScript };
  return {
    name: targetName(realm, 'chains'),
    isBase: true,
    isIsolated: true,
    observe: (signal) => observeBy(realm, signal, observeSkeleton),
    isEqual: isSameSkeleton,
    update: (entries, signal, seen) => applyChanges(additions(entries, seen), { ...options, signal }),
    delete: (entries, signal) => applyChanges(removals(entries), { ...options, signal }),
    print: (verb, _key, entry) => printed(realm, entry.family, skeletonScript([changeFor(verb, entry)])),
  };
}

export function frontendTarget(realm: IptablesRealm): Target<FrontendRow> {
  return {
    name: targetName(realm, 'frontends'),
    // To read back what 10,000 Services hold takes seconds.
    isIsolated: true,
    observe: (signal) => observeBy(realm, signal, observeFrontends),
    isEqual: isSameRow,
    update: (entries, signal, seen) =>
      applyChanges(additions(entries, seen), { realm, signal, script: rowScript }),
    delete: (entries, signal) => removeRows(realm, entries, signal),
    print: (verb, _key, row) => printed(realm, row.family, rowScript([changeFor(verb, row)])),
  };
}

async function removeRows(
  realm: IptablesRealm,
  rows: ReadonlyMap<string, FrontendRow>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, unknown>> {
  const options = { realm, signal, script: rowScript };
  const isMany = rows.size > MAX_DETACHED_RULES;
  const strayKeys = FAMILIES.map(strayKey).filter((key) => rows.has(key));
  if (!isMany && strayKeys.length === 0) return applyChanges(removals(rows), options);
  const present = await observeBy(realm, signal, observeFrontends);
  const going = new Map(rows);
  for (const key of strayKeys) {
    // Chains that were nobody's may have become a frontend's since they were seen.
    const stray = present.get(key);
    if (stray === undefined) going.delete(key);
    else going.set(key, stray);
  }
  if (!isMany) return applyChanges(removals(going), options);
  for (const family of new Set([...rows.values()].map((it) => it.family))) {
    const staying = [...present].filter(([key, row]) => row.family === family && !rows.has(key));
    const script = dispatchScript(staying.map(([, row]) => row));
    await restoreIptables(script, { ...realm, family, signal });
  }
  const rest = new Map([...going].map(([key, row]) => [key, withoutDispatch(row)]));
  return applyChanges(removals(rest), options);
}

function additions<T>(
  entries: ReadonlyMap<string, T>,
  seen: ReadonlyMap<string, T>,
): ReadonlyMap<string, Change<T>> {
  return new Map([...entries].map(([key, to]) => [key, { from: seen.get(key), to }]));
}

function removals<T>(entries: ReadonlyMap<string, T>): ReadonlyMap<string, Change<T>> {
  return new Map([...entries].map(([key, from]) => [key, { from, to: undefined }]));
}

function changeFor<T>(verb: 'update' | 'delete', entry: T): Change<T> {
  return verb === 'update' ? { from: undefined, to: entry } : { from: entry, to: undefined };
}

/** A machine without the programs has nothing of ours: whoever needs them finds out when it writes. */
async function observeBy<T>(
  realm: IptablesRealm,
  signal: AbortSignal,
  read: (tables: SavedTables, family: Family) => ReadonlyMap<string, T>,
): Promise<ReadonlyMap<string, T>> {
  const all = new Map<string, T>();
  for (const family of FAMILIES) {
    try {
      const tables = parseSave(await saveIptables({ ...realm, family, signal }));
      for (const [key, entry] of read(tables, family)) all.set(key, entry);
    } catch (error) {
      if (!hasCode(error, 'unsupported')) throw error;
    }
  }
  return all;
}

function targetName({ flavour }: IptablesRealm, what: string): string {
  return `service-iptables ${what} (${flavour})`;
}

/** The script as one would feed it to the program. */
function printed({ flavour }: IptablesRealm, family: Family, script: string): readonly string[] {
  const program = iptablesProgram('restore', { flavour, family });
  return [`${program} --noflush <<EOF`, ...script.trimEnd().split('\n'), 'EOF'];
}
