// Which entries of a target somebody else has disturbed: as we left them they were right, and now they are not. Knows keys alone.

/** What one look found. */
export interface Look {
  /** Keys on which there is work to do. */
  readonly keys: Iterable<string>;
  /** Whether the key was as it is wanted when we last looked or wrote. */
  readonly wasRight: (key: string) => boolean;
}

export class Disturbances {
  #keys: ReadonlySet<string> = new Set();
  /** At these we failed since the last look: what is found otherwise there may be our own half work. */
  readonly #unsure = new Set<string>();
  #isShaken = false;

  /** What the next look finds may be the work of another target of ours. */
  shake(): void {
    this.#isShaken = true;
  }

  noteFailure(key: string): void {
    this.#unsure.add(key);
  }

  /** A key stays disturbed until it is repaired, or found as it should be. */
  noteLook({ keys, wasRight }: Look): void {
    const isDisturbed = (key: string): boolean =>
      this.#keys.has(key) || (!this.#isShaken && !this.#unsure.has(key) && wasRight(key));
    this.#keys = new Set([...keys].filter(isDisturbed));
    this.#unsure.clear();
    this.#isShaken = false;
  }

  /** Of the keys that are as wanted again, those that somebody else had disturbed. */
  takeRepaired<T>(done: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
    if (this.#keys.size === 0) return new Map();
    const repaired = new Map([...done].filter(([key]) => this.#keys.has(key)));
    this.#keys = this.#keys.difference(repaired);
    return repaired;
  }
}
