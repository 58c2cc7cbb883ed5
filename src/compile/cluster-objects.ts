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
