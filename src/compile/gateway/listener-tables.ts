// What all routes bring to each listener, sorted. A table whose routes are as they were is the same object.

import type { HostTable, StreamTarget } from '../../model/gateway.ts';
import { compareHostnames, compareSpecificity, type Hostname } from './hostnames.ts';
import { KeyedMemo } from './memo.ts';
import { compareEntries, type PlacedEntry, type RankedEntry } from './precedence.ts';
import type { RouteParts, RoutePlace } from './route-parts.ts';

export interface ListenerTable {
  readonly http: readonly HostTable[];
  /** By name; where several routes have one, that of the most specific name of its own stands, then the oldest. */
  readonly streams: ReadonlyMap<Hostname, StreamTarget>;
  readonly attachedRoutes: number;
}

interface Collected {
  /** Lists of routes, each behind the route's own name that it has there. */
  readonly http: Map<Hostname, (Hostname | readonly RankedEntry[])[]>;
  /** Each with the route's own name by which it is there. */
  readonly streams: Map<Hostname, { readonly target: StreamTarget; readonly own: Hostname }>;
  attachedRoutes: number;
}

export class ListenerTables {
  readonly #tables = new KeyedMemo<HostTable>();
  readonly #lists = new KeyedMemo<readonly HostTable[]>();

  /** By the listeners' ids; streams' routes come the oldest first. */
  of(parts: Iterable<RouteParts>): ReadonlyMap<string, ListenerTable> {
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
    return tables;
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

/** `lists` are pairs: the route's own name, and its entries. */
function tableOf(hostname: Hostname, lists: readonly (Hostname | readonly RankedEntry[])[]): HostTable {
  const placed: PlacedEntry[] = [];
  let own: Hostname;
  for (const it of lists) {
    if (typeof it !== 'object') own = it;
    else for (const entry of it) placed.push({ ...entry, own });
  }
  return { hostname, isOneLabel: false, entries: placed.sort(compareEntries).map(({ entry }) => entry) };
}
