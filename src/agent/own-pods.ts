// The pods of this node among all that the agent knows, kept by what changes: most changes of a cluster are of other nodes' pods.

import type { Pod } from '../objects/pod.ts';

export class OwnPods {
  readonly #nodeName: string;
  #pods: ReadonlyMap<string, Pod> = new Map();
  #changed: ReadonlySet<string> = new Set();

  constructor(nodeName: string) {
    this.#nodeName = nodeName;
  }

  /** `changed` since the call before, undefined for any. */
  update(all: ReadonlyMap<string, Pod>, changed: ReadonlySet<string> | undefined): void {
    const keys = changed ?? new Set([...all.keys(), ...this.#pods.keys()]);
    const now = new Map(this.#pods);
    const own = new Set<string>();
    for (const key of keys) {
      const pod = all.get(key);
      const isOwn = pod?.node === this.#nodeName;
      if (!isOwn && !now.has(key)) continue;
      own.add(key);
      if (isOwn) now.set(key, pod);
      else now.delete(key);
    }
    this.#changed = own;
    if (own.size > 0) this.#pods = now;
  }

  /** By "namespace/name". */
  get pods(): ReadonlyMap<string, Pod> {
    return this.#pods;
  }

  /** Keys of those that are others since the update before. */
  get changed(): ReadonlySet<string> {
    return this.#changed;
  }
}
