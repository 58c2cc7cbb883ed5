// Keeps a copy of one kind's objects equal to the server's: lists once, then watches, for ever. Resumes from the last
// revision after every end, lists anew only where the server has forgotten it, and never asks in a tight loop.

import { backoffMs, type Backoff } from '../base/backoff.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { FairleadError, hasCode, messageOf } from '../base/errors.ts';
import type { KubeClient, Selection } from './kube-client.ts';
import { keyOf, type KubeObject } from '../objects/meta.ts';
import type { ResourceRef } from './resource.ts';
import { parseWatchEvent } from './watch-event.ts';

/** Where the copy is kept; keys are "namespace/name". */
export interface ListWatchSink<Slim> {
  /** The whole of it: what is not in `objects` does not exist any more. */
  replace(objects: ReadonlyMap<string, Slim>): void;
  put(key: string, object: Slim): void;
  delete(key: string): void;
}

export interface ListWatchOptions<T extends KubeObject, Slim> {
  readonly client: KubeClient;
  readonly resource: ResourceRef<T>;
  readonly selection?: Selection;
  /** Keeps what the caller needs of an object; undefined for objects that shall not be kept. Runs once per event. */
  readonly convert: (object: T) => Slim | undefined;
  /** What is kept in the place of an object that `convert` refuses; default nothing, as if it did not exist. */
  readonly whenRefused?: (object: T) => Slim | undefined;
  readonly sink: ListWatchSink<Slim>;
  /** Told of every failure that is retried; not of the normal end of a watch. */
  readonly onProblem?: (error: FairleadError, retryInMs: number) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly backoff?: Backoff;
  /** Tests shorten it; the server is asked for a random time from one to two of it. */
  readonly watchTimeoutSeconds?: number;
  /** Silence after which a watch counts as dead; by default it follows from the server's bookmarks and the watch's own end. */
  readonly idleLimitMs?: number;
}

/** Times are those of the clock's `monotonicMs`; undefined means never. */
export interface ListWatchHealth {
  readonly isSynced: boolean;
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  readonly failures: number;
  /** Objects that `convert` refused since the start. */
  readonly refused: number;
  readonly lastByteAtMs: number | undefined;
  readonly lastEventAtMs: number | undefined;
  /** Since when the copy may be behind because no watch is open; undefined while one is. */
  readonly disconnectedSinceMs: number | undefined;
}

const BACKOFF: Backoff = { firstMs: 200, maxMs: 30_000, factor: 2 };
const WATCH_TIMEOUT_SECONDS = 300;
/** A watch that ends by itself sooner than this did not end because its time was over. */
const SHORT_WATCH_MS = 1000;
/** Servers send bookmarks about once a minute; three missed ones mean a dead connection. */
const BOOKMARK_SILENCE_MS = 200_000;
const TIMEOUT_GRACE_MS = 30_000;

export class ListWatch<T extends KubeObject, Slim> {
  readonly #options: ListWatchOptions<T, Slim>;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Empty: the next step is a list. */
  #revision = '';
  #lastRevision = '';
  #sendsBookmarks = false;
  /** Failures, and suspiciously short watches, since the last good one. */
  #setbacks = 0;
  #health: { -readonly [K in keyof ListWatchHealth]: ListWatchHealth[K] };

  constructor(options: ListWatchOptions<T, Slim>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#health = {
      isSynced: false,
      lists: 0,
      watches: 0,
      events: 0,
      failures: 0,
      refused: 0,
      lastByteAtMs: undefined,
      lastEventAtMs: undefined,
      disconnectedSinceMs: this.#clock.monotonicMs(),
    };
  }

  health(): ListWatchHealth {
    return { ...this.#health };
  }

  /** The server's revision that the copy has reached, empty before the first list. Set before the sink is told. */
  get revision(): string {
    return this.#revision === '' ? this.#lastRevision : this.#revision;
  }

  /** Runs until `signal` aborts, then resolves; no failure of server or network ends it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let failure: unknown;
      try {
        if (this.#revision === '') await this.#list(signal);
        else await this.#watch(signal);
      } catch (error) {
        failure = error;
      }
      if (!signal.aborted) await this.#pause(failure, signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, sink } = this.#options;
    const objects = new Map<string, Slim>();
    let revision = '';
    this.#health.lists++;
    for await (const page of client.pages(resource, selection, { signal })) {
      for (const object of page.items) {
        const slim = this.#convert(object);
        if (slim !== undefined) objects.set(keyOf(object), slim);
      }
      revision = page.resourceVersion;
    }
    if (revision === '') {
      throw new FairleadError('invalid', `Cannot list ${resource.plural}: the list has no resourceVersion`);
    }
    this.#revision = revision;
    this.#lastRevision = revision;
    sink.replace(objects);
    this.#health.isSynced = true;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    const base = this.#options.watchTimeoutSeconds ?? WATCH_TIMEOUT_SECONDS;
    const timeoutSeconds = Math.ceil(base * (1 + this.#random()));
    const idle = new IdleGuard(signal, () => this.#idleLimitMs(timeoutSeconds));
    const startMs = this.#clock.monotonicMs();
    const events = this.#health.events;
    this.#health.watches++;
    try {
      const lines = client.watch(resource, selection, {
        resourceVersion: this.#revision,
        timeoutSeconds,
        signal: idle.signal,
        onOpen: () => (this.#health.disconnectedSinceMs = undefined),
        onBytes: () => {
          idle.touch();
          this.#health.lastByteAtMs = this.#clock.monotonicMs();
        },
      });
      for await (const line of lines) this.#apply(line);
    } finally {
      idle.end();
      this.#health.disconnectedSinceMs ??= this.#clock.monotonicMs();
    }
    const isGood = this.#clock.monotonicMs() - startMs >= SHORT_WATCH_MS || this.#health.events > events;
    this.#setbacks = isGood ? 0 : this.#setbacks + 1;
  }

  #apply(line: unknown): void {
    const { resource, sink } = this.#options;
    const event = parseWatchEvent<T>(line, `watch ${resource.plural}`);
    if (event === undefined) return;
    if (event.kind === 'bookmark') {
      this.#sendsBookmarks = true;
      this.#revision = event.resourceVersion;
      this.#lastRevision = event.resourceVersion;
      return;
    }
    const { metadata } = event.object;
    this.#revision = metadata.resourceVersion;
    this.#lastRevision = metadata.resourceVersion;
    const slim = event.kind === 'put' ? this.#convert(event.object) : undefined;
    if (slim === undefined) sink.delete(keyOf(event.object));
    else sink.put(keyOf(event.object), slim);
    this.#health.events++;
    this.#health.lastEventAtMs = this.#clock.monotonicMs();
    this.#setbacks = 0;
  }

  /** One bad object must not stop all others. */
  #convert(object: T): Slim | undefined {
    try {
      return this.#options.convert(object);
    } catch (error) {
      const what = `${this.#options.resource.plural} ${keyOf(object)}`;
      this.#health.refused++;
      this.#report(
        new FairleadError('invalid', `Cannot use ${what}: ${messageOf(error)}`, { cause: error }),
        0,
      );
      return this.#options.whenRefused?.(object);
    }
  }

  /** Nothing after a good step, at once after the first short watch, else longer each time. */
  async #pause(failure: unknown, signal: AbortSignal): Promise<void> {
    if (failure !== undefined) {
      this.#setbacks++;
      this.#health.failures++;
      // The revision is useless (410), or what follows it cannot be read: start over.
      if (hasCode(failure, 'gone') || hasCode(failure, 'invalid') || hasCode(failure, 'exhausted')) {
        this.#revision = '';
      }
    }
    const isFirstGone = hasCode(failure, 'gone') && this.#setbacks === 1;
    const counted = failure === undefined || isFirstGone ? this.#setbacks - 1 : this.#setbacks;
    const waitMs = backoffMs(this.#options.backoff ?? BACKOFF, counted, this.#random);
    if (failure !== undefined) this.#report(asFairleadError(failure), waitMs);
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal).catch(() => undefined); // Aborted: `run` ends.
  }

  #report(error: FairleadError, waitMs: number): void {
    this.#options.onProblem?.(error, waitMs);
  }

  #idleLimitMs(timeoutSeconds: number): number {
    if (this.#options.idleLimitMs !== undefined) return this.#options.idleLimitMs;
    const wholeMs = timeoutSeconds * 1000 + TIMEOUT_GRACE_MS;
    return this.#sendsBookmarks ? Math.min(wholeMs, BOOKMARK_SILENCE_MS) : wholeMs;
  }
}

/** Aborts a watch on which no byte has come for `limitMs`: a peer that vanished without a word never closes its side. */
class IdleGuard {
  readonly #abort = new AbortController();
  readonly #outer: AbortSignal;
  readonly #limitMs: () => number;
  readonly #forward = (): void => this.#abort.abort(this.#outer.reason);
  #timer: NodeJS.Timeout;

  constructor(outer: AbortSignal, limitMs: () => number) {
    this.#outer = outer;
    this.#limitMs = limitMs;
    if (outer.aborted) this.#forward();
    outer.addEventListener('abort', this.#forward, { once: true });
    this.#timer = this.#arm();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#arm();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#forward);
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#abort.abort(new FairleadError('timeout', 'Cannot go on watching: the connection is silent'));
    }, this.#limitMs());
  }
}

function asFairleadError(error: unknown): FairleadError {
  return error instanceof FairleadError
    ? error
    : new FairleadError('internal', `Cannot list or watch: ${messageOf(error)}`, { cause: error });
}
