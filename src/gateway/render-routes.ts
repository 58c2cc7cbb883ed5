// Hosts, paths and rules as the lines of HAProxy's maps. What needs no look at anything but host and path leads to a backend at once; everything else
// leads to a list for Lua. Pure; the picture of both ways:
//
//   paths   "shop.example.com:80" + "/cart/#"  -> "b0001", "=" or "+" and a list   (exact paths: a path has no "#", so that nothing is longer)
//           "shop.example.com:80" + "/cart/"   -> the same                         (the longest prefix; the slash makes whole elements of it)
//   rules   the same keys                      -> id of the rule that a backend was found by; empty where nobody wants to know
//   hosts   "shop.example.com|80"              -> table "|" listener               (see nameKey in proxy-text.ts: the most specific pattern that has the name)
//   more    table                              -> what Lua has to know of it: the next less specific table, its list of regular expressions
//   guards  "443|*.example.com"                -> "required" or "optional": the listener wants to see a client's certificate
//   streams "shop.example.com|443"             -> render-streams.ts
//   data    name by content                    -> lists and rules, each a tree
//
// A table that one name alone leads to is called by that name and the port, so that `hosts` need not be asked for it. Any other has three words: port, listener and pattern.
// Behind "=" is a list of entries that ask for headers at most and are all that the table has for the path; behind "+" is any other.
// Lists and rules are named by what they say, so that a line of `data` never changes: what leads to a new one comes after it, and no cache of Lua is ever stale.

import type {
  HostTable,
  HttpListener,
  HttpsListener,
  ProxyModel,
  ProxyPort,
  RouteEntry,
} from '../model/gateway.ts';
import { KeyedMemo } from '../compile/gateway/memo.ts';
import { coveringPatterns, isWild, mostSpecific, patternOf, patternOfTable } from './host-patterns.ts';
import { contentName, isMapKey, nameKey, type Tree, treeText } from './proxy-text.ts';
import { streamLines } from './render-streams.ts';
import type { SlotOf } from './render-rules.ts';
import { RenderedRules, type KnownRules, type RenderedRule } from './rendered-rules.ts';

/** Name of a map -> its lines. */
export type ProxyMaps = Readonly<Record<MapName, ReadonlyMap<string, string>>>;

export const MAP_NAMES = ['data', 'more', 'rules', 'paths', 'guards', 'hosts', 'streams'] as const;
export type MapName = (typeof MAP_NAMES)[number];

/** A line of `data` holds so much; a longer text is cut into several. */
const PIECE_CHARACTERS = 8000;
/** Of one list or rule. More is no rule that anybody means. */
const MAX_TEXT_CHARACTERS = 4_000_000;

/** An HTTP or HTTPS listener group of one port: what decides by name. */
export interface RoutedPort {
  readonly port: number;
  readonly listeners: readonly (HttpListener | HttpsListener)[];
}

/** What earlier passes have rendered: a change costs what it concerns. */
export class RenderedRoutes {
  readonly rules: KnownRules = new WeakMap();
  /** By the tables' names. */
  readonly tables = new KeyedMemo<TableLines>();
}

/** What one table brings to the maps. */
interface TableLines {
  readonly paths: ReadonlyMap<string, string>;
  /** Which rule a path leads by, where somebody wants to know. */
  readonly told: ReadonlyMap<string, string>;
  readonly data: ReadonlyMap<string, string>;
  readonly more: string | undefined;
  /** By the id of their rule. */
  readonly problems: ReadonlyMap<string, string>;
}

export class RouteMaps {
  readonly maps = Object.fromEntries(MAP_NAMES.map((it) => [it, new Map<string, string>()])) as Record<
    MapName,
    Map<string, string>
  >;
  readonly #slotOf: SlotOf;
  readonly #before: RenderedRoutes;
  readonly #rules: RenderedRules;
  readonly #isTold: boolean;
  /** By the id of their rule. */
  readonly problems = new Map<string, string>();

  constructor(model: ProxyModel, slotOf: SlotOf, before: RenderedRoutes) {
    this.#slotOf = slotOf;
    this.#before = before;
    this.#isTold = model.telemetry !== undefined;
    this.#rules = new RenderedRules(model, slotOf, before.rules);
  }

  /** After all ports: what none of them has any more is forgotten. */
  end(): void {
    this.#before.tables.endRound();
  }

  addPort({ port, listeners }: RoutedPort): void {
    const owners = listeners.flatMap((listener) => {
      const pattern = patternOf(listener.hostname);
      const validation = 'tls' in listener ? listener.tls.clientValidation : undefined;
      if (validation !== undefined)
        this.maps.guards.set(`${port}|${pattern}`, validation.isRequired ? 'required' : 'optional');
      return pattern === undefined ? [] : [{ pattern, tables: tablesOf(listener.hosts) }];
    });
    const byPattern = new Map(owners.map((it) => [it.pattern, it]));
    const patterns = new Set(owners.flatMap((it) => [it.pattern, ...it.tables.keys()]));
    const ways = [...patterns].map((pattern) => {
      const owner = mostSpecific(byPattern, pattern);
      return { pattern, owner, table: owner && mostSpecific(owner.tables, pattern) };
    });
    const keys = tableKeys(port, owners, ways);
    for (const { tables } of owners) for (const table of tables.values()) this.#addTable(table, tables, keys);
    // A name whose listener has nothing for it is known all the same: no less specific listener may take it.
    for (const { pattern, owner, table } of ways) {
      const key = (table && keys.get(table)) ?? NO_TABLE;
      this.maps.hosts.set(nameKey(pattern, String(port)), `${key}|${owner?.pattern ?? ''}`);
    }
  }

  addStreams(port: ProxyPort): void {
    const lines = streamLines(port, { slotOf: this.#slotOf, put: (tree) => putTree(tree, this.maps.data) });
    for (const [key, value] of lines) this.maps.streams.set(key, value);
  }

  #addTable(table: NamedTable, tables: ReadonlyMap<string, NamedTable>, keys: TableKeys): void {
    const { entries, pattern } = table;
    const key = keys.get(table) ?? NO_TABLE;
    const [, ...less] = coveringPatterns(pattern);
    const next = less.map((it) => tables.get(it)).find((it) => it !== undefined);
    const nextKey = next && (keys.get(next) ?? '');
    const rules = entries.map((it) => this.#rules.of(it.rule));
    const lines = this.#before.tables.get(key, [entries, nextKey, this.#isTold, ...rules], () =>
      this.#linesOf({ entries, rules, key, nextKey }),
    );
    for (const [path, value] of lines.paths) this.maps.paths.set(path, value);
    for (const [path, rule] of lines.told) this.maps.rules.set(path, rule);
    for (const [name, text] of lines.data) this.maps.data.set(name, text);
    for (const [rule, problem] of lines.problems) this.problems.set(rule, problem);
    if (lines.more !== undefined) this.maps.more.set(key, lines.more);
  }

  #linesOf({ entries, rules, key, nextKey }: TableWords): TableLines {
    const groups = groupEntries(entries);
    const data = new Map<string, string>();
    const problems = new Map<string, string>();
    const listOf = (list: readonly Ordered[]): string => this.#list(list, { data, problems });
    const hasMore = nextKey !== undefined || groups.regex.length > 0;
    const isFirst = ({ order }: Ordered): boolean => groups.regex.every((it) => it.order > order);
    const paths = new Map<string, string>();
    const told = new Map<string, string>();
    for (const [path, own] of groups.paths) {
      const [first] = own;
      if (first === undefined) continue;
      const isCertain = isFirst(first) && hasNoCondition(first.entry);
      const direct = isCertain ? rules[first.order]?.direct : undefined;
      if (direct !== undefined && this.#isTold) told.set(`${key}${path}`, treeText(first.entry.rule));
      paths.set(`${key}${path}`, direct ?? `${hasMore || own.some(asksForMore) ? '+' : '='}${listOf(own)}`);
    }
    if (!hasMore) return { paths, told, data, problems, more: undefined };
    const regexes = groups.regex.length === 0 ? '' : listOf(groups.regex);
    return { paths, told, data, problems, more: treeText([nextKey ?? '', regexes]) };
  }

  #list(entries: readonly Ordered[], into: Collected): string {
    const rule = (id: string): string => {
      const { tree, problem } = this.#rules.forLua(id);
      if (problem !== undefined) into.problems.set(id, problem);
      return putTree(tree, into.data);
    };
    return putTree(
      entries.map(({ entry, order }) => entryTree(entry, order, rule(entry.rule))),
      into.data,
    );
  }
}

interface Collected {
  readonly data: Map<string, string>;
  readonly problems: Map<string, string>;
}

interface TableWords {
  readonly entries: readonly RouteEntry[];
  /** Of the entries, one by one. */
  readonly rules: readonly RenderedRule[];
  readonly key: string;
  /** The less specific table that what is not decided here goes on to. */
  readonly nextKey: string | undefined;
}

/** Gives the name by which Lua finds the tree among the lines of `data`. */
function putTree(tree: Tree, data: Map<string, string>): string {
  const text = treeText(tree);
  if (text.length > MAX_TEXT_CHARACTERS) return putTree([], data);
  const name = contentName(text);
  if (text.length <= PIECE_CHARACTERS) data.set(name, text);
  else {
    const pieces = Math.ceil(text.length / PIECE_CHARACTERS);
    for (let i = 0; i < pieces; i++)
      data.set(`${name}.${i}`, text.slice(i * PIECE_CHARACTERS, (i + 1) * PIECE_CHARACTERS));
    data.set(name, `+${pieces}`);
  }
  return name;
}

const NO_TABLE = '-';

interface NamedTable {
  readonly pattern: string;
  readonly entries: readonly RouteEntry[];
}

/** Names of tables in every map. */
type TableKeys = ReadonlyMap<NamedTable, string>;

interface Owner {
  /** Of its listener. */
  readonly pattern: string;
  readonly tables: ReadonlyMap<string, NamedTable>;
}

/** From a pattern of names to who has them. */
interface Way {
  readonly pattern: string;
  readonly owner: Owner | undefined;
  readonly table: NamedTable | undefined;
}

/** By their patterns. */
function tablesOf(hosts: readonly HostTable[]): ReadonlyMap<string, NamedTable> {
  const tables = new Map<string, NamedTable>();
  for (const host of hosts) {
    const pattern = patternOfTable(host);
    if (pattern === undefined || tables.has(pattern)) continue;
    tables.set(pattern, { pattern, entries: host.entries });
  }
  return tables;
}

function tableKeys(port: number, owners: readonly Owner[], ways: readonly Way[]): TableKeys {
  const keys = new Map<NamedTable, string>();
  for (const { pattern, tables } of owners)
    for (const table of tables.values()) keys.set(table, `${port},${pattern},${table.pattern}`);
  const byTable = Map.groupBy(ways, (it) => it.table);
  for (const [table, [way, ...others]] of byTable)
    if (table !== undefined && way !== undefined && others.length === 0 && !isWild(way.pattern))
      keys.set(table, `${way.pattern}:${port}`);
  return keys;
}

interface Ordered {
  readonly entry: RouteEntry;
  /** Its place among all of the table. */
  readonly order: number;
}

interface Groups {
  /** By what the keys of paths end with. */
  readonly paths: ReadonlyMap<string, readonly Ordered[]>;
  readonly regex: readonly Ordered[];
}

/**
 * What can match behind each key of the maps, in order, up to the one that always does: entries of shorter prefixes too, since a request whose header does
 * not fit falls through to them.
 */
function groupEntries(entries: readonly RouteEntry[]): Groups {
  const own = new Map<string, Ordered[]>();
  const regex: Ordered[] = [];
  for (const [order, entry] of entries.entries()) {
    const { type, value } = entry.path;
    if (type === 'regex') regex.push({ entry, order });
    else if (isMapKey(value) && value.startsWith('/')) {
      const key = type === 'exact' ? exactKey(value) : prefixKey(value);
      const list = own.get(key);
      if (list === undefined) own.set(key, [{ entry, order }]);
      else list.push({ entry, order });
    }
  }
  const merged = [...own].map(
    ([key, list]) =>
      [key, untilCertain([...list, ...ancestors(key).flatMap((it) => own.get(it) ?? [])])] as const,
  );
  return { paths: new Map(merged), regex };
}

/** What a request's path is looked up as begins with it and is no longer. The exact path "/a" is below the prefix "/a/" as well, which is what "/a" as a prefix is written. */
function exactKey(value: string): string {
  return `${value}/#`;
}

/** "/a/b" and "/a/b/" are one prefix; "/" has everything. */
function prefixKey(value: string): string {
  return value.endsWith('/') ? value : `${value}/`;
}

/** "/", "/a/" for "/a/b/", and for "/a/#". */
function ancestors(key: string): readonly string[] {
  const found: string[] = [];
  for (let at = key.indexOf('/'); at >= 0 && at < key.length - 1; at = key.indexOf('/', at + 1))
    found.push(key.slice(0, at + 1));
  return found;
}

function untilCertain(list: readonly Ordered[]): readonly Ordered[] {
  const sorted = list.toSorted((a, b) => a.order - b.order);
  const certain = sorted.findIndex((it) => hasNoCondition(it.entry));
  return certain < 0 ? sorted : sorted.slice(0, certain + 1);
}

function hasNoCondition(entry: RouteEntry): boolean {
  return entry.method === undefined && entry.headers.length === 0 && entry.query.length === 0;
}

/** For more than headers. */
function asksForMore({ entry }: Ordered): boolean {
  return entry.method !== undefined || entry.query.length > 0;
}

function entryTree(entry: RouteEntry, order: number, rule: string): Tree {
  const matches = (list: RouteEntry['headers']): Tree => list.map((it) => [it.type, it.name, it.value]);
  const { type, value } = entry.path;
  return [String(order), rule, type, value, entry.method ?? '', matches(entry.headers), matches(entry.query)];
}
