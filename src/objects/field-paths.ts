// Which fields of a kind a field selector may ask for, and how they read.

import { FairleadError } from '../base/errors.ts';
import { objectOf } from './json.ts';
import type { FieldRequirement, KubeObject } from './meta.ts';

const EVERY_KIND = ['metadata.name', 'metadata.namespace'];

const PATHS: Readonly<Record<string, readonly string[]>> = {
  'core.Pod': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  'core.Event': [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'core.Node': ['spec.unschedulable'],
  'core.Namespace': ['status.phase'],
  'core.Secret': ['type'],
  'core.Service': ['spec.clusterIP', 'spec.type'],
  'apps.ReplicaSet': ['status.replicas'],
  'batch.Job': ['status.successful'],
};

/** Throws `invalid` for a path that objects of `message` cannot be selected by; `more` are paths that a definition adds. */
export function checkFieldPaths(
  message: string,
  requirements: readonly FieldRequirement[],
  more: readonly string[] = [],
): void {
  // Events of both groups are stored as core ones, and selected by these names in both.
  const paths = PATHS[message === 'events.Event' ? 'core.Event' : message] ?? [];
  for (const { path } of requirements) {
    if (![...EVERY_KIND, ...paths, ...more].includes(path)) {
      throw new FairleadError(
        'invalid',
        `Cannot select by field: field label not supported: ${path.slice(0, 80)}`,
      );
    }
  }
}

/** True when every requirement holds; an absent field reads as the empty text, an absent flag as "false". */
export function matchesFields(requirements: readonly FieldRequirement[], object: KubeObject): boolean {
  return requirements.every(
    ({ path, value, isNegated }) => (readField(object, path) === value) !== isNegated,
  );
}

const FLAGS = ['spec.unschedulable', 'spec.hostNetwork'];

function readField(object: KubeObject, path: string): string {
  if (path === 'source') return readField(object, 'source.component');
  if (path === 'status.successful') return readField(object, 'status.succeeded') || '0';
  let at: unknown = object;
  for (const part of path.split('.')) at = objectOf(at)[part];
  if (typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean') return String(at);
  return FLAGS.includes(path) ? 'false' : '';
}
