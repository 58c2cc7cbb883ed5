// A map that never changes: another one is made of it, sharing all but the few shards that differ, and two of one line are compared by
// what they do not share. For states that others hold on to while the next is made.

const SHARDS = 1024;

export class ShardedMap<V> implements ReadonlyMap<string, V> {
  readonly size: number;
  readonly #shards: readonly ReadonlyMap<string, V>[];

  private constructor(shards: readonly ReadonlyMap<string, V>[]) {
    this.#shards = shards;
    this.size = shards.reduce((sum, shard) => sum + shard.size, 0);
  }

  static empty<V>(): ShardedMap<V> {
    return new ShardedMap<V>(Array.from({ length: SHARDS }, () => new Map()));
  }

  /** This map with those values and without the keys whose value is undefined. Costs what changes, and a look at each of 1,024 shards. */
  with(changes: ReadonlyMap<string, V | undefined>): ShardedMap<V> {
    const shards = [...this.#shards];
    const made = new Map<number, Map<string, V>>();
    for (const [key, value] of changes) {
      const at = shardOf(key);
      const shard = made.get(at) ?? new Map(shards[at]);
      if (value === undefined) shard.delete(key);
      else shard.set(key, value);
      made.set(at, shard);
      shards[at] = shard;
    }
    return new ShardedMap(shards);
  }

  /** The shards that the two do not share, in pairs: whatever differs is in them. */
  *unshared(other: ShardedMap<V>): Generator<readonly [ReadonlyMap<string, V>, ReadonlyMap<string, V>]> {
    for (let at = 0; at < SHARDS; at++) {
      const [shard, others] = [this.#shards[at], other.#shards[at]];
      if (shard !== undefined && others !== undefined && others !== shard) yield [shard, others];
    }
  }

  /** The same object where two maps of one line share it; each key is always in the same one. */
  get shards(): readonly ReadonlyMap<string, V>[] {
    return this.#shards;
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#shards[shardOf(key)]?.has(key) ?? false;
  }

  *entries(): MapIterator<[string, V]> {
    for (const shard of this.#shards) yield* shard;
  }

  *keys(): MapIterator<string> {
    for (const shard of this.#shards) yield* shard.keys();
  }

  *values(): MapIterator<V> {
    for (const shard of this.#shards) yield* shard.values();
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }
}

/** FNV-1a, 32 bits, folded: quick, and even enough for names. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (SHARDS - 1);
}
