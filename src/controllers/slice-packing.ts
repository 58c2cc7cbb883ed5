// Spreads endpoints over slices so that as few slices as possible change: every node of the cluster reads each change. Pure.

import { isDeepStrictEqual } from 'node:util';
import type { Endpoint, EndpointSlice } from '../objects/api-types.ts';

/** What upstream's controller puts into one slice unless told otherwise. */
export const MAX_ENDPOINTS_PER_SLICE = 100;

/** A slice as it shall be; `slice` is undefined for one to be made. */
export interface PackedSlice {
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly isChanged: boolean;
}

interface Packing {
  readonly slice: EndpointSlice | undefined;
  readonly endpoints: Endpoint[];
  isChanged: boolean;
}

/** Endpoints stay in the slice they are in; new ones go into slices that change anyway, then into the fullest with room, then into new ones. */
export function packSlices(
  existing: readonly EndpointSlice[],
  desired: readonly Endpoint[],
  max: number = MAX_ENDPOINTS_PER_SLICE,
): readonly PackedSlice[] {
  const left = new Map(desired.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const packings = [...existing]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map((slice) => keep(slice, left, max));
  const rest = [...left.values()];
  for (const packing of fillOrder(packings, max)) {
    const room = rest.splice(0, max - packing.endpoints.length);
    packing.endpoints.push(...room);
    packing.isChanged ||= room.length > 0;
  }
  while (rest.length > 0) {
    packings.push({ slice: undefined, endpoints: rest.splice(0, max), isChanged: true });
  }
  return packings;
}

/** The slice with those of its endpoints that are wanted, in their present form; takes them out of `left`. */
function keep(slice: EndpointSlice, left: Map<string, Endpoint>, max: number): Packing {
  const endpoints: Endpoint[] = [];
  let isChanged = false;
  for (const endpoint of slice.endpoints) {
    const key = endpointKey(endpoint);
    const wanted = left.get(key);
    if (wanted === undefined || endpoints.length >= max) {
      isChanged = true;
      continue;
    }
    left.delete(key);
    endpoints.push(wanted);
    isChanged ||= !isDeepStrictEqual(wanted, endpoint);
  }
  return { slice, endpoints, isChanged };
}

function fillOrder(packings: readonly Packing[], max: number): readonly Packing[] {
  return packings
    .filter((packing) => packing.endpoints.length < max)
    .sort((a, b) => Number(b.isChanged) - Number(a.isChanged) || b.endpoints.length - a.endpoints.length);
}

/** The same pod at the same address is the same endpoint, whatever its conditions. */
export function endpointKey(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses.join(' ')}`;
}
