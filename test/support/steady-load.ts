// Requests without a pause, on connections that are kept and on new ones, and a count of all that did not end well: what clients notice of a change.

import { messageOf } from '../../src/base/errors.ts';
import { askOnce, RawConnection, type RawAnswer, type RawPlace } from './raw-client.ts';

export interface LoadTarget {
  readonly host: string;
  readonly path: string;
  /**
   * Bodies of those that no request may meet that begins from now on, each with the number of the change by which it went: who came back while a request was under
   * way may have answered it, also where it has gone again since. Another map is put here when another change is known to be there.
   */
  gone?: ReadonlyMap<string, number>;
}

export interface LoadOptions {
  readonly places: readonly RawPlace[];
  readonly targets: readonly LoadTarget[];
  /** At each place. */
  readonly kept: number;
  readonly fresh: number;
  /** Between one request and the next on the same connection: for loads that go on for long beside other work. None where it is left out. */
  readonly restMs?: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly failed: number;
  /** What went wrong, and how often. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface SteadyLoad {
  /** Of all requests until now. */
  readonly requests: number;
  /** Resolves when the last answer has come. */
  end(): Promise<LoadReport>;
}

export function startLoad({ places, targets, kept, fresh, restMs = 0 }: LoadOptions): SteadyLoad {
  const load = new Load(targets, restMs);
  const workers = places.flatMap((place) => [
    ...Array.from({ length: kept }, (_, i) => load.workOnKept(place, i)),
    ...Array.from({ length: fresh }, (_, i) => load.workOnFresh(place, i)),
  ]);
  return {
    get requests() {
      return load.requests;
    },
    end: async () => {
      load.isOver = true;
      await Promise.all(workers);
      const failures = Object.fromEntries(load.failures);
      const failed = Object.values(failures).reduce((sum, it) => sum + it, 0);
      return { requests: load.requests, failed, failures };
    },
  };
}

/** So that a proxy that refuses everything is not asked a million times. */
const PAUSE_AFTER_FAILURE_MS = 5;

class Load {
  readonly #targets: readonly LoadTarget[];
  readonly #restMs: number;
  readonly failures = new Map<string, number>();
  requests = 0;
  isOver = false;

  constructor(targets: readonly LoadTarget[], restMs: number) {
    this.#targets = targets;
    this.#restMs = restMs;
  }

  async workOnKept(place: RawPlace, first: number): Promise<void> {
    let connection: RawConnection | undefined;
    for (let i = first; !this.isOver; i++) {
      const isFine = await this.#one(i, async ({ host, path }) => {
        connection ??= await RawConnection.open(place);
        const answer = await connection.ask(host, path);
        if (answer.isLast) connection = closed(connection);
        return answer;
      });
      if (!isFine) connection = closed(connection);
    }
    closed(connection);
  }

  async workOnFresh(place: RawPlace, first: number): Promise<void> {
    for (let i = first; !this.isOver; i++) await this.#one(i, ({ host, path }) => askOnce(place, host, path));
  }

  /** False where it failed. */
  async #one(i: number, ask: (target: LoadTarget) => Promise<RawAnswer>): Promise<boolean> {
    const target = this.#targets[i % this.#targets.length];
    if (target === undefined) throw new Error('a load without targets');
    const { gone } = target;
    this.requests++;
    const failure = await ask(target).then(
      ({ status, body }) =>
        status === 200 ? (isGoneSince(gone, target.gone, body) ? `${body} is gone` : '') : `${status}`,
      (error: unknown) => messageOf(error),
    );
    const restMs = failure === '' ? this.#restMs : PAUSE_AFTER_FAILURE_MS;
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    if (failure === '') return true;
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
    return false;
  }
}

/** Whether it was gone at the start and is so still, by the same change. */
function isGoneSince(start: LoadTarget['gone'], end: LoadTarget['gone'], body: string): boolean {
  const change = start?.get(body);
  return change !== undefined && end?.get(body) === change;
}

function closed(connection: RawConnection | undefined): undefined {
  connection?.close();
  return undefined;
}
