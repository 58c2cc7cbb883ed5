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

import type { ProxyModel, ProxyPort, RouteEntry } from '../model/gateway.ts';
import { KeyedMemo } from '../compile/gateway/memo.ts';
import { MapLines, type MapPiece, type ProxyMaps } from './map-lines.ts';
import { namesOf, namesSource, type PortNames, type RoutedPort, type TablePlace } from './port-names.ts';
import { contentName, isMapKey, type Tree, treeText } from './proxy-text.ts';
import { streamLines } from './render-streams.ts';
import { RenderedRules } from './rendered-rules.ts';

/** A line of `data` holds so much; a longer text is cut into several. */
const PIECE_CHARACTERS = 8000;
/** Of one list or rule. More is no rule that anybody means. */
const MAX_TEXT_CHARACTERS = 4_000_000;

/** What one table brings to the maps. */
interface RenderedTable extends TableWords {
  readonly piece: MapPiece;
  /** By the id of their rule. */
  readonly problems: ReadonlyMap<string, string>;
}

/** What earlier passes have rendered: a change costs what it concerns. */
export class RenderedRoutes {
  readonly #rules = new RenderedRules();
  readonly #lines = new MapLines();
  readonly #names = new KeyedMemo<PortNames>();
  /** By the tables' names. */
  #tables: ReadonlyMap<string, RenderedTable> = new Map();
  #isTold = false;

  /** `slots`: names of HAProxy's backends by those of the model; the same object while none has another. */
  render(model: ProxyModel, slots: ReadonlyMap<string, string>): RenderedMaps {
    const isTold = model.telemetry !== undefined;
    const before = isTold === this.#isTold ? this.#tables : new Map<string, RenderedTable>();
    // Who is not told of a change a second time keeps nothing of a rendering that was not finished.
    this.#tables = new Map();
    this.#isTold = isTold;
    this.#rules.begin(model, slots);
    const pieces = new Map<string, MapPiece>();
    const tables = new Map<string, RenderedTable>();
    for (const port of model.ports) {
      const streams = streamsOf(port, slots);
      if (streams !== undefined) pieces.set(`streams ${port.port}`, streams);
      const routed = routedPort(port);
      if (routed === undefined) continue;
      const names = this.#namesOf(routed);
      pieces.set(`names ${port.port}`, names.lines);
      for (const place of names.tables) {
        const table = this.#tableOf(wordsOf(place, routed), before.get(place.key));
        tables.set(place.key, table);
        pieces.set(place.key, table.piece);
      }
    }
    this.#names.endRound();
    this.#tables = tables;
    return { maps: this.#lines.of(pieces), problems: problemsOf(tables.values()) };
  }

  #namesOf(port: RoutedPort): PortNames {
    return this.#names.get(String(port.port), namesSource(port), () => namesOf(port));
  }

  #tableOf(words: TableWords, before: RenderedTable | undefined): RenderedTable {
    return before !== undefined && this.#isStill(before, words) ? before : this.#render(words);
  }

  #isStill(before: TableWords, { entries, nextKey }: TableWords): boolean {
    if (before.entries !== entries || before.nextKey !== nextKey) return false;
    const { others } = this.#rules;
    return others.size === 0 || !entries.some((it) => others.has(it.rule));
  }

  #render(words: TableWords): RenderedTable {
    const { entries, key, nextKey } = words;
    const groups = groupEntries(entries);
    const data = new Map<string, string>();
    const problems = new Map<string, string>();
    const listOf = (list: readonly Ordered[]): string => this.#list(list, { data, problems });
    const hasMore = nextKey !== undefined || groups.regex.length > 0;
    const isFirst = ({ order }: Ordered): boolean => groups.regex.every((it) => it.order > order);
    const paths = new Map<string, string>();
    const rules = new Map<string, string>();
    for (const [path, own] of groups.paths) {
      const [first] = own;
      if (first === undefined) continue;
      const isCertain = isFirst(first) && hasNoCondition(first.entry);
      const direct = isCertain ? this.#rules.of(first.entry.rule).direct : undefined;
      if (direct !== undefined && this.#isTold) rules.set(`${key}${path}`, treeText(first.entry.rule));
      paths.set(`${key}${path}`, direct ?? `${hasMore || own.some(asksForMore) ? '+' : '='}${listOf(own)}`);
    }
    const more = new Map<string, string>();
    const regexes = groups.regex.length === 0 ? '' : listOf(groups.regex);
    if (hasMore) more.set(key, treeText([nextKey ?? '', regexes]));
    return { ...words, piece: { paths, rules, data, more }, problems };
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

export interface RenderedMaps {
  readonly maps: ProxyMaps;
  /** By the id of their rule. */
  readonly problems: ReadonlyMap<string, string>;
}

function routedPort(port: ProxyPort): RoutedPort | undefined {
  switch (port.kind) {
    case 'http':
      return port;
    case 'tls':
      return { port: port.port, listeners: port.listeners.filter((it) => it.kind === 'https') };
    case 'tcp':
      return undefined;
    default:
      return port satisfies never;
  }
}

function streamsOf(port: ProxyPort, slots: ReadonlyMap<string, string>): MapPiece | undefined {
  const data = new Map<string, string>();
  const streams = streamLines(port, {
    slotOf: (backend) => slots.get(backend),
    put: (tree) => putTree(tree, data),
  });
  return streams.size === 0 ? undefined : { streams, data };
}

function wordsOf({ key, nextKey, listener, host }: TablePlace, { listeners }: RoutedPort): TableWords {
  return { key, nextKey, entries: listeners[listener]?.hosts[host]?.entries ?? [] };
}

function problemsOf(tables: Iterable<RenderedTable>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { problems } of tables) for (const [rule, problem] of problems) found.set(rule, problem);
  return found;
}

interface Collected {
  readonly data: Map<string, string>;
  readonly problems: Map<string, string>;
}

interface TableWords {
  readonly entries: readonly RouteEntry[];
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
