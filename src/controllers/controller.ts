// What a controller is: the kinds that concern it, and a pure function from what is cached to what has to be done.

import type { ResourceRef } from '../kube/resource.ts';
import type { KubeObject } from '../objects/meta.ts';
import type { TableChange, TableReader } from '../store/table.ts';
import type { Action } from './action.ts';

/** The cached objects of the cluster. Every kind has the indexes "namespace", "controller" and "owner" (uids). */
export interface ClusterReader {
  of<T extends KubeObject>(resource: ResourceRef<T>): TableReader<T>;
}

export interface ReconcileContext {
  readonly cluster: ClusterReader;
  readonly nowMs: number;
  /** Why the last run of this key failed, undefined when it did not. */
  readonly failure: string | undefined;
}

/** A kind whose changes concern a controller, and the keys to look at then. */
export interface Source {
  readonly resource: ResourceRef;
  readonly keysOf: (change: TableChange, cluster: ClusterReader) => Iterable<string>;
}

export interface Controller {
  /** As it appears in logs and events: "deployment-controller". */
  readonly name: string;
  readonly sources: readonly Source[];
  /** Pure: the same cache and time give the same actions. An empty list means that all is as it should be. */
  readonly reconcile: (key: string, context: ReconcileContext) => readonly Action[];
  /** Keys worked on at once; 4 by default. */
  readonly concurrency?: number;
  /** Least time between two runs of one key; 20 by default. */
  readonly restMs?: number;
}

/** A source with the type of its kind. */
export function source<T extends KubeObject>(
  resource: ResourceRef<T>,
  keysOf: (change: TableChange<T>, cluster: ClusterReader) => Iterable<string>,
): Source {
  // The engine hands a source only changes of its own resource.
  return { resource, keysOf: keysOf as Source['keysOf'] };
}

/** The object itself is the key. */
export function ownKey<T extends KubeObject>(resource: ResourceRef<T>): Source {
  return source(resource, (change) => [change.key]);
}

/** One key for the whole cluster: for controllers that decide over all objects at once. */
export const CLUSTER_KEY = 'cluster';

export function clusterKey(resource: ResourceRef): Source {
  return source(resource, () => [CLUSTER_KEY]);
}
