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
  if (a.length !== b.length) return false;
  // Thousands of short lists at a time: a loop costs a third of `every`.
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** The list of before where the new one holds the very same. */
export function reused<T>(before: readonly T[] | undefined, now: readonly T[]): readonly T[] {
  return before !== undefined && isSameList(before, now) ? before : now;
}

export interface ListChange<T> {
  readonly gone: readonly T[];
  readonly come: readonly T[];
}

/** What two lists do not share, whatever its place. Where one came in another's place, both have the same index. */
export function changeOf<T>(before: readonly T[], now: readonly T[]): ListChange<T> {
  if (before.length === now.length) {
    const isOther = (_: T, at: number): boolean => before[at] !== now[at];
    return { gone: before.filter(isOther), come: now.filter(isOther) };
  }
  const [old, young] = [new Set(before), new Set(now)];
  return { gone: before.filter((it) => !young.has(it)), come: now.filter((it) => !old.has(it)) };
}
