// A slot for maps in memory: what a restarted agent finds is `now`, whatever its predecessor was about to put there.

import type { BpfMapSlot, NewMap } from '../../src/sys/bpf-map-slot.ts';
import { FakeBpfMap, type FakeMapHooks } from './fake-bpf-map.ts';

export class FakeMapSlot implements BpfMapSlot {
  readonly #name: string;
  readonly #hooks: FakeMapHooks;
  now: FakeBpfMap | undefined;

  constructor(name: string, hooks: FakeMapHooks) {
    this.#name = name;
    this.#hooks = hooks;
  }

  open(): FakeBpfMap | undefined {
    return this.now;
  }

  make(maxEntries: number): NewMap {
    this.#hooks.beforeWrite(this.#name, `make ${maxEntries}`, false);
    const map = new FakeBpfMap(this.#name, this.#hooks, maxEntries);
    const install = (): void => {
      this.#hooks.beforeWrite(this.#name, `install ${maxEntries}`, false);
      this.now = map;
      this.#hooks.afterWrite();
    };
    return { map, install };
  }

  close(): void {
    // Nothing is open.
  }
}
