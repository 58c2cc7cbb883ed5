// Finds what each manifest's kind is served as, in the order in which they can be applied.

import { FairleadError } from '../../base/errors.ts';
import { resourceOfKind } from '../../objects/resources.ts';
import type { ResolvedManifest } from './apply.ts';
import type { Manifest } from './load.ts';

/** Kinds that others of the same set may live in or refer to come first; the rest keeps its order. */
const FIRST = ['Namespace', 'ServiceAccount', 'ConfigMap', 'Secret'];

/** Throws for the first kind that is not served, with file and line. */
export function resolveManifests(manifests: readonly Manifest[]): readonly ResolvedManifest[] {
  const resolved = manifests.map((manifest) => {
    const { apiVersion, kind } = manifest.object;
    const resource = resourceOfKind(apiVersion, kind);
    if (resource !== undefined) return { manifest, resource };
    throw new FairleadError(
      'invalid',
      `${manifest.file}:${manifest.line}: kind "${kind}" of "${apiVersion}" is not known`,
    );
  });
  const rank = (it: ResolvedManifest): number => {
    const index = FIRST.indexOf(it.manifest.object.kind);
    return index === -1 ? FIRST.length : index;
  };
  return resolved.toSorted((a, b) => rank(a) - rank(b));
}
