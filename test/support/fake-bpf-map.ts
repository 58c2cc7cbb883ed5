// BPF maps in memory that can be told to fail: the same interface as the kernel's, with every write seen by the test.

import type { BpfEntry, BpfMap } from '../../src/sys/bpf-map.ts';

/** What several fake maps share: a look at every write before it happens, which may throw in its place. */
export interface FakeMapHooks {
  beforeWrite(map: string, key: string, isDelete: boolean): void;
  afterWrite(): void;
}

export class FakeBpfMap implements BpfMap {
  readonly name: string;
  readonly maxEntries = Infinity;
  readonly #hooks: FakeMapHooks;
  readonly #entries = new Map<string, Uint8Array>();

  constructor(name: string, hooks: FakeMapHooks) {
    this.name = name;
    this.#hooks = hooks;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(hex(key))?.slice();
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.#hooks.beforeWrite(this.name, hex(key), false);
    this.#entries.set(hex(key), value.slice());
    this.#hooks.afterWrite();
  }

  /** Entry by entry, as the kernel does it: a failure leaves what came before. */
  updateAll(entries: readonly BpfEntry[]): void {
    for (const [key, value] of entries) this.update(key, value);
  }

  delete(key: Uint8Array): void {
    this.#hooks.beforeWrite(this.name, hex(key), true);
    this.#entries.delete(hex(key));
    this.#hooks.afterWrite();
  }

  deleteAll(keys: readonly Uint8Array[]): void {
    for (const key of keys) this.delete(key);
  }

  entries(): BpfEntry[] {
    return [...this.#entries].map(([key, value]) => [Buffer.from(key, 'hex'), value.slice()]);
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
