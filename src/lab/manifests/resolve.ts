// Finds what each manifest's kind is served as, in the order in which they can be applied.

import type { DefinitionObject } from '../../objects/custom/custom-version.ts';
import { DEFINITION_MESSAGE, hasCondition, resourcesOf } from '../../objects/custom/definition.ts';
import { apiVersionOf, RESOURCES, resourceOfKind, type Resource } from '../../objects/resources.ts';
import { UNSERVED_KINDS } from '../../objects/unserved-kinds.ts';
import { complain, type Complaint } from './complaint.ts';
import type { Manifest, ManifestObject } from './load.ts';

/** A manifest with the resource that its kind is served as. */
export interface ResolvedManifest {
  readonly manifest: Manifest;
  readonly resource: Resource;
}

/** Kinds that others of the same set may live in or refer to come first; the rest keeps its order. */
const FIRST = ['CustomResourceDefinition', 'Namespace', 'ServiceAccount', 'ConfigMap', 'Secret'];

/** What can be applied, in order, and a complaint for each manifest that cannot; `definitions` are those that a cluster has, of which the set's own go before. */
export function resolveManifests(
  manifests: readonly Manifest[],
  definitions: readonly DefinitionObject[] = [],
): {
  readonly resolved: readonly ResolvedManifest[];
  readonly complaints: readonly Complaint[];
} {
  const resolved: ResolvedManifest[] = [];
  const complaints: Complaint[] = [];
  const served = definitions.filter((it) => hasCondition(it, 'Established'));
  const custom = byKind([...served, ...definitionsIn(manifests)]);
  for (const manifest of manifests) {
    const { apiVersion, kind } = manifest.object;
    const resource = resourceOfKind(apiVersion, kind) ?? custom.get(`${apiVersion} ${kind}`);
    if (resource === undefined) complaints.push(unknownKind(manifest));
    else if (!resource.verbs.includes('patch'))
      complaints.push(complain(manifest, 'kind', 'a question to the API, not an object that is kept'));
    else resolved.push({ manifest, resource });
  }
  const rank = (it: ResolvedManifest): number => {
    const index = FIRST.indexOf(it.manifest.object.kind);
    return index === -1 ? FIRST.length : index;
  };
  return { resolved: resolved.toSorted((a, b) => rank(a) - rank(b)), complaints };
}

function definitionsIn(manifests: readonly Manifest[]): readonly DefinitionObject[] {
  return manifests
    .map(({ object }) => object)
    .filter(({ apiVersion, kind }) => resourceOfKind(apiVersion, kind)?.message === DEFINITION_MESSAGE);
}

/** What definitions bring, by apiVersion and kind; of two that bring the same, the last. */
function byKind(definitions: readonly DefinitionObject[]): ReadonlyMap<string, Resource> {
  const resources = definitions.flatMap((it) => resourcesOf(it));
  return new Map(resources.map((it) => [`${apiVersionOf(it)} ${it.kind}`, it]));
}

/** The object as it will be sent: with the namespace that it has when it names none. */
export function withNamespace({ manifest: { object }, resource }: ResolvedManifest): ManifestObject {
  if (!resource.isNamespaced || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: 'default' } };
}

const NO_CUSTOM =
  ': a custom resource needs its CustomResourceDefinition in the same manifests or in the cluster';

/** Of a group that no kind here belongs to: only definitions can say what its kinds are. */
export function isCustom(apiVersion: string): boolean {
  const group = groupOf(apiVersion);
  return group.includes('.') && !RESOURCES.some((it) => it.group === group);
}

function groupOf(apiVersion: string): string {
  return apiVersion.split('/')[0] ?? '';
}

function unknownKind(manifest: Manifest): Complaint {
  const { apiVersion, kind } = manifest.object;
  const unserved = UNSERVED_KINDS.find((it) => it.kind === kind && it.group === groupOf(apiVersion));
  if (unserved !== undefined) return complain(manifest, 'kind', `not served: ${unserved.because}`);
  const like = RESOURCES.filter((it) => it.kind.toLowerCase() === kind.toLowerCase());
  const hints = like.map((it) => `"${it.kind}" of "${apiVersionOf(it)}"`);
  const hint = hints.length > 0 ? `; there is ${hints.join(' and ')}` : isCustom(apiVersion) ? NO_CUSTOM : '';
  const field = like.some((it) => it.kind === kind) ? 'apiVersion' : 'kind';
  return complain(manifest, field, `no kind "${kind}" in "${apiVersion}"${hint}`);
}
