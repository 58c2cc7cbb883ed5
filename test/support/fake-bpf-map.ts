// BPF maps in memory that can be told to fail: the same interface as the kernel's, with every write seen by the test.

import { FairleadError } from '../../src/base/errors.ts';
import type { BpfEntries, BpfEntry, BpfMap } from '../../src/sys/bpf-map.ts';

/** What several fake maps share: a look at every write before it happens, which may throw in its place. */
export interface FakeMapHooks {
  beforeWrite(map: string, key: string, isDelete: boolean): void;
  afterWrite(): void;
}

export class FakeBpfMap implements BpfMap {
  readonly name: string;
  readonly maxEntries: number;
  readonly #hooks: FakeMapHooks;
  readonly #entries = new Map<string, Uint8Array>();

  constructor(name: string, hooks: FakeMapHooks, maxEntries = Infinity) {
    this.name = name;
    this.maxEntries = maxEntries;
    this.#hooks = hooks;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(hex(key))?.slice();
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.#hooks.beforeWrite(this.name, hex(key), false);
    if (this.#entries.size >= this.maxEntries && !this.#entries.has(hex(key)))
      throw new FairleadError('exhausted', `Cannot write to BPF map ${this.name}: the map is full`);
    this.#entries.set(hex(key), value.slice());
    this.#hooks.afterWrite();
  }

  /** Entry by entry, as the kernel does it: a failure leaves what came before. */
  updateAll({ count, keys, values }: BpfEntries): void {
    const partOf = (bytes: Uint8Array, at: number): Uint8Array =>
      bytes.subarray((bytes.length / count) * at, (bytes.length / count) * (at + 1));
    for (let at = 0; at < count; at++) this.update(partOf(keys, at), partOf(values, at));
  }

  delete(key: Uint8Array): boolean {
    this.#hooks.beforeWrite(this.name, hex(key), true);
    const wasThere = this.#entries.delete(hex(key));
    this.#hooks.afterWrite();
    return wasThere;
  }

  deleteAll(keys: readonly Uint8Array[]): number {
    return keys.filter((key) => this.delete(key)).length;
  }

  entries(): BpfEntry[] {
    return [...this.#entries].map(([key, value]) => [Buffer.from(key, 'hex'), value.slice()]);
  }

  visit(look: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const [key, value] of this.entries()) look(key, value);
  }

  take(look: (key: Uint8Array, value: Uint8Array) => void): void {
    for (const [key, value] of this.entries()) {
      this.delete(key);
      look(key, value);
    }
  }

  count(): number {
    return this.#entries.size;
  }

  close(): void {
    // Nothing is open.
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
