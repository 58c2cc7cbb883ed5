// A state as what `kubectl apply` takes, so that a shrunk case can be tried on a cluster.

import { stringify } from 'yaml';
import type { State } from './expanders.ts';

const API_VERSIONS: Readonly<Record<string, string>> = { EndpointSlice: 'discovery.k8s.io/v1' };

/** Keys of a state begin with the kind. */
export function yamlOf(state: State): string {
  return [...state]
    .map(([key, object]) => {
      const kind = key.split(' ')[0] ?? '';
      return stringify({ apiVersion: API_VERSIONS[kind] ?? 'v1', kind, ...Object(object) });
    })
    .join('---\n');
}
