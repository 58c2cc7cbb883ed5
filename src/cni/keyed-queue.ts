// One thing at a time per key, different keys side by side.

export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** True while work for the key runs or waits. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Runs `work` after everything queued for `key` before it has ended, whether well or not. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    this.#tails.set(key, done);
    try {
      await before;
      return await work();
    } finally {
      if (this.#tails.get(key) === done) this.#tails.delete(key);
      finish();
    }
  }
}
