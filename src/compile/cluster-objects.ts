// The input of compile: the slim objects of a cluster at one moment. Whoever watches them hands them over; nothing here knows how.

import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { Node } from '../objects/node.ts';
import type { Pod } from '../objects/pod.ts';
import type { Service } from '../objects/service.ts';

/**
 * Objects by key: nodes by name, the others by "namespace/name". An object is never changed in place: a new state is a new
 * object, so that the same reference means the same content (what memoised steps go by).
 */
export interface ClusterObjects {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly services: ReadonlyMap<string, Service>;
  readonly endpointSlices: ReadonlyMap<string, EndpointSlice>;
}

const NO_SLICES: readonly EndpointSlice[] = [];

/** The slices of each Service, by its key, in the order of their names. */
export class SlicesByService {
  readonly #slices = new Map<string, EndpointSlice[]>();

  constructor(slices: ReadonlyMap<string, EndpointSlice>) {
    for (const slice of slices.values()) {
      if (slice.service === undefined) continue;
      const key = `${slice.namespace}/${slice.service}`;
      const known = this.#slices.get(key);
      if (known === undefined) this.#slices.set(key, [slice]);
      else known.push(slice);
    }
    for (const of of this.#slices.values()) of.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  of(serviceKey: string): readonly EndpointSlice[] {
    return this.#slices.get(serviceKey) ?? NO_SLICES;
  }
}
