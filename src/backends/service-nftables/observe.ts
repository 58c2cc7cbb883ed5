// Reads back what the table holds: frontends from their elements, and whether the rules are ours.

import type { Cidr } from '../../base/cidr.ts';
import {
  compareIps,
  familyOf,
  ipFromBigInt,
  ipFromBytes,
  ipToBigInt,
  type Family,
  type Ip,
} from '../../base/ip.ts';
import type { NfTables } from '../../sys/nf-tables.ts';
import type { NftElement } from '../../wire/netlink/nftables.ts';
import { addressId, prefixOf, readAddress, readName, readValue, setName } from './element-codec.ts';
import { chainOfKind, kindOfMark, type FlowKind } from './flow-kind.ts';
import { FRONTEND_SETS, rowKey, type FrontendRow } from './frontend-row.ts';
import { baseChains, chainOf, DRAIN_CHAIN, firstKinds } from './skeleton.ts';
import {
  BROKEN_MARK,
  DRAINING_MARK,
  PREFIX_SETS,
  readRuleComment,
  SERVICE_TABLE,
  SKELETON_KEY,
  SKELETON_MARK,
  type SkeletonEntry,
} from './skeleton-entry.ts';

const FAMILIES: readonly Family[] = [4, 6];

interface RowBuilder extends FrontendRow {
  readonly elements: Map<string, string>;
}

/** Rows by frontend key; empty where there is no table. */
export async function observeRows(tables: NfTables): Promise<ReadonlyMap<string, FrontendRow>> {
  const rows = new Map<string, FrontendRow>();
  for (const family of FAMILIES) {
    const builders = new Map<string, RowBuilder>();
    for (const set of FRONTEND_SETS) {
      const elements = (await tables.listElements(SERVICE_TABLE, setName(set, family))) ?? [];
      for (const element of elements) {
        const row = builderOf(builders, family, element.key);
        row?.elements.set(readName(set, family, element), readValue(set, family, element));
      }
    }
    for (const row of builders.values()) rows.set(rowKey(row), row);
  }
  return rows;
}

function builderOf(
  builders: Map<string, RowBuilder>,
  family: Family,
  key: Uint8Array,
): RowBuilder | undefined {
  const id = addressId(family, key);
  const known = builders.get(id);
  if (known !== undefined) return known;
  const address = readAddress(family, key);
  if (address === undefined) return undefined;
  const row: RowBuilder = { ...address, elements: new Map() };
  builders.set(id, row);
  return row;
}

/** Kinds of flows that have their chain and their place in the map. */
export async function observeKinds(tables: NfTables): Promise<ReadonlyMap<string, FlowKind>> {
  const elements = (await tables.listElements(SERVICE_TABLE, 'kinds')) ?? [];
  const kinds = elements.flatMap((it) => kindOfElement(it) ?? []);
  return new Map(kinds.map((it) => [chainOfKind(it), it]));
}

/** Undefined where the element leads elsewhere than its mark says. */
function kindOfElement({ key, data }: NftElement): FlowKind | undefined {
  const mark = new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0, true);
  const kind = kindOfMark(mark);
  if (kind === undefined || data?.kind !== 'goto') return undefined;
  return data.chain === chainOfKind(kind) ? kind : undefined;
}

/** Empty where there is no table. */
export async function observeSkeleton(tables: NfTables): Promise<ReadonlyMap<string, SkeletonEntry>> {
  const chains = await tables.listChains(SERVICE_TABLE);
  if (chains.length === 0) return new Map();
  const isDraining = chains.length === 1 && chains[0] === DRAIN_CHAIN;
  const [pods, local] = await Promise.all(PREFIX_SETS.map((it) => observePrefixes(tables, it)));
  const rules = isDraining ? { mark: DRAINING_MARK, behind: [] } : await observeRules(tables, chains);
  const entry = { ...rules, pods: pods ?? [], local: local ?? [] };
  return new Map([[SKELETON_KEY, entry]]);
}

/** Ours where every chain has as many rules as we load, and each rule says that it is ours. */
async function observeRules(
  tables: NfTables,
  chains: readonly string[],
): Promise<Pick<SkeletonEntry, 'mark' | 'behind'>> {
  const counts = new Map(chains.map((it) => [it, 0]));
  const behind = new Set<Ip>();
  for (const { chain, comment } of await tables.listRules(SERVICE_TABLE)) {
    const read = readRuleComment(comment ?? '');
    if (read === undefined) return { mark: BROKEN_MARK, behind: [] };
    if (read.behind !== undefined) behind.add(read.behind);
    counts.set(chain, (counts.get(chain) ?? 0) + 1);
  }
  return {
    mark: await markOf(counts, tables),
    behind: [...behind].sort((a, b) => familyOf(a) - familyOf(b)),
  };
}

async function markOf(counts: ReadonlyMap<string, number>, tables: NfTables): Promise<string> {
  const kinds = await observeKinds(tables);
  const expected = new Map(baseChains([]).map((it) => [it.name, it.rules.length]));
  for (const kind of [...firstKinds(), ...kinds.values()]) {
    if (!kinds.has(chainOfKind(kind))) return BROKEN_MARK;
    const chain = chainOf(kind);
    expected.set(chain.name, chain.rules.length);
  }
  for (const [chain, count] of counts) {
    // Among others the chain of a kind that has no place in the map: its flows would find nothing.
    if (expected.get(chain) !== count) return BROKEN_MARK;
  }
  return [...expected.keys()].every((it) => counts.has(it)) ? SKELETON_MARK : BROKEN_MARK;
}

export async function observePrefixes(tables: NfTables, set: string): Promise<readonly Cidr[]> {
  const lists = [];
  for (const family of FAMILIES) {
    const elements = (await tables.listElements(SERVICE_TABLE, `${set}${family}`)) ?? [];
    lists.push(prefixesOf(elements, family));
  }
  return lists.flat().toSorted();
}

/** Ranges lie in the kernel as where they begin and what is behind their end. */
function prefixesOf(elements: readonly NftElement[], family: Family): readonly Cidr[] {
  const bounds = elements.map((it) => ({ ip: ipFromBytes(it.key), isEnd: it.isIntervalEnd === true }));
  bounds.sort((a, b) => compareIps(a.ip, b.ip) || Number(b.isEnd) - Number(a.isEnd));
  const width = family === 4 ? 32n : 128n;
  const prefixes: Cidr[] = [];
  for (const [at, { ip, isEnd }] of bounds.entries()) {
    if (isEnd) continue;
    const next = bounds[at + 1];
    const end = next === undefined ? 1n << width : ipToBigInt(next.ip);
    prefixes.push(prefixOf(ip, ipFromBigInt(end - 1n, family)));
  }
  return prefixes;
}
