// One target brought to its desired state: what was seen, what is wanted, which keys failed. The engine says when and in which order.

import type { Clock } from '../base/clock.ts';
import { deltasOf } from '../base/deltas.ts';
import { FairleadError } from '../base/errors.ts';
import { Disturbances } from './disturbances.ts';
import { Failures, type FailureTiming } from './failures.ts';
import type { EngineEvent, KeyState, KeyView, TargetStatus } from './status.ts';
import type { Target } from './target.ts';

/** The key of a failure of the target as a whole: it could not be observed or rendered. */
const WHOLE = '';

export interface ReconcilerContext extends FailureTiming {
  readonly clock: Clock;
  readonly report: (event: EngineEvent) => void;
}

type Verb = 'update' | 'delete';
type AppliedEvent = Extract<EngineEvent, { readonly kind: 'applied' }>;
type Work<T> = Readonly<Record<Verb, Map<string, T>>>;

/**
 * Between observations it keeps what it saw, corrected by what it did itself. A failure makes that knowledge doubtful (an operation
 * may have happened in part), so that a retry observes anew.
 */
export class TargetReconciler<T> {
  readonly #target: Target<T>;
  readonly #context: ReconcilerContext;
  readonly #failures: Failures;
  readonly #disturbances = new Disturbances();
  #desired: ReadonlyMap<string, T> | undefined;
  #revision = 0;
  #seen: Map<string, T> | undefined;
  #isDoubtful = true;
  /** Keys that may be other than wanted; undefined for any. */
  #dirty: Set<string> | undefined;
  #work: Work<T> | undefined;
  readonly #written = new Map<string, { readonly atMs: number; readonly revision: number }>();
  #converged: { readonly revision: number; readonly atMs: number } | undefined;

  constructor(target: Target<T>, context: ReconcilerContext) {
    this.#target = target;
    this.#context = context;
    this.#failures = new Failures(context);
  }

  get name(): string {
    return this.#target.name;
  }

  get isBase(): boolean {
    return this.#target.isBase === true;
  }

  get isIsolated(): boolean {
    return this.#target.isIsolated === true;
  }

  /**
   * Undefined leaves the target as it is: the inputs that decide it are not known. A failed key that is wanted otherwise now is tried at once.
   * `changed`: the keys that are wanted otherwise than before, where the caller knows them.
   */
  want(desired: ReadonlyMap<string, T> | undefined, revision: number, changed?: ReadonlySet<string>): void {
    for (const key of this.#failures.keys()) {
      if (key === WHOLE) continue;
      const isSame =
        changed === undefined ? this.#isSame(this.#desired?.get(key), desired?.get(key)) : !changed.has(key);
      if (isSame) continue;
      this.#failures.forget(key);
      this.#isDoubtful = true;
    }
    if (changed === undefined || this.#desired === undefined) this.#dirty = undefined;
    else for (const key of changed) this.#dirty?.add(key);
    this.#desired = desired;
    this.#revision = revision;
  }

  /** What is wanted could not be computed: the target is left as it is and shows the error. */
  refuse(error: unknown, revision: number): void {
    this.want(undefined, revision);
    this.#noteFailure(WHOLE, error);
  }

  /** The next pass observes the target again. `isOurDoing`: what it will find otherwise, another target of ours has done. */
  doubt({ isOurDoing = false }: { readonly isOurDoing?: boolean } = {}): void {
    this.#isDoubtful = true;
    if (isOurDoing) this.#disturbances.shake();
  }

  /** Monotonic time at which a failed key wants its next try, Infinity for never. */
  nextTryMs(): number {
    if (this.#desired === undefined) return Infinity;
    // Nothing can be tried on a target that cannot be observed, however long its keys are due.
    return this.#failures.tryOf(WHOLE) ?? this.#failures.nextTryMs();
  }

  /** Observes where it must and fixes what this pass will do. */
  async prepare(signal: AbortSignal): Promise<void> {
    this.#work = undefined;
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#desired === undefined || this.#failures.isWaiting(WHOLE, nowMs)) return;
    const before = this.#seen;
    if (this.#isDoubtful || this.#failures.nextTryMs() <= nowMs) await this.#observe(signal);
    if (this.#seen === undefined) return;
    const work = this.#workOf(this.#desired, this.#seen);
    if (this.#seen !== before) this.#noteDisturbances(before, work);
    this.#work = this.#dueAt(nowMs, work);
  }

  /** Adds and changes; returns how many operations were tried. */
  async update(signal: AbortSignal): Promise<number> {
    return this.#apply('update', signal);
  }

  /** Removes what is not wanted; returns how many operations were tried. */
  async prune(signal: AbortSignal): Promise<number> {
    const count = await this.#apply('delete', signal);
    // A pass that has worked off all it found, with no failure left, has converged.
    if (this.#work !== undefined) this.#dirty = new Set(this.#failures.keys());
    if (this.#work !== undefined && !this.#failures.hasErrors) {
      this.#converged = { revision: this.#revision, atMs: this.#context.clock.nowMs() };
    }
    return count;
  }

  /** All that is to be done, one operation a line, whether or not its retry waits. Observes; changes nothing. */
  async plan(signal: AbortSignal): Promise<Readonly<Record<Verb, readonly string[]>>> {
    if (this.#desired === undefined) return { update: [], delete: [] };
    const work = workOf(this.#target, this.#desired, await this.#target.observe(signal));
    return { update: this.#lines('update', work.update), delete: this.#lines('delete', work.delete) };
  }

  /** Observes, and shows what is there under these keys. */
  async show(keys: readonly string[], signal: AbortSignal): Promise<readonly KeyView[]> {
    const seen = await this.#target.observe(signal);
    return keys.map((key) => {
      const entry = seen.get(key);
      const lines = entry === undefined ? [] : this.#lines('update', new Map([[key, entry]]));
      const isSame = this.#isSame(this.#desired?.get(key), entry);
      const failure = this.#failures.of(key, this.#epochOffsetMs());
      const state = failure !== undefined ? 'error' : isSame ? 'done' : 'pending';
      return { key, state, lines, written: this.#written.get(key), failure };
    });
  }

  /** From the monotonic times of failures to the epoch. */
  #epochOffsetMs(): number {
    const { clock } = this.#context;
    return clock.nowMs() - clock.monotonicMs();
  }

  stateOf(key: string): KeyState {
    if (this.#failures.has(key)) return 'error';
    return this.#isSame(this.#desired?.get(key), this.#seen?.get(key)) ? 'done' : 'pending';
  }

  get isConverged(): boolean {
    const isSettled = this.#desired !== undefined && this.#seen !== undefined && !this.#failures.hasErrors;
    return isSettled && this.#converged?.revision === this.#revision;
  }

  status(): TargetStatus {
    return {
      name: this.#target.name,
      desiredCount: this.#desired?.size,
      observedCount: this.#seen?.size,
      pendingCount: this.#pendingCount(),
      failures: this.#failures.list(this.#epochOffsetMs()),
      revision: this.#revision,
      isConverged: this.isConverged,
      convergedRevision: this.#converged?.revision,
      convergedAtMs: this.#converged?.atMs,
    };
  }

  #pendingCount(): number {
    if (this.#desired === undefined) return 0;
    const work = this.#workOf(this.#desired, this.#seen ?? new Map());
    return work.update.size + work.delete.size;
  }

  #isSame(desired: T | undefined, seen: T | undefined): boolean {
    if (desired === undefined || seen === undefined) return desired === seen;
    return this.#target.isEqual(desired, seen);
  }

  async #observe(signal: AbortSignal): Promise<void> {
    const { clock, report } = this.#context;
    const startMs = clock.monotonicMs();
    try {
      this.#seen = new Map(await this.#target.observe(signal));
    } catch (error) {
      this.#seen = undefined;
      this.#isDoubtful = true;
      this.#fail(WHOLE, error, signal);
      return;
    }
    this.#isDoubtful = false;
    this.#dirty = undefined;
    this.#failures.forget(WHOLE);
    const durationMs = clock.monotonicMs() - startMs;
    report({ kind: 'observed', target: this.name, count: this.#seen.size, durationMs });
  }

  /** Keys whose retry is not due yet stay out; failures that the kernel no longer shows are forgotten. */
  #dueAt(nowMs: number, work: Work<T>): Work<T> {
    for (const key of this.#failures.keys()) {
      if (!work.update.has(key) && !work.delete.has(key)) this.#failures.forget(key);
      if (!this.#failures.isWaiting(key, nowMs)) continue;
      work.update.delete(key);
      work.delete.delete(key);
    }
    return work;
  }

  #noteDisturbances(before: ReadonlyMap<string, T> | undefined, work: Work<T>): void {
    const isKnown = before !== undefined && this.#target.isCollecting !== true;
    this.#disturbances.noteLook({
      keys: [...work.update.keys(), ...work.delete.keys()],
      wasRight: (key) => isKnown && this.#isSame(this.#desired?.get(key), before.get(key)),
    });
  }

  /** Looks at the keys that may differ alone, where they are known. */
  #workOf(desired: ReadonlyMap<string, T>, seen: ReadonlyMap<string, T>): Work<T> {
    if (this.#dirty === undefined) return workOf(this.#target, desired, seen);
    const pick = (from: ReadonlyMap<string, T>): Map<string, T> => {
      const picked = new Map<string, T>();
      for (const key of this.#dirty ?? []) {
        const entry = from.get(key);
        if (entry !== undefined) picked.set(key, entry);
      }
      return picked;
    };
    return workOf(this.#target, pick(desired), pick(seen));
  }

  async #apply(verb: Verb, signal: AbortSignal): Promise<number> {
    const entries = this.#work?.[verb];
    if (entries === undefined || entries.size === 0) return 0;
    const { clock, report } = this.#context;
    const startMs = clock.monotonicMs();
    const failures = await this.#run(verb, entries, signal);
    const done = new Map<string, T>();
    for (const [key, entry] of entries) {
      if (failures.has(key)) this.#fail(key, failures.get(key), signal);
      else this.#succeed(verb, key, entry);
      if (!failures.has(key)) done.set(key, entry);
    }
    const event = (
      of: ReadonlyMap<string, T>,
    ): Pick<AppliedEvent, 'target' | 'verb' | 'count' | 'lines'> => ({
      target: this.name,
      verb,
      count: of.size,
      lines: () => this.#lines(verb, of),
    });
    const durationMs = clock.monotonicMs() - startMs;
    if (done.size > 0) report({ kind: 'applied', durationMs, ...event(done) });
    const repaired = this.#disturbances.takeRepaired(done);
    if (repaired.size > 0) report({ kind: 'repaired', ...event(repaired) });
    return entries.size;
  }

  /** A target that throws instead of returning failures has failed for every entry of the call. */
  async #run(
    verb: Verb,
    entries: ReadonlyMap<string, T>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, unknown>> {
    try {
      return await this.#target[verb](entries, signal, this.#seen ?? new Map());
    } catch (error) {
      return new Map([...entries.keys()].map((key) => [key, error]));
    }
  }

  #succeed(verb: Verb, key: string, entry: T): void {
    this.#failures.forget(key);
    if (verb === 'update') {
      this.#seen?.set(key, entry);
      this.#written.set(key, { atMs: this.#context.clock.nowMs(), revision: this.#revision });
    } else {
      this.#seen?.delete(key);
      this.#written.delete(key);
    }
  }

  /** The end of the process is no failure of the target. */
  #fail(key: string, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) throw new FairleadError('aborted', `Cannot finish ${this.name}: asked to end`);
    this.#disturbances.noteFailure(key);
    this.#noteFailure(key, error);
  }

  #noteFailure(key: string, error: unknown): void {
    const attempts = this.#failures.add(key, error, this.#context.clock.monotonicMs());
    this.#context.report({ kind: 'failed', target: this.name, key, error, attempts });
  }

  #lines(verb: Verb, entries: ReadonlyMap<string, T>): readonly string[] {
    return [...entries].flatMap(
      ([key, entry]) => this.#target.print?.(verb, key, entry) ?? [`${verb} ${this.name} ${key}`],
    );
  }
}

/** A key that is wanted and there but different is a change, which `update` makes in one step. */
function workOf<T>(
  target: Target<T>,
  desired: ReadonlyMap<string, T>,
  seen: ReadonlyMap<string, T>,
): Work<T> {
  const { add, change, remove } = deltasOf(desired, seen, (from, to) => target.isEqual(to, from));
  const update = new Map(add);
  for (const [key, { to }] of change) update.set(key, to);
  return { update, delete: new Map(remove) };
}
