// Requests and limits as a container may ask for them (resourceFieldRef): whole numbers in units of the divisor.

import type { Pod } from '../../objects/api-types.ts';
import { parseQuantity } from '../../objects/quantity.ts';
import { containersOf } from './pod-containers.ts';

export interface ResourceFieldRef {
  readonly container: string;
  readonly containerName?: string | undefined;
  /** "limits.cpu", "requests.memory", ... */
  readonly resource: string;
  readonly divisor?: string | undefined;
}

/** Rounded up; an absent limit is the node's capacity, an absent request the limit or 0. */
export function resourceField(
  pod: Pod,
  ref: ResourceFieldRef,
  capacity: { readonly cpu: string; readonly memory: string },
): string {
  const name = ref.containerName ?? ref.container;
  const resources = containersOf(pod).find((it) => it.name === name)?.resources;
  const [kind = '', ...rest] = ref.resource.split('.');
  const key = rest.join('.');
  const limit = resources?.limits?.[key] ?? (key === 'cpu' || key === 'memory' ? capacity[key] : '0');
  const value = kind === 'limits' ? limit : (resources?.requests?.[key] ?? resources?.limits?.[key] ?? '0');
  const divisor = ref.divisor === undefined || ref.divisor === '0' || ref.divisor === '' ? '1' : ref.divisor;
  return String(Math.ceil(parseQuantity(value) / parseQuantity(divisor)));
}
