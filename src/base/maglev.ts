// Tables of consistent hashing (Maglev: Eisenbud et al., NSDI 2016, section 3.4): who has the same names makes the same table, however he came to them, and where
// one name goes, nearly all that others had stays theirs. Pure.

/** Sizes of tables. A prime, so that each step length visits every place. */
export const MAGLEV_SIZES: readonly number[] = [
  251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 131_071,
];

/** A name takes one per cent at most more than another as long as the table is a hundred times as long as the names are many. */
const PLACES_PER_NAME = 100;

/** More names than this have no table: places are 16 bits, and one value stands for a free one. */
export const MAGLEV_NAMES_MAX = 65_535;
const FREE = 0xffff;

/** Tries of a slice: a fraction of a millisecond. */
const SLICE = 16_384;

/** The first size above a hundred times as many; the largest where none is. */
export function maglevSize(names: number): number {
  const largest = MAGLEV_SIZES.at(-1) ?? 0;
  return MAGLEV_SIZES.find((size) => size > names * PLACES_PER_NAME) ?? largest;
}

/**
 * Fills a table with indexes of `names`, which are in one order on all nodes, without duplicates, at least one and no more than
 * `MAGLEV_NAMES_MAX`. Yields between slices of the work, so that its caller can leave the loop to others.
 */
export function* fillMaglev(names: readonly string[]): Generator<undefined, Uint16Array> {
  const size = maglevSize(names.length);
  const table = new Uint16Array(size).fill(FREE);
  const next = Uint32Array.from(names, (it) => hashText(it, SEED_FIRST) % size);
  const steps = Uint32Array.from(names, (it) => (hashText(it, SEED_STEP) % (size - 1)) + 1);
  let tries = 0;
  for (let filled = 0; filled < size; filled++) {
    // The names take turns: none gets a second place more than another.
    const name = filled % names.length;
    const step = steps[name] ?? 0;
    let at = next[name] ?? 0;
    for (; table[at] !== FREE; at = (at + step) % size) if (++tries % SLICE === 0) yield;
    table[at] = name;
    next[name] = (at + step) % size;
    if (++tries % SLICE === 0) yield;
  }
  return table;
}

/** Any two that differ; every node has the same. */
const [SEED_FIRST, SEED_STEP] = [0x9747b28c, 0x5bd1e995];

/** FNV-1a with a seed, mixed at the end as MurmurHash3 does. The texts are ASCII. */
function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
