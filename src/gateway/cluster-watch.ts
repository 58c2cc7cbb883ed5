// A gateway process's copy of the cluster: one list-watch per kind into one store, and the statuses as they stand beside it.

import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { KubeClient, Selection } from '../kube/kube-client.ts';
import { ListWatch } from '../kube/list-watch.ts';
import type { ResourceRef } from '../kube/resource.ts';
import { isSameObject } from '../store/same-object.ts';
import { Store } from '../store/store.ts';
import type { StoreKind, Table } from '../store/table.ts';
import { seenStatusOf, SeenStatuses, type SeenStatus } from './seen-status.ts';

/** One kind: where it comes from, what is kept of it, and whether its status is ours to write. */
export interface WatchedKind<T extends object> {
  readonly kind: StoreKind<T>;
  readonly resource: ResourceRef;
  readonly parse: (raw: unknown) => T | undefined;
  readonly hasOwnStatus: boolean;
  readonly selection: Selection;
}

export function watchedKind<T extends object>(
  name: string,
  resource: ResourceRef,
  parse: (raw: unknown) => T | undefined,
  more: { readonly hasOwnStatus?: boolean; readonly selection?: Selection } = {},
): WatchedKind<T> {
  return {
    kind: { name, isEqual: isSameObject },
    resource,
    parse,
    hasOwnStatus: more.hasOwnStatus ?? false,
    selection: more.selection ?? {},
  };
}

export interface ClusterWatch {
  readonly store: Store;
  readonly seen: SeenStatuses;
}

export interface WatchContext {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly lifetime: Lifetime;
  readonly fail: (error: unknown) => void;
}

/** Starts the watches of these kinds; they end with the lifetime. */
export function startClusterWatch(kinds: readonly unknown[], context: WatchContext): ClusterWatch {
  const store = new Store();
  const seen = new SeenStatuses();
  // The table of a kind only ever gets what the kind's own parser made.
  for (const kind of kinds) startWatch(kind as WatchedKind<object>, { context, store, seen });
  return { store, seen };
}

interface Kept {
  readonly object: object;
  readonly status: SeenStatus | undefined;
}

interface WatchParts extends ClusterWatch {
  readonly context: WatchContext;
}

function startWatch(watched: WatchedKind<object>, { context, store, seen }: WatchParts): void {
  const { client, log, clock, random, lifetime, fail } = context;
  const { kind, resource, selection, parse, hasOwnStatus } = watched;
  const watch = new ListWatch<never, Kept>({
    client,
    resource: resource as ResourceRef<never>,
    selection,
    convert: (raw) => {
      const object = parse(raw);
      return object === undefined
        ? undefined
        : { object, status: hasOwnStatus ? seenStatusOf(raw) : undefined };
    },
    sink: new SplitSink(store.table(kind), seen.of(kind.name)),
    clock,
    random,
    onProblem: (err, retryInMs) =>
      log.warn({ kind: kind.name, err, retryInMs: Math.round(retryInMs) }, err.message),
  });
  const running = watch.run(lifetime.signal).catch(fail);
  lifetime.defer(`watch of ${kind.name}`, () => running);
}

/** Objects into the store, statuses beside it: a status alone is no change to those who compile. */
class SplitSink {
  readonly #table: Table<object>;
  readonly #seen: Map<string, SeenStatus>;

  constructor(table: Table<object>, seen: Map<string, SeenStatus>) {
    this.#table = table;
    this.#seen = seen;
  }

  replace(objects: ReadonlyMap<string, Kept>): void {
    this.#seen.clear();
    for (const [key, kept] of objects) this.#see(key, kept);
    this.#table.replace(new Map([...objects].map(([key, { object }]) => [key, object])));
  }

  put(key: string, kept: Kept): void {
    this.#see(key, kept);
    this.#table.put(key, kept.object);
  }

  delete(key: string): void {
    this.#seen.delete(key);
    this.#table.delete(key);
  }

  #see(key: string, { status }: Kept): void {
    if (status !== undefined) this.#seen.set(key, status);
  }
}
