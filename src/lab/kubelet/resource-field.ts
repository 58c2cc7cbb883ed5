// Requests and limits as a container may ask for them (resourceFieldRef): whole numbers in units of the divisor.

import { FairleadError } from '../../base/errors.ts';
import type { Container, Pod } from '../../objects/api-types.ts';

export interface ResourceFieldRef {
  readonly container: string;
  readonly containerName?: string | undefined;
  /** "limits.cpu", "requests.memory", ... */
  readonly resource: string;
  readonly divisor?: string | undefined;
}

const SUFFIXES: Readonly<Record<string, number>> = {
  m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}; // prettier-ignore

/** The number of a quantity ("250m", "64Mi"); throws `invalid`. */
export function parseQuantity(text: string): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]{0,2})$/.exec(text);
  const factor = match?.[2] === '' ? 1 : SUFFIXES[match?.[2] ?? ''];
  const value = Number(match?.[1]) * (factor ?? Number.NaN);
  if (Number.isNaN(value)) throw new FairleadError('invalid', `Cannot read quantity "${text}"`);
  return value;
}

/** Rounded up; an absent limit is the node's capacity, an absent request the limit or 0. */
export function resourceField(
  pod: Pod,
  ref: ResourceFieldRef,
  capacity: { readonly cpu: string; readonly memory: string },
): string {
  const name = ref.containerName ?? ref.container;
  const containers: readonly Container[] = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []),
  ];
  const resources = containers.find((it) => it.name === name)?.resources;
  const [kind = '', ...rest] = ref.resource.split('.');
  const key = rest.join('.');
  const limit = resources?.limits?.[key] ?? (key === 'cpu' || key === 'memory' ? capacity[key] : '0');
  const value = kind === 'limits' ? limit : (resources?.requests?.[key] ?? resources?.limits?.[key] ?? '0');
  const divisor = ref.divisor === undefined || ref.divisor === '0' || ref.divisor === '' ? '1' : ref.divisor;
  return String(Math.ceil(parseQuantity(value) / parseQuantity(divisor)));
}
