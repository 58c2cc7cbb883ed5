// Pure: what `iptables-save` shows, back to the rows of frontends and the entries of the skeleton. Rules that somebody changed read as what they are, so that they differ.

import { tryParseIp, type Family } from '../../base/ip.ts';
import { parsePort, type Protocol } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import { CHAINS, isFrontendChain } from './names.ts';
import type { EntryRule, FrontendRow } from './render.ts';
import type { SavedTable, SavedTables } from '../shared-iptables/save-text.ts';
import { skeletonKey, skeletonKind, type SkeletonEntry } from './skeleton.ts';

const ENTRY =
  /^-d (\S+)\/(?:32|128) -p (tcp|udp|sctp) (?:-m comment --comment \S+ )?-m \w+ --dport (\d+) -j (\S+)$/;
const NODE_LOCAL = /^-d \S+ -m comment --comment "(\S+\/(?:TCP|UDP|SCTP))" -j RETURN$/;
const TARGET = /-j (\S+)/;
const BUILT_IN: Readonly<Record<'nat' | 'filter', readonly string[]>> = {
  nat: ['PREROUTING', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** The tables that the backend writes to. */
export const SERVICE_TABLES = ['nat', 'filter'] as const;
type ServiceTables = SavedTables<(typeof SERVICE_TABLES)[number]>;

/** Rows by frontend key. Chains of frontends that no rule leads to stand under `strayKey`. */
export function observeFrontends(tables: ServiceTables, family: Family): ReadonlyMap<string, FrontendRow> {
  const rows = new Map<string, FrontendRow>();
  const used = new Set<string>();
  for (const rule of tables.nat.get(CHAINS.services) ?? []) {
    const found = readEntry(rule);
    if (found === undefined) continue;
    const chains = chainsFrom(found.chain, tables.nat, used);
    addEntry(rows, found.key, { family, entry: { table: 'nat', chain: CHAINS.services, rule }, chains });
  }
  for (const rule of tables.filter.get(CHAINS.clusterIps) ?? []) {
    const key = NODE_LOCAL.exec(rule)?.[1];
    if (key === undefined) continue;
    const entry: EntryRule = { table: 'filter', chain: CHAINS.clusterIps, rule };
    addEntry(rows, key, { family, entry, chains: new Map() });
  }
  const strays = [...tables.nat].filter(([name]) => isFrontendChain(name) && !used.has(name));
  if (strays.length === 0) return rows;
  const chains = new Map(strays.map(([name, rules]) => [name, rules.join('\n')]));
  return rows.set(strayKey(family), { family, entries: [], chains });
}

/** No frontend has such a key: it is always removed. */
export function strayKey(family: Family): string {
  return `chains of no frontend (IPv${family})`;
}

interface FoundEntry {
  readonly family: Family;
  readonly entry: EntryRule;
  readonly chains: ReadonlyMap<string, string>;
}

/** A second rule for the same frontend makes the row differ from any that is wanted. */
function addEntry(rows: Map<string, FrontendRow>, key: string, found: FoundEntry): void {
  const { family, entry, chains } = found;
  const known = rows.get(key);
  if (known === undefined) rows.set(key, { family, entries: [entry], chains });
  else
    rows.set(key, {
      family,
      entries: [...known.entries, entry],
      chains: new Map([...known.chains, ...chains]),
    });
}

function readEntry(rule: string): { readonly key: string; readonly chain: string } | undefined {
  const [, host = '', transport = '', port = '', chain = ''] = ENTRY.exec(rule) ?? [];
  const ip = tryParseIp(host);
  if (ip === undefined || !isFrontendChain(chain)) return undefined;
  const protocol = transport.toUpperCase() as Protocol; // The pattern lets no other through.
  return { key: frontendKey({ ip, port: parsePort(Number(port)), protocol }), chain };
}

/** All chains that a frontend's first one leads to, itself included. */
function chainsFrom(first: string, nat: SavedTable, used: Set<string>): ReadonlyMap<string, string> {
  const chains = new Map<string, string>();
  const ahead = [first];
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    const rules = nat.get(name);
    if (rules === undefined || chains.has(name)) continue;
    used.add(name);
    chains.set(name, rules.join('\n'));
    for (const rule of rules) {
      const target = TARGET.exec(rule)?.[1];
      if (target !== undefined && isFrontendChain(target)) ahead.push(target);
    }
  }
  return chains;
}

/** Entries by key, for what is there. */
export function observeSkeleton(tables: ServiceTables, family: Family): ReadonlyMap<string, SkeletonEntry> {
  const entries = (['nat', 'filter'] as const).flatMap((table) => [
    ...jumpsIn(tables, family, table),
    ...[...tables[table]].flatMap(([chain, rules]): readonly SkeletonEntry[] => {
      const kind = skeletonKind(chain);
      if (kind === undefined) return [];
      const own = kind === 'shared' ? rules.filter((rule) => !isFrontendRule(rule)) : rules;
      return [{ kind, family, table, chain, rules: own }];
    }),
  ]);
  return new Map(entries.map((it) => [skeletonKey(it), it]));
}

function jumpsIn(tables: ServiceTables, family: Family, table: 'nat' | 'filter'): readonly SkeletonEntry[] {
  return BUILT_IN[table].flatMap((chain): readonly SkeletonEntry[] => {
    const rules = tables[table].get(chain) ?? [];
    const ours = rules.filter((rule) => skeletonKind(TARGET.exec(rule)?.[1] ?? '') !== undefined);
    return ours.length === 0 ? [] : [{ kind: 'jump', family, table, chain, rules: ours }];
  });
}

function isFrontendRule(rule: string): boolean {
  return readEntry(rule) !== undefined || NODE_LOCAL.test(rule);
}
