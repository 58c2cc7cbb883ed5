// Follows the definitions: says which names each one got and whether it is served, and ends the objects of one that is being deleted before itself.

import { CLEANUP, storedResourceOf } from '../../objects/custom/definition.ts';
import { isBuiltIn, judged } from '../../objects/custom/definition-status.ts';
import { objectOf, textOf } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { deleteObject, type DeleteOptions } from '../writes/delete.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { DEFINITIONS } from './kinds.ts';

const OPTIONS: DeleteOptions = {
  gracePeriodSeconds: undefined,
  propagation: 'Background',
  uid: undefined,
  resourceVersion: undefined,
  isDryRun: false,
};

/** Keeps them from now on, as long as the store lives. */
export function keepDefinitions(context: ApiContext, onDefect: (error: unknown) => void): void {
  const keeper = new Keeper(context, onDefect);
  context.store.subscribe(DEFINITIONS, () => keeper.schedule());
  keeper.run();
}

class Keeper {
  readonly #context: ApiContext;
  readonly #onDefect: (error: unknown) => void;
  /** The definitions of each group as they were judged last. */
  readonly #judged = new Map<string, string>();
  /** Definitions that wait for the end of their objects. */
  readonly #waiting = new Map<string, () => void>();
  #isScheduled = false;

  constructor(context: ApiContext, onDefect: (error: unknown) => void) {
    this.#context = context;
    this.#onDefect = onDefect;
  }

  /** Not at once: a write is published to every watcher before another one is made. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      try {
        this.run();
      } catch (error) {
        // A full disk: the next change of a definition tries again, requests go on.
        this.#onDefect(error);
      }
    });
  }

  run(): void {
    const { store } = this.#context;
    const groups = Map.groupBy([...store.list(DEFINITIONS)], groupOf);
    for (const [group, members] of groups) this.#judgeGroup(group, members);
    for (const stored of [...groups.values()].flat()) {
      const now = store.get(DEFINITIONS, stored.key);
      if (now?.object.metadata.deletionTimestamp !== undefined) this.#end(now);
    }
    for (const name of this.#waiting.keys())
      if (store.get(DEFINITIONS, name) === undefined) this.#stopWaiting(name);
  }

  /** Names are had within a group: one in which nothing changed is right. */
  #judgeGroup(group: string, members: readonly StoredObject[]): void {
    const edition = members.map(({ key, revision }) => `${key} ${revision}`).join();
    if (this.#judged.get(group) === edition) return;
    this.#judged.set(group, edition);
    // The first to ask for a name has it.
    const byAge = members.toSorted((a, b) => compare(createdAt(a), createdAt(b)));
    for (const { key } of byAge) {
      const others = members.filter((it) => it.key !== key).map((it) => it.key);
      this.#judge(key, others);
    }
  }

  #judge(name: string, others: readonly string[]): void {
    const { store, clock } = this.#context;
    const stored = store.get(DEFINITIONS, name);
    if (stored === undefined) return;
    const beside = others.flatMap((other) => store.get(DEFINITIONS, other)?.object ?? []);
    const next = judged(stored.object, beside, timestampOf(clock.nowMs()));
    if (next !== stored.object) store.put(DEFINITIONS, next, stored);
  }

  /** Deletes the objects of the definition, and the definition when the last one is gone. */
  #end(stored: StoredObject): void {
    const { store } = this.#context;
    if (stored.object.metadata.finalizers?.includes(CLEANUP) !== true) return;
    const resource = storedResourceOf(stored.object);
    // A built-in kind's objects are not this definition's.
    const isOurs = !isBuiltIn(stored.object);
    if (isOurs) {
      const standing = store
        .list(resource.storage)
        .filter(({ object }) => object.metadata.deletionTimestamp === undefined);
      for (const each of standing) deleteObject(this.#context, resource, each, OPTIONS);
    }
    if (isOurs && store.list(resource.storage).length > 0) this.#wait(stored.key, resource.storage);
    else this.#finish(stored);
  }

  #finish(stored: StoredObject): void {
    const { store } = this.#context;
    const finalizers = (stored.object.metadata.finalizers ?? []).filter((it) => it !== CLEANUP);
    const { finalizers: _old, ...metadata } = stored.object.metadata;
    const last: KubeObject = {
      ...stored.object,
      metadata: { ...metadata, ...(finalizers.length === 0 ? {} : { finalizers }) },
    };
    if (finalizers.length === 0) store.remove(DEFINITIONS, stored, last);
    else store.put(DEFINITIONS, last, stored);
  }

  #wait(name: string, storage: string): void {
    if (this.#waiting.has(name)) return;
    const end = this.#context.store.subscribe(storage, (event) => {
      if (event.kind === 'deleted') this.schedule();
    });
    this.#waiting.set(name, end);
  }

  #stopWaiting(name: string): void {
    this.#waiting.get(name)?.();
    this.#waiting.delete(name);
  }
}

function groupOf({ object }: StoredObject): string {
  return textOf(objectOf(object['spec'])['group']) ?? '';
}

function createdAt({ object }: StoredObject): string {
  return object.metadata.creationTimestamp;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
