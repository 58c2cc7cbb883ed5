// What all routes bring to each listener, sorted. A table whose routes are as they were is the same object.

import { isDeepStrictEqual } from 'node:util';
import type { HostTable, StreamTarget } from '../../model/gateway.ts';
import { compareHostnames, compareSpecificity, type Hostname } from './hostnames.ts';
import { changeOf, KeyedMemo } from './memo.ts';
import { compareEntries, type PlacedEntry, type RankedEntry } from './precedence.ts';
import type { RouteParts, RoutePlace } from './route-parts.ts';

export interface ListenerTable {
  readonly http: readonly HostTable[];
  /** By name; where several routes have one, that of the most specific name of its own stands, then the oldest. */
  readonly streams: ReadonlyMap<Hostname, StreamTarget>;
  readonly attachedRoutes: number;
}

/** Lists of routes, each behind the route's own name that it has there. */
type RouteLists = (Hostname | readonly RankedEntry[])[];

interface Collected {
  readonly http: Map<Hostname, RouteLists>;
  /** Each with the route's own name by which it is there. */
  readonly streams: Map<Hostname, { readonly target: StreamTarget; readonly own: Hostname }>;
  attachedRoutes: number;
}

export class ListenerTables {
  readonly #tables = new KeyedMemo<HostTable>();
  readonly #lists = new KeyedMemo<readonly HostTable[]>();
  #parts: readonly RouteParts[] = [];
  #collected: ReadonlyMap<string, Collected> = new Map();
  #found: ReadonlyMap<string, ListenerTable> = new Map();

  /** By the listeners' ids; streams' routes come the oldest first. */
  of(parts: readonly RouteParts[]): ReadonlyMap<string, ListenerTable> {
    const replaced = replacementsOf(this.#parts, parts);
    if (replaced === undefined) this.#collect(parts);
    else if (replaced.size > 0) this.#replace(replaced);
    this.#parts = parts;
    return this.#found;
  }

  #collect(parts: readonly RouteParts[]): void {
    const collected = new Map<string, Collected>();
    for (const it of parts) for (const place of it.places) collect(collected, it, place);
    const tables = new Map<string, ListenerTable>();
    for (const [id, { http, streams, attachedRoutes }] of collected)
      tables.set(id, {
        http: this.#hostTables(id, http),
        streams: new Map([...streams].map(([hostname, { target }]) => [hostname, target])),
        attachedRoutes,
      });
    this.#tables.endRound();
    this.#lists.endRound();
    this.#collected = collected;
    this.#found = tables;
  }

  /** Every route has the places that it had: only what stands there is another thing. */
  #replace(replaced: Replacements): void {
    const touched = new Map<string, Set<Hostname>>();
    for (const { places } of replaced.values())
      for (const { listener, names } of places) {
        const hostnames = touched.get(listener) ?? new Set<Hostname>();
        for (const { hostname } of names) hostnames.add(hostname);
        touched.set(listener, hostnames);
      }
    const found = new Map(this.#found);
    for (const [id, hostnames] of touched) {
      const [lists, table] = [this.#collected.get(id)?.http, found.get(id)];
      if (lists === undefined || table === undefined) continue;
      for (const it of hostnames) lists.set(it, withReplaced(lists.get(it) ?? [], replaced));
      const anew = (it: HostTable): HostTable =>
        hostnames.has(it.hostname) ? tableOf(it.hostname, lists.get(it.hostname) ?? []) : it;
      found.set(id, { ...table, http: table.http.map(anew) });
    }
    this.#found = found;
  }

  #hostTables(id: string, http: Collected['http']): readonly HostTable[] {
    const tables = [...http]
      .sort(([a], [b]) => compareHostnames(a, b))
      .map(([hostname, lists]) =>
        this.#tables.get(`${id} ${hostname ?? ''}`, lists, () => tableOf(hostname, lists)),
      );
    return this.#lists.get(id, tables, () => tables);
  }
}

/** By the entries that somebody had: who has their places now. */
type Replacements = ReadonlyMap<readonly RankedEntry[], RouteParts>;

/** Undefined where more than the entries of some routes is another thing. */
function replacementsOf(before: readonly RouteParts[], now: readonly RouteParts[]): Replacements | undefined {
  if (before.length !== now.length) return undefined;
  const { gone, come } = changeOf(before, now);
  const replaced = new Map<readonly RankedEntry[], RouteParts>();
  for (const [at, old] of gone.entries()) {
    const parts = come[at];
    if (parts === undefined || !hasItsPlaces(old, parts)) return undefined;
    replaced.set(old.entries, parts);
  }
  return replaced;
}

function hasItsPlaces(old: RouteParts, now: RouteParts): boolean {
  return [old, now].every(isOfHttp) && isDeepStrictEqual(old.places, now.places);
}

function isOfHttp({ entries, target, passedTarget }: RouteParts): boolean {
  return entries.length > 0 && target === undefined && passedTarget === undefined;
}

function withReplaced(lists: RouteLists, replaced: Replacements): RouteLists {
  return lists.map((it) => (typeof it === 'object' ? (replaced.get(it)?.entries ?? it) : it));
}

function collect(into: Map<string, Collected>, parts: RouteParts, place: RoutePlace): void {
  let found = into.get(place.listener);
  if (found === undefined) {
    found = { http: new Map(), streams: new Map(), attachedRoutes: 0 };
    into.set(place.listener, found);
  }
  found.attachedRoutes++;
  const target = place.isPassed ? parts.passedTarget : parts.target;
  for (const { hostname, own } of place.names) {
    const standing = found.streams.get(hostname);
    const isFirst = standing === undefined || compareSpecificity(own, standing.own) < 0;
    if (target !== undefined && isFirst) found.streams.set(hostname, { target, own });
    if (parts.entries.length === 0) continue;
    const lists = found.http.get(hostname);
    if (lists === undefined) found.http.set(hostname, [own, parts.entries]);
    else lists.push(own, parts.entries);
  }
}

function tableOf(hostname: Hostname, lists: Readonly<RouteLists>): HostTable {
  const placed: PlacedEntry[] = [];
  let own: Hostname;
  for (const it of lists) {
    if (typeof it !== 'object') own = it;
    else for (const entry of it) placed.push({ ...entry, own });
  }
  return { hostname, isOneLabel: false, entries: placed.sort(compareEntries).map(({ entry }) => entry) };
}
