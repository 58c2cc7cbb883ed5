// Numbers for things that have only a text: the same ones after every restart and on every node, whatever else there is. Pure.

/** FNV-1a over UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

export interface NumberSpace {
  /** First number to give. */
  readonly first: number;
  /** How many there are. */
  readonly count: number;
}

/**
 * A number for each text. Two that meet in one are told apart in the order of their texts, which is the one case in which a text's number depends on
 * others.
 */
export function numbersOf(
  texts: Iterable<string>,
  { first, count }: NumberSpace,
): ReadonlyMap<string, number> {
  const taken = new Set<number>();
  const numbers = new Map<string, number>();
  for (const text of [...new Set(texts)].toSorted()) {
    let number = hashOf(text) % count;
    while (taken.has(number)) number = (number + 1) % count;
    taken.add(number);
    numbers.set(text, first + number);
  }
  return numbers;
}

/** Numbers that are given as their texts come up, and kept. */
export class NumberTable {
  readonly #space: NumberSpace;
  readonly #numbers = new Map<string, number>();
  readonly #taken = new Set<number>();

  constructor(space: NumberSpace) {
    this.#space = space;
  }

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const { first, count } = this.#space;
    let at = hashOf(text) % count;
    while (this.#taken.has(at)) at = (at + 1) % count;
    this.#taken.add(at);
    this.#numbers.set(text, first + at);
    return first + at;
  }
}
