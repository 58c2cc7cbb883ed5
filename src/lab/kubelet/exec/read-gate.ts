// One source that feeds several readers: it stands still while any of them is full. Knows neither what flows nor where to.

/** What can be told to bring nothing more for a while: a socket, a WebSocket. */
export interface PausableSource {
  pause(): void;
  resume(): void;
}

export class ReadGate {
  readonly #source: PausableSource;
  readonly #full = new Set<object>();

  constructor(source: PausableSource) {
    this.#source = source;
  }

  block(reader: object): void {
    if (this.#full.size === 0) this.#source.pause();
    this.#full.add(reader);
  }

  /** A reader that took what it had, or that is gone. */
  release(reader: object): void {
    if (this.#full.delete(reader) && this.#full.size === 0) this.#source.resume();
  }
}
