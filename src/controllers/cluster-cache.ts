// The controllers' shared copy of the cluster: one watch per kind, whatever the number of controllers.

import type { Clock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { ListWatch } from '../kube/list-watch.ts';
import type { ResourceRef } from '../kube/resource.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';
import type { KubeObject } from '../objects/meta.ts';
import { apiVersionOf } from '../objects/resources.ts';
import { Store } from '../store/store.ts';
import type { StoreKind, Table, TableChange, TableReader } from '../store/table.ts';
import type { ClusterReader } from './controller.ts';

/** How much of a kind is kept: `metadata` serves garbage collection alone. */
export interface CachedKind {
  readonly resource: ResourceRef;
  readonly keep: 'whole' | 'metadata';
  readonly indexes?: Readonly<Record<string, (object: KubeObject) => readonly string[]>>;
}

/** A cached kind with further indexes over its own type. */
export function cachedKind<T extends KubeObject>(
  resource: ResourceRef<T>,
  indexes: Readonly<Record<string, (object: T) => readonly string[]>> = {},
): CachedKind {
  // The table of a resource holds that resource's objects only.
  return { resource, keep: 'whole', indexes: indexes as NonNullable<CachedKind['indexes']> };
}

interface Entry {
  readonly table: Table<KubeObject>;
  readonly listWatch: ListWatch<KubeObject, KubeObject>;
}

export interface ClusterCacheOptions {
  readonly client: KubeClient;
  readonly kinds: readonly CachedKind[];
  readonly clock: Clock;
  readonly onProblem: (error: FairleadError, retryInMs: number) => void;
}

const POLL_MS = 50;

export class ClusterCache implements ClusterReader {
  readonly #entries = new Map<string, Entry>();
  readonly #store = new Store();
  readonly #clock: Clock;

  constructor(options: ClusterCacheOptions) {
    this.#clock = options.clock;
    for (const kind of options.kinds) this.#entries.set(kindName(kind.resource), this.#entry(kind, options));
  }

  of<T extends KubeObject>(resource: ResourceRef<T>): TableReader<T> {
    return this.#entryOf(resource).table as unknown as TableReader<T>; // The table of a resource holds its objects only.
  }

  /** Calls `listener` for every change of the kind. */
  subscribe(resource: ResourceRef, listener: (change: TableChange) => void): () => void {
    const name = kindName(resource);
    return this.#store.subscribe((change) => {
      if (change?.kind === name) listener(change);
    });
  }

  /** Runs all watches until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ listWatch }) => listWatch.run(signal)));
  }

  get isSynced(): boolean {
    return this.#store.isSynced;
  }

  /** True while every watch is open: what is decided then is decided on fresh objects. */
  get isConnected(): boolean {
    return [...this.#entries.values()].every(
      ({ listWatch }) => listWatch.health().disconnectedSinceMs === undefined,
    );
  }

  /** Waits until all kinds are listed and watched; rejects when `signal` aborts. */
  async connected(signal: AbortSignal): Promise<void> {
    while (!this.isSynced || !this.isConnected) await this.#clock.sleep(POLL_MS, signal);
  }

  /** True when the copy of the kind holds the write that the server answered with `resourceVersion`. */
  hasReached(resource: ResourceRef, resourceVersion: string): boolean {
    const { revision } = this.#entryOf(resource).listWatch;
    return compareResourceVersions(revision, resourceVersion) >= 0;
  }

  #entryOf(resource: ResourceRef): Entry {
    const name = kindName(resource);
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new FairleadError('internal', `Cannot read ${name}: it is not cached`);
    return entry;
  }

  #entry(kind: CachedKind, options: ClusterCacheOptions): Entry {
    const { resource, keep } = kind;
    const table = this.#store.table(storeKind(kind));
    const listWatch = new ListWatch<KubeObject, KubeObject>({
      client: options.client,
      resource,
      sink: table,
      convert: (object) => (keep === 'whole' ? wholeOf : metadataOf)(resource, object),
      onProblem: options.onProblem,
      clock: options.clock,
    });
    return { table, listWatch };
  }
}

const INDEXES: NonNullable<StoreKind<KubeObject>['indexes']> = {
  namespace: ({ metadata }) => (metadata.namespace === undefined ? [] : [metadata.namespace]),
  controller: ({ metadata }) =>
    (metadata.ownerReferences ?? []).filter((owner) => owner.controller === true).map((owner) => owner.uid),
  owner: ({ metadata }) => (metadata.ownerReferences ?? []).map((owner) => owner.uid),
};

/** How the cache keeps a kind. */
export function storeKind({ resource, indexes }: CachedKind): StoreKind<KubeObject> {
  return { name: kindName(resource), indexes: { ...INDEXES, ...indexes } };
}

function kindName(resource: ResourceRef): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** Lists carry neither apiVersion nor kind in their items; managed fields are large and concern nobody here. */
function wholeOf(resource: ResourceRef, object: KubeObject): KubeObject {
  const { apiVersion, kind } = typeOf(resource);
  if (!('managedFields' in object.metadata)) return { ...object, apiVersion, kind };
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, apiVersion, kind, metadata };
}

function metadataOf(resource: ResourceRef, object: KubeObject): KubeObject {
  return { ...typeOf(resource), metadata: wholeOf(resource, object).metadata };
}

function typeOf(resource: ResourceRef): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind };
}
