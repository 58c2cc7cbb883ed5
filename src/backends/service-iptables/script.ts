// Pure: differences as scripts for `iptables-restore --noflush`. A script names the chains that change and no other.

import type { Change } from './apply.ts';
import { CHAINS } from './names.ts';
import type { EntryRule, FrontendRow, Table } from './render.ts';
import { isSkeleton, type IptablesEntry } from './entries.ts';
import type { SkeletonEntry } from './skeleton.ts';

/** Lines of one table, in the order in which the program takes them. */
interface Section {
  /** Chains that are made, or emptied, with the rules that they get. */
  readonly chains: Map<string, readonly string[]>;
  /** Rules in chains of others: removed first, then added. What is written anew in the same script is rid of them already. */
  readonly detached: { readonly chain: string; readonly rule: string }[];
  readonly attached: string[];
  readonly removed: string[];
}

type Sections = Readonly<Record<Table, Section>>;

/** Of entries of both kinds; empty where nothing is to be done. */
export function scriptFor(changes: readonly Change<IptablesEntry>[]): string {
  const sections = newSections();
  for (const { from, to } of changes) {
    const some = to ?? from;
    if (some === undefined) continue;
    if (isSkeleton(some))
      changeSkeleton(sections, from as SkeletonEntry | undefined, to as SkeletonEntry | undefined); // A key is of one kind.
    else changeRow(sections, from as FrontendRow | undefined, to as FrontendRow | undefined);
  }
  return scriptOf(sections);
}

function changeRow(sections: Sections, from: FrontendRow | undefined, to: FrontendRow | undefined): void {
  for (const [name, rules] of to?.chains ?? []) {
    if (from?.chains.get(name) !== rules) rewrite(sections.nat, name, rules.split('\n'));
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
  rewrite(sections.nat, CHAINS.services, rules);
  return scriptOf(sections);
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
  const missing = new Map(to.map((it) => [entryText(it), it]));
  for (const it of from) {
    if (!missing.delete(entryText(it))) sections[it.table].detached.push(it);
  }
  for (const { table, chain, rule } of missing.values()) {
    // In front of the rule that refuses what is left.
    sections[table].attached.push(`${table === 'filter' ? '-I' : '-A'} ${chain} ${rule}`);
  }
}

function entryText({ table, chain, rule }: EntryRule): string {
  return `${table} ${chain} ${rule}`;
}

function changeSkeleton(
  sections: Sections,
  from: SkeletonEntry | undefined,
  to: SkeletonEntry | undefined,
): void {
  if (to === undefined) {
    if (from !== undefined) removeEntry(sections[from.table], from);
  } else if (to.kind === 'chain' || (to.kind === 'shared' && from === undefined)) {
    rewrite(sections[to.table], to.chain, to.rules);
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

function rewrite(section: Section, chain: string, rules: readonly string[]): void {
  section.chains.set(chain, rules);
}

/** Emptied first: no rule of a chain that goes may hold another one that goes. */
function removeChain(section: Section, chain: string): void {
  section.chains.set(chain, []);
  section.removed.push(`-X ${chain}`);
}

function newSections(): Sections {
  const section = (): Section => ({ chains: new Map(), detached: [], attached: [], removed: [] });
  return { nat: section(), filter: section() };
}

/** filter before nat: what nat marks must be refused already. */
function scriptOf(sections: Sections): string {
  return (['filter', 'nat'] as const).map((table) => sectionText(table, sections[table])).join('');
}

function sectionText(table: Table, section: Section): string {
  const { chains, detached, attached, removed } = section;
  const lines = [
    ...[...chains.keys()].map((chain) => `:${chain} - [0:0]`),
    ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ...detached.filter(({ chain }) => !chains.has(chain)).map(({ chain, rule }) => `-D ${chain} ${rule}`),
    ...attached,
    ...removed,
  ];
  return lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}
