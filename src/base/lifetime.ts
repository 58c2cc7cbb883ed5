// Ownership: what a lifetime opened, it closes, in reverse order.

import { messageOf, FairleadError } from './errors.ts';

type Close = () => void | Promise<void>;

/** An owner of open things. `close()` runs every closer once, last opened first, also when some of them fail. */
export class Lifetime {
  readonly #name: string;
  readonly #abort = new AbortController();
  #closers: { readonly what: string; readonly close: Close }[] = [];
  #closing: Promise<void> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Aborted as the first step of `close()`; hand it to every I/O call that this owner starts. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Takes ownership of an open thing; returns it. Where the lifetime has ended already, it closes the thing at once and throws `aborted`. */
  own<T>(what: string, thing: T, close: (thing: T) => void | Promise<void>): T {
    try {
      this.defer(what, () => close(thing));
    } catch (error) {
      // Whoever opened it hears that it came too late; that its end failed as well would tell nothing more.
      void Promise.resolve(close(thing)).catch(() => undefined);
      throw error;
    }
    return thing;
  }

  defer(what: string, close: Close): void {
    if (this.isClosed) throw new FairleadError('aborted', `Cannot open ${what}: ${this.#name} is closed`);
    this.#closers.push({ what, close });
  }

  /** Idempotent; every caller waits for the same end. Rejects with all failures after the last closer ran. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    this.#abort.abort();
    const failures: unknown[] = [];
    for (const { what, close } of this.#closers.reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(
          new FairleadError('internal', `Cannot close ${what}: ${messageOf(error)}`, { cause: error }),
        );
      }
    }
    this.#closers = [];
    if (failures.length > 0) throw new AggregateError(failures, `Cannot close ${this.#name}`);
  }
}
