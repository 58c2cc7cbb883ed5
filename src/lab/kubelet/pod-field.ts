// Fields of the pod that a container may ask for (fieldRef, downward API): one table.

import { FairleadError } from '../../base/errors.ts';
import type { Pod } from '../../objects/api-types.ts';

export interface FieldInput {
  readonly pod: Pod;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/** Throws `invalid` for a path that the downward API does not have. */
export function podField(input: FieldInput, path: string): string {
  const { metadata, spec } = input.pod;
  const single: Readonly<Record<string, string>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace ?? 'default',
    'metadata.uid': metadata.uid ?? '',
    'metadata.labels': formatMap(metadata.labels ?? {}),
    'metadata.annotations': formatMap(metadata.annotations ?? {}),
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? 'default',
    'status.hostIP': input.hostIps[0] ?? '',
    'status.hostIPs': input.hostIps.join(','),
    'status.podIP': input.podIps[0] ?? '',
    'status.podIPs': input.podIps.join(','),
  };
  const value = single[path];
  if (value !== undefined) return value;
  const match = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (match === null)
    throw new FairleadError('invalid', `Cannot read field ${path}: the downward API has none such`);
  const map = match[1] === 'labels' ? metadata.labels : metadata.annotations;
  return map?.[match[2] ?? ''] ?? '';
}

/** One key="value" per line, sorted, as downward API files have it. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}
