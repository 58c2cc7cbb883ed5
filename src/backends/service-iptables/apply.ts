// Changes of keyed entries into the kernel, by as few runs of `iptables-restore` as serve; what holds one back is found by halves.

import { hasCode } from '../../base/errors.ts';
import type { Family } from '../../base/ip.ts';
import type { ScriptPieces } from './script.ts';
import { restoreIptables, type IptablesFlavour, type IptablesPlace } from '../../sys/iptables.ts';

/** Where the rules are: a flavour in a namespace. */
export type IptablesRealm = Pick<IptablesPlace, 'flavour' | 'netns'>;

/** From what is there to what is wanted, undefined where there is nothing; both of one family. */
export interface Change<T> {
  readonly from: T | undefined;
  readonly to: T | undefined;
}

export interface ApplyOptions<T> {
  readonly realm: IptablesRealm;
  readonly signal: AbortSignal;
  /** Undefined where nothing is to be done. */
  readonly script: (changes: readonly Change<T>[]) => ScriptPieces | undefined;
  /** How many chains an entry has; one where it is not told. */
  readonly chainsOf?: (entry: T) => number;
}

/**
 * About how many chains go into one run. The legacy program exchanges the whole table each time. In the nft flavour the program's time grows with the square of the
 * chains that a script names: 33,000 of them took 35 s at once and 8 s in parts of 1,100 (iptables 1.8.9).
 */
const CHAINS_PER_SCRIPT: Readonly<Record<IptablesFlavour, number>> = { legacy: Infinity, nft: 1000 };

/** Where so many scripts have failed, the reason is no single entry's. */
const MAX_FAILED_SCRIPTS = 40;

type Entries<T> = readonly (readonly [key: string, change: Change<T>])[];

/** Failures by key. */
export async function applyChanges<T extends { readonly family: Family }>(
  changes: ReadonlyMap<string, Change<T>>,
  options: ApplyOptions<T>,
): Promise<ReadonlyMap<string, unknown>> {
  const failures = new Map<string, unknown>();
  const byFamily = Map.groupBy(changes, ([, { from, to }]) => (to ?? from)?.family ?? 4);
  for (const [family, entries] of byFamily) await applyFamily(family, entries, options, failures);
  return failures;
}

async function applyFamily<T>(
  family: Family,
  all: Entries<T>,
  { realm, signal, script, chainsOf }: ApplyOptions<T>,
  failures: Map<string, unknown>,
): Promise<void> {
  let failedScripts = 0;
  const sizeOf = (change: Change<T>): number => sizeOfChange(change, chainsOf);
  const parts = partsOf(all, CHAINS_PER_SCRIPT[realm.flavour], sizeOf);
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const pieces = script(part.map(([, change]) => change));
    if (pieces === undefined) continue;
    try {
      await restoreIptables(pieces, { ...realm, family, signal });
    } catch (error) {
      failedScripts++;
      const half = Math.ceil(part.length / 2);
      // Only what the kernel or the program refused can be the fault of an entry.
      const isWorthSplitting =
        part.length > 1 && hasCode(error, 'kernel') && failedScripts < MAX_FAILED_SCRIPTS;
      if (isWorthSplitting) parts.push(part.slice(half), part.slice(0, half));
      else for (const [key] of part) failures.set(key, error);
    }
  }
}

/** In such an order that the last one is the first. */
function partsOf<T>(all: Entries<T>, maxSize: number, sizeOf: (change: Change<T>) => number): Entries<T>[] {
  const parts: (readonly [key: string, change: Change<T>])[][] = [];
  let size = Infinity;
  for (const entry of all) {
    if (size >= maxSize) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(entry);
    size += sizeOf(entry[1]);
  }
  return parts.reverse();
}

function sizeOfChange<T>({ from, to }: Change<T>, chainsOf: ApplyOptions<T>['chainsOf']): number {
  const count = (entry: T | undefined): number => (entry === undefined ? 0 : (chainsOf?.(entry) ?? 1));
  return count(from) + count(to);
}
