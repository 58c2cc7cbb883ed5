// Follows the definitions: says which names each one got and whether it is served, and ends the objects of one that is being deleted before itself.

import { CLEANUP, storedResourceOf } from '../../objects/custom/definition.ts';
import { isBuiltIn, judged } from '../../objects/custom/definition-status.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { timestampOf, type ApiContext } from '../context.ts';
import { deleteObject, type DeleteOptions } from '../delete.ts';
import type { StoredObject } from '../stored-object.ts';
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
    // In the order of their creation: the first to ask for a name has it.
    const names = store
      .list(DEFINITIONS)
      .toSorted((a, b) => compare(a.object.metadata.creationTimestamp, b.object.metadata.creationTimestamp))
      .map(({ key }) => key);
    for (const name of names) this.#judge(name);
    for (const name of names) {
      const stored = store.get(DEFINITIONS, name);
      if (stored?.object.metadata.deletionTimestamp !== undefined) this.#end(stored);
    }
    for (const name of this.#waiting.keys())
      if (store.get(DEFINITIONS, name) === undefined) this.#stopWaiting(name);
  }

  #judge(name: string): void {
    const { store, clock } = this.#context;
    const stored = store.get(DEFINITIONS, name);
    if (stored === undefined) return;
    const others = store.list(DEFINITIONS).filter(({ key }) => key !== name);
    const next = judged(
      stored.object,
      others.map(({ object }) => object),
      timestampOf(clock.nowMs()),
    );
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
