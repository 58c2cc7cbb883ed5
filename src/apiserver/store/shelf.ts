// The objects of one resource: by key, and in the order of keys that lists and their pages need. It knows nothing of revisions.

import type { StoredObject } from './stored-object.ts';

/** So many new ones are put among thousands one by one: for more of them all are merged. */
const FEW = 8;
/** As many may be out of order while nobody lists. */
const MAX_NEW = 1_000;

export class Shelf {
  readonly #byKey = new Map<string, StoredObject>();
  #sorted: StoredObject[] = [];
  /** Those that are not among the sorted yet: putting one there moves half of them, and a burst of writes needs no order. */
  readonly #new = new Map<string, StoredObject>();

  /** All of them: to be read before the next change, not kept. */
  get sorted(): readonly StoredObject[] {
    if (this.#new.size > 0) this.#sortIn();
    return this.#sorted;
  }

  get(key: string): StoredObject | undefined {
    return this.#byKey.get(key);
  }

  /** All of them at once, into an empty shelf. */
  load(all: readonly StoredObject[]): void {
    for (const stored of all) this.#byKey.set(stored.key, stored);
    this.#sorted = [...all].sort(byKey);
  }

  set(stored: StoredObject): void {
    const { key } = stored;
    if (!this.#byKey.has(key) || this.#new.has(key)) this.#new.set(key, stored);
    else this.#sorted[lowerBound(this.#sorted, key)] = stored;
    this.#byKey.set(key, stored);
    if (this.#new.size >= MAX_NEW) this.#sortIn();
  }

  delete(key: string): void {
    if (this.#byKey.delete(key) && !this.#new.delete(key))
      this.#sorted.splice(lowerBound(this.#sorted, key), 1);
  }

  #sortIn(): void {
    const added = [...this.#new.values()].sort(byKey);
    this.#new.clear();
    if (added.length > FEW) this.#sorted = merged(this.#sorted, added);
    else for (const stored of added) this.#sorted.splice(lowerBound(this.#sorted, stored.key), 0, stored);
  }
}

/** Index of the first object whose key is not below `key`. */
export function lowerBound(sorted: readonly StoredObject[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.key ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byKey(a: StoredObject, b: StoredObject): number {
  return a.key < b.key ? -1 : 1;
}

/** Both in the order of keys, without a key in common. */
function merged(sorted: readonly StoredObject[], added: readonly StoredObject[]): StoredObject[] {
  const all: StoredObject[] = [];
  let from = 0;
  for (const stored of added) {
    const at = lowerBound(sorted, stored.key);
    for (; from < at; from++) all.push(sorted[from] as StoredObject); // Below the bound of the list.
    all.push(stored);
  }
  return all.concat(sorted.slice(from));
}
