// Pure: differences as scripts for `iptables-restore --noflush`. A script names the chains that change and no other.

import type { Change } from './apply.ts';
import { CHAINS } from './names.ts';
import { isSameEntry, type EntryRule, type FrontendRow, type Table } from './render.ts';
import { isSkeleton, type IptablesEntry } from './entries.ts';
import type { SkeletonEntry } from './skeleton.ts';

/** Lines of one table, in the order in which the program takes them. */
interface Section {
  /** Chains that are made, or emptied, with the rules that they get, a line each. */
  readonly chains: Map<string, string>;
  /** Rules in chains of others: removed first, then added. What is written anew in the same script is rid of them already. */
  readonly detached: { readonly chain: string; readonly rule: string }[];
  readonly attached: string[];
  readonly removed: string[];
}

type Sections = Readonly<Record<Table, Section>>;

/** filter before nat: what nat marks must be refused already. */
const TABLES: readonly Table[] = ['filter', 'nat'];

/** Makes the script, each piece when it is taken: there may be many megabytes. */
export type ScriptPieces = () => Iterable<string>;

/** Of entries of both kinds; empty where nothing is to be done. */
export function scriptFor(changes: readonly Change<IptablesEntry>[]): string {
  return [...(scriptPieces(changes)?.() ?? [])].join('');
}

/** The same in pieces; undefined where nothing is to be done. */
export function scriptPieces(changes: readonly Change<IptablesEntry>[]): ScriptPieces | undefined {
  const sections = newSections();
  for (const { from, to } of changes) {
    const some = to ?? from;
    if (some === undefined) continue;
    if (isSkeleton(some))
      changeSkeleton(sections, from as SkeletonEntry | undefined, to as SkeletonEntry | undefined); // A key is of one kind.
    else changeRow(sections, from as FrontendRow | undefined, to as FrontendRow | undefined);
  }
  return TABLES.every((table) => isEmpty(sections[table])) ? undefined : () => piecesOf(sections);
}

function changeRow(sections: Sections, from: FrontendRow | undefined, to: FrontendRow | undefined): void {
  for (const [name, rules] of to?.chains ?? []) {
    if (from?.chains.get(name) !== rules) rewrite(sections.nat, name, rules);
  }
  for (const name of from?.chains.keys() ?? []) {
    if (to?.chains.has(name) !== true) removeChain(sections.nat, name);
  }
  moveEntries(sections, from?.entries ?? [], to?.entries ?? []);
}

/** The dispatch chain whole, with the rules of these rows alone. To take rules out one by one the program looks for each in the whole chain. */
export function dispatchScript(rows: readonly FrontendRow[]): string {
  const sections = newSections();
  const rules = rows.flatMap((row) => row.entries.filter(isDispatch).map((it) => it.rule));
  rewrite(sections.nat, CHAINS.services, rules.join('\n'));
  return [...piecesOf(sections)].join('');
}

/** A row that no rule of the dispatch chain leads to any more. */
export function withoutDispatch(row: FrontendRow): FrontendRow {
  return { ...row, entries: row.entries.filter((it) => !isDispatch(it)) };
}

function isDispatch({ table, chain }: EntryRule): boolean {
  return table === 'nat' && chain === CHAINS.services;
}

/** A rule that stays is not touched; one that is there twice goes once. */
function moveEntries(sections: Sections, from: readonly EntryRule[], to: readonly EntryRule[]): void {
  const missing = [...to];
  for (const it of from) {
    const at = missing.findIndex((other) => isSameEntry(it, other));
    if (at === -1) sections[it.table].detached.push(it);
    else missing.splice(at, 1);
  }
  for (const { table, chain, rule } of missing) {
    // In front of the rule that refuses what is left.
    sections[table].attached.push(`${table === 'filter' ? '-I' : '-A'} ${chain} ${rule}`);
  }
}

function changeSkeleton(
  sections: Sections,
  from: SkeletonEntry | undefined,
  to: SkeletonEntry | undefined,
): void {
  if (to === undefined) {
    if (from !== undefined) removeEntry(sections[from.table], from);
  } else if (to.kind === 'chain' || (to.kind === 'shared' && from === undefined)) {
    rewrite(sections[to.table], to.chain, to.rules.join('\n'));
  } else moveRules(sections[to.table], from, to);
}

function removeEntry(section: Section, { kind, chain, rules }: SkeletonEntry): void {
  if (kind === 'jump') section.detached.push(...rules.map((rule) => ({ chain, rule })));
  else removeChain(section, chain);
}

/** Jumps come first in their chain, what ends a shared chain comes last. */
function moveRules(section: Section, from: SkeletonEntry | undefined, to: SkeletonEntry): void {
  const { chain, rules, kind } = to;
  section.detached.push(...(from?.rules ?? []).map((rule) => ({ chain, rule })));
  section.attached.push(...rules.map((rule) => `${kind === 'jump' ? '-I' : '-A'} ${chain} ${rule}`));
}

function rewrite(section: Section, chain: string, rules: string): void {
  section.chains.set(chain, rules);
}

/** Emptied first: no rule of a chain that goes may hold another one that goes. */
function removeChain(section: Section, chain: string): void {
  section.chains.set(chain, '');
  section.removed.push(`-X ${chain}`);
}

function newSections(): Sections {
  const section = (): Section => ({ chains: new Map(), detached: [], attached: [], removed: [] });
  return { nat: section(), filter: section() };
}

function* piecesOf(sections: Sections): Generator<string> {
  for (const table of TABLES) {
    if (isEmpty(sections[table])) continue;
    yield `*${table}\n`;
    yield* linesOf(sections[table]);
    yield 'COMMIT\n';
  }
}

function isEmpty({ chains, detached, attached, removed }: Section): boolean {
  return chains.size + detached.length + attached.length + removed.length === 0;
}

function* linesOf({ chains, detached, attached, removed }: Section): Generator<string> {
  for (const chain of chains.keys()) yield `:${chain} - [0:0]\n`;
  for (const [chain, rules] of chains)
    if (rules !== '') yield `-A ${chain} ${rules.replaceAll('\n', `\n-A ${chain} `)}\n`;
  for (const { chain, rule } of detached) if (!chains.has(chain)) yield `-D ${chain} ${rule}\n`;
  for (const line of attached) yield `${line}\n`;
  for (const line of removed) yield `${line}\n`;
}
