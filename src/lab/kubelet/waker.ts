// Waiting for "something changed" without losing a change that comes between two waits.

/** Every `wake` is seen by the next `wait` of each waiter that has not waited since. One waiter at a time per instance. */
export class Waker {
  #isPending = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    if (this.#resolve === undefined) {
      this.#isPending = true;
      return;
    }
    this.#resolve();
    this.#resolve = undefined;
  }

  /** Resolves at the next wake, after `timeoutMs`, or when the signal aborts; never rejects. */
  wait(timeoutMs: number | undefined, signal: AbortSignal): Promise<void> {
    if (this.#isPending || signal.aborted) {
      this.#isPending = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#resolve = undefined;
        resolve();
      };
      // setTimeout takes 31 bits; longer waits wake early and are asked for again.
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(done, Math.min(Math.max(timeoutMs, 0), 2 ** 31 - 1));
      signal.addEventListener('abort', done, { once: true });
      this.#resolve = done;
    });
  }
}
