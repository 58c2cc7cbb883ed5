// What the kernel remembers past what the Services are now is removed, so that the next packet is decided anew: the part that all such
// memories share. Knows none of them.

import type { NodeView } from '../../model/network.ts';
import type { Part } from '../../reconcile/engine.ts';
import type { Target } from '../../reconcile/target.ts';
import { TargetReconciler } from '../../reconcile/target-reconciler.ts';
import type { ServiceInput } from './service-backend.ts';
import { isJudgedKey, type FlowView } from './stale-flow.ts';

/** A memory of the kernel that is searched for what is stale. */
export interface StaleMemory<T> {
  /** Name of the target. */
  readonly name: string;
  /** One line that says what a sweep does. */
  readonly summary: string;
  list(filter: (item: T) => boolean): Promise<readonly T[]>;
  /** Removes what `filter` takes; what has gone meanwhile is no error. */
  remove(filter: (item: T) => boolean): Promise<unknown>;
  isStale(item: T, view: FlowView): boolean;
  /** Tells items apart. */
  keyOf(item: T): string;
  /** One line that says what removing the item does. */
  describe(item: T): string;
}

/** Stands for everything that a change of the frontends may have made stale. */
const SWEEP = 'sweep';

/** What is found stale: one item, or all that there may be after a change. */
type Stale<T> = { readonly item: T } | typeof SWEEP;

export interface StaleInput extends Pick<ServiceInput, 'changedFrontends'> {
  readonly services: NodeView | undefined;
}

/**
 * Stands before the backends in the list of parts: what it finds is removed after all that they add, change and remove. Else a client that
 * goes on sending would have its flow made anew by what is about to go.
 *
 * The memory is read once after a change of UDP or SCTP frontends, and at a resync; never for a packet.
 */
export function stalePart<T, V extends StaleInput>(memory: StaleMemory<T>): Part<V> {
  return (context) => {
    const target = new StaleTarget(memory);
    const reconciler = new TargetReconciler<Stale<T>>(target, context);
    const want = ({ services, changedFrontends }: V, revision: number): void => {
      target.view = services;
      if (changedFrontends === undefined || [...changedFrontends].some(isJudgedKey)) {
        target.needsSweep = true;
        reconciler.doubt();
      }
      reconciler.want(services === undefined ? undefined : new Map(), revision);
    };
    return { reconciler, want };
  };
}

class StaleTarget<T> implements Target<Stale<T>> {
  readonly name: string;
  readonly isCollecting = true;
  /** True at first: what happened before this process is not known. */
  needsSweep = true;
  view: FlowView | undefined;
  readonly #memory: StaleMemory<T>;

  constructor(memory: StaleMemory<T>) {
    this.name = memory.name;
    this.#memory = memory;
  }

  /** After a change, what is stale shows only when the backends have done theirs: until then it is announced, not looked for. */
  async observe(): Promise<ReadonlyMap<string, Stale<T>>> {
    if (this.needsSweep) return new Map([[SWEEP, SWEEP]]);
    const items = await this.#memory.list(this.#isStale);
    return new Map(items.map((item) => [this.#memory.keyOf(item), { item }]));
  }

  isEqual(desired: Stale<T>, observed: Stale<T>): boolean {
    return desired === observed;
  }

  /** Nothing of it is ever wanted. */
  async update(): Promise<ReadonlyMap<string, unknown>> {
    return Promise.resolve(new Map());
  }

  /** Judges everything anew: since it was found the backends have changed what comes next. */
  async delete(): Promise<ReadonlyMap<string, unknown>> {
    // A change that comes while this is at work needs a sweep of its own.
    this.needsSweep = false;
    try {
      await this.#memory.remove(this.#isStale);
    } catch (error) {
      this.needsSweep = true;
      throw error;
    }
    return new Map();
  }

  print(_verb: 'update' | 'delete', _key: string, entry: Stale<T>): readonly string[] {
    return [entry === SWEEP ? this.#memory.summary : this.#memory.describe(entry.item)];
  }

  readonly #isStale = (item: T): boolean => this.view !== undefined && this.#memory.isStale(item, this.view);
}
