// The loop that keeps targets as they are wanted: batches, order, retry, resync. Knows no feature.

import type { Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { hasCode } from '../base/errors.ts';
import { Alarm } from './alarm.ts';
import type { EngineEvent, EngineStatus, KeyState, KeyView } from './status.ts';
import { TargetReconciler, type ReconcilerContext } from './target-reconciler.ts';
import type { Target } from './target.ts';

export interface EngineTiming {
  /** A pass waits until this long after the newest submission, so that a burst makes one pass ... */
  readonly quietMs: number;
  /** ... but never longer than this after the oldest one. */
  readonly holdOffMaxMs: number;
  /** Everything is observed again this often, which repairs what others changed ... */
  readonly resyncMs: number;
  /** ... but not before nothing was submitted for so long: a large state takes its time, and changes would wait for it. A steady stream puts it off by one more `resyncMs`. */
  readonly pauseMs: number;
  /** After work was done everything is observed again this soon: an operation of one target may have undone another's. */
  readonly verifyMs: number;
  readonly backoff: Backoff;
}

export const ENGINE_TIMING: EngineTiming = {
  quietMs: 20,
  holdOffMaxMs: 250,
  resyncMs: 60_000,
  pauseMs: 1_000,
  verifyMs: 2_000,
  backoff: { firstMs: 200, maxMs: 30_000, factor: 2 },
};

type Bound = Pick<
  TargetReconciler<never>,
  | 'name'
  | 'isBase'
  | 'isIsolated'
  | 'prepare'
  | 'update'
  | 'prune'
  | 'plan'
  | 'show'
  | 'status'
  | 'stateOf'
  | 'doubt'
  | 'nextTryMs'
  | 'isConverged'
>;

/** One target and how its desired state follows from the view; made by `part`. */
export type Part<V> = (context: ReconcilerContext) => {
  readonly reconciler: Bound;
  readonly want: (view: V, revision: number) => void;
};

const NO_KEYS: ReadonlySet<string> = new Set();

/**
 * `render` returns undefined while the inputs that decide it are not known: then the target is left as it is, nothing pruned. Where it returns
 * the very map of the time before, nothing is compared.
 */
export function part<V, T>(
  target: Target<T>,
  render: (view: V) => ReadonlyMap<string, T> | undefined,
): Part<V> {
  return (context) => {
    const reconciler = new TargetReconciler(target, context);
    let last: ReadonlyMap<string, T> | undefined;
    const want = (view: V, revision: number): void => {
      try {
        const desired = render(view);
        reconciler.want(desired, revision, desired === last ? NO_KEYS : undefined);
        last = desired;
      } catch (error) {
        last = undefined;
        reconciler.refuse(error, revision);
      }
    };
    return { reconciler, want };
  };
}

/** What a part wants that knows which of its keys are wanted otherwise than at its last rendering; undefined for any. */
export interface Rendered<T> {
  readonly desired: ReadonlyMap<string, T> | undefined;
  readonly changed: ReadonlySet<string> | undefined;
}

/** A part whose rendering goes by what changed. `makeRender` is called once; its result is called for each view that is taken, in order. */
export function incrementalPart<V, T>(
  target: Target<T>,
  makeRender: () => (view: V) => Rendered<T>,
): Part<V> {
  return (context) => {
    const reconciler = new TargetReconciler(target, context);
    let render = makeRender();
    const want = (view: V, revision: number): void => {
      try {
        const { desired, changed } = render(view);
        reconciler.want(desired, revision, changed);
      } catch (error) {
        // What it knew of earlier views may be half brought up to this one.
        render = makeRender();
        reconciler.refuse(error, revision);
      }
    };
    return { reconciler, want };
  };
}

export interface EngineOptions<V> {
  /** In dependency order: updates go from first to last, removals from last to first. */
  readonly parts: readonly Part<V>[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: (event: EngineEvent) => void;
  readonly timing?: Partial<EngineTiming>;
  /** Makes one view of one that was not taken yet and the one that takes its place; default: the newer one as it is. */
  readonly merge?: (older: V, newer: V) => V;
}

interface Submission<V> {
  readonly view: V;
  readonly revision: number;
  readonly oldestMs: number;
  readonly newestMs: number;
}

/** Keeps all targets as the newest submitted view wants them, from `run` until its signal aborts. */
export class Engine<V> {
  readonly #parts: readonly ReturnType<Part<V>>[];
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #report: (event: EngineEvent) => void;
  readonly #timing: EngineTiming;
  readonly #alarm: Alarm;
  readonly #merge: (older: V, newer: V) => V;
  #submission: Submission<V> | undefined;
  #revision = 0;
  #resyncDueMs = Infinity;
  /** Of the newest submission. */
  #submittedMs = -Infinity;
  /** The next resync comes early because work was done. */
  #isVerifying = false;

  constructor(options: EngineOptions<V>) {
    const { clock, random, report } = options;
    this.#timing = { ...ENGINE_TIMING, ...options.timing };
    this.#clock = clock;
    this.#random = random;
    this.#report = report;
    this.#merge = options.merge ?? ((_older, newer) => newer);
    this.#alarm = new Alarm(clock);
    const context = { clock, random, report, backoff: this.#timing.backoff };
    this.#parts = options.parts.map((bind) => bind(context));
  }

  /** Hands over a newer view; `revision` is the caller's and comes back in the receipts. */
  submit(view: V, revision: number): void {
    const nowMs = this.#clock.monotonicMs();
    const waiting = this.#submission;
    const merged = waiting === undefined ? view : this.#merge(waiting.view, view);
    this.#submission = { view: merged, revision, oldestMs: waiting?.oldestMs ?? nowMs, newestMs: nowMs };
    this.#revision = revision;
    this.#submittedMs = nowMs;
    this.#alarm.ring();
  }

  /** Observes everything again now: somebody says that the kernel changed. */
  resync(): void {
    this.#resyncDueMs = this.#clock.monotonicMs();
    this.#submittedMs = -Infinity;
    this.#alarm.ring();
  }

  /** Returns once the signal aborted; everything programmed stays. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#alarm.ring();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        await this.#alarm.waitUntil(() => (signal.aborted ? 0 : this.#dueMs()));
        if (!signal.aborted) await this.#pass(signal);
      }
    } catch (error) {
      if (!signal.aborted || !hasCode(error, 'aborted')) throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  status(): EngineStatus {
    const targets = this.#parts.map(({ reconciler }) => reconciler.status());
    return { revision: this.#revision, isConverged: this.isConverged, targets };
  }

  /** True when every target is as the newest submitted view wants it. */
  get isConverged(): boolean {
    const isTaken = this.#submission === undefined && this.#revision > 0;
    return isTaken && this.#parts.every(({ reconciler }) => reconciler.isConverged);
  }

  /** True when the targets that `isMeant` names are as the newest submitted view wants them. */
  isConvergedFor(isMeant: (target: string) => boolean): boolean {
    const meant = this.#parts.filter(({ reconciler }) => isMeant(reconciler.name));
    return this.#submission === undefined && meant.every(({ reconciler }) => reconciler.isConverged);
  }

  /** What the target holds under these keys now; empty where there is no such target. */
  async show(target: string, keys: readonly string[], signal: AbortSignal): Promise<readonly KeyView[]> {
    const found = this.#parts.find(({ reconciler }) => reconciler.name === target);
    return found === undefined ? [] : found.reconciler.show(keys, signal);
  }

  /** Undefined where there is no such target. */
  stateOf(target: string, key: string): KeyState | undefined {
    return this.#parts.find(({ reconciler }) => reconciler.name === target)?.reconciler.stateOf(key);
  }

  /** What has to be executed for the view taken last, in order, as text; observes and changes nothing. */
  async plan(signal: AbortSignal): Promise<readonly string[]> {
    const plans = [];
    for (const { reconciler } of this.#parts) plans.push(await reconciler.plan(signal));
    return [...plans.flatMap((it) => it.update), ...plans.reverse().flatMap((it) => it.delete)];
  }

  #dueMs(): number {
    const retryMs = Math.min(...this.#parts.map(({ reconciler }) => reconciler.nextTryMs()));
    return Math.min(this.#batchDueMs(), retryMs, this.#resyncAtMs());
  }

  #resyncAtMs(): number {
    if (this.#isVerifying) return this.#resyncDueMs;
    const lastMs = this.#resyncDueMs + this.#timing.resyncMs;
    return Math.max(this.#resyncDueMs, Math.min(this.#submittedMs + this.#timing.pauseMs, lastMs));
  }

  #batchDueMs(): number {
    if (this.#submission === undefined) return Infinity;
    const { oldestMs, newestMs } = this.#submission;
    return Math.min(newestMs + this.#timing.quietMs, oldestMs + this.#timing.holdOffMaxMs);
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    const isResync = startMs >= this.#resyncAtMs();
    const isVerification = isResync && this.#submission === undefined && this.#isVerifying;
    for (const { reconciler } of this.#parts)
      if (isResync && !(isVerification && reconciler.isIsolated)) reconciler.doubt();
    const taken = this.#takeSubmission();
    let operations = await this.#updateAll(signal);
    for (const { reconciler } of this.#parts.toReversed()) {
      const count = await reconciler.prune(signal);
      if (!reconciler.isIsolated) operations += count;
    }
    const nowMs = this.#clock.monotonicMs();
    const durationMs = nowMs - startMs;
    this.#scheduleResync({ isResync, hasWorked: operations > 0 && !isVerification, durationMs });
    const latencyMs = taken === undefined ? undefined : nowMs - taken.oldestMs;
    const revision = taken?.revision ?? this.#revision;
    this.#report({ kind: 'passed', revision, durationMs, latencyMs, isConverged: this.isConverged });
  }

  /** Gives the number of operations that may have touched other targets' entries. Each target is observed after those before it were updated, so that it sees what their update took from it. */
  async #updateAll(signal: AbortSignal): Promise<number> {
    let operations = 0;
    let isShaken = false;
    for (const { reconciler } of this.#parts) {
      if (isShaken) reconciler.doubt({ isOurDoing: true });
      await reconciler.prepare(signal);
      const count = await reconciler.update(signal);
      if (reconciler.isBase && count > 0) isShaken = true;
      if (!reconciler.isIsolated) operations += count;
    }
    return operations;
  }

  #takeSubmission(): Submission<V> | undefined {
    const submission = this.#submission;
    this.#submission = undefined;
    if (submission === undefined) return undefined;
    for (const { want } of this.#parts) want(submission.view, submission.revision);
    return submission;
  }

  /** A verification that still finds work is left to the next resync: two owners that fight must not keep a core busy. */
  #scheduleResync(pass: { isResync: boolean; hasWorked: boolean; durationMs: number }): void {
    const nowMs = this.#clock.monotonicMs();
    if (pass.isResync || this.#resyncDueMs === Infinity) {
      // Jitter keeps the nodes of a cluster apart.
      this.#resyncDueMs = nowMs + this.#timing.resyncMs * (0.9 + 0.2 * this.#random());
      this.#isVerifying = false;
    }
    if (!pass.hasWorked) return;
    // Twenty times the pass: a large state under constant change is verified for at most a twentieth of the time.
    const verifyDueMs = nowMs + Math.max(this.#timing.verifyMs, 20 * pass.durationMs);
    if (verifyDueMs >= this.#resyncDueMs) return;
    this.#resyncDueMs = verifyDueMs;
    this.#isVerifying = true;
  }
}
