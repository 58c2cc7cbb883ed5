// A map that can be handed to readers for ever: once shared, it is copied before the next write.

export class SharedMap<T> {
  #items = new Map<string, T>();
  #isShared = false;

  /** For reading now; hand out `share()` instead where the reader keeps it. */
  get read(): ReadonlyMap<string, T> {
    return this.#items;
  }

  /** The content as it is now; no later write shows in it. */
  share(): ReadonlyMap<string, T> {
    this.#isShared = true;
    return this.#items;
  }

  /** The map to write to, never one that was shared. */
  write(): Map<string, T> {
    if (this.#isShared) {
      this.#items = new Map(this.#items);
      this.#isShared = false;
    }
    return this.#items;
  }
}
