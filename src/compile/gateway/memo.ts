// Keeps what was made while what it was made of stays the same: so that a change costs what it concerns, and whoever reads the result knows by
// identity what did not change.

/** One value for the inputs of the last call; inputs are compared by identity, one by one. */
export class Memo<T> {
  #inputs: readonly unknown[] | undefined;
  #value: T | undefined;

  get(inputs: readonly unknown[], make: () => T): T {
    if (this.#inputs === undefined || !isSameList(this.#inputs, inputs)) {
      this.#value = make();
      this.#inputs = inputs;
    }
    // Set by the first call, before anything is read.
    return this.#value as T;
  }
}

/** A value per key; what a round did not ask for is forgotten at its end. */
export class KeyedMemo<T> {
  #kept = new Map<string, Memo<T>>();
  #round = new Map<string, Memo<T>>();

  get(key: string, inputs: readonly unknown[], make: () => T): T {
    const memo = this.#round.get(key) ?? this.#kept.get(key) ?? new Memo<T>();
    this.#round.set(key, memo);
    return memo.get(inputs, make);
  }

  endRound(): void {
    this.#kept = this.#round;
    this.#round = new Map();
  }
}

export function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((it, index) => it === b[index]);
}
