// What the steps that go Service by Service need of the objects: each Service's slices, and which Services a change touches.

import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { ClusterObjects } from './cluster-objects.ts';

/** Keys of the objects that are other ones than before, by kind. */
export interface ObjectChanges {
  readonly nodes: ReadonlySet<string>;
  readonly pods: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly endpointSlices: ReadonlySet<string>;
}

type ServiceObjects = Pick<ClusterObjects, 'services' | 'endpointSlices'>;

const NO_SLICES: readonly EndpointSlice[] = [];

/** Follows the objects by their changes; whoever names none has everything looked at anew. */
export class ServiceInputs {
  #slices = new Map<string, Map<string, EndpointSlice>>();
  /** Slice key -> the Service that it was counted to. */
  #owners = new Map<string, string>();

  /** Takes in what changed; gives the keys of the Services that it can concern, undefined for any. */
  update(
    { services, endpointSlices }: ServiceObjects,
    changes: ObjectChanges | undefined,
  ): ReadonlySet<string> | undefined {
    if (changes === undefined) {
      this.#slices = new Map();
      this.#owners = new Map();
      for (const [key, slice] of endpointSlices) this.#put(key, slice);
      return undefined;
    }
    const touched = new Set(changes.services);
    for (const key of changes.endpointSlices) {
      const before = this.#owners.get(key);
      if (before !== undefined) touched.add(before);
      const slice = endpointSlices.get(key);
      const after = slice === undefined ? this.#remove(key) : this.#put(key, slice);
      if (after !== undefined) touched.add(after);
    }
    // A slice may come before its Service, or outlive it.
    for (const key of touched) if (!services.has(key) && !changes.services.has(key)) touched.delete(key);
    return touched;
  }

  /** In the order of their names. */
  slicesOf(serviceKey: string): readonly EndpointSlice[] {
    const found = this.#slices.get(serviceKey);
    if (found === undefined) return NO_SLICES;
    if (found.size === 1) return [...found.values()];
    return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Gives the Service that the slice belongs to now. */
  #put(key: string, slice: EndpointSlice): string | undefined {
    this.#remove(key);
    if (slice.service === undefined) return undefined;
    const owner = `${slice.namespace}/${slice.service}`;
    this.#owners.set(key, owner);
    const known = this.#slices.get(owner);
    if (known === undefined) this.#slices.set(owner, new Map([[key, slice]]));
    else known.set(key, slice);
    return owner;
  }

  #remove(key: string): undefined {
    const owner = this.#owners.get(key);
    if (owner === undefined) return;
    this.#owners.delete(key);
    const known = this.#slices.get(owner);
    known?.delete(key);
    if (known?.size === 0) this.#slices.delete(owner);
  }
}
