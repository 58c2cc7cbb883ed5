// Brings manifests into the API as `kubectl apply` does: what is missing is made, what changed since the last time is patched,
// and the last applied text is kept as an annotation, so that kubectl and `up` can take turns.

import { isNotFound } from '../../base/errors.ts';
import type { KubeClient } from '../../kube/kube-client.ts';
import type { ResourceRef } from '../../kube/resource.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { diffForMerge } from './merge-diff.ts';
import type { Manifest, ManifestObject } from './load.ts';

/** What kubectl uses: both read and write it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export type Applied = 'created' | 'configured' | 'unchanged';

/** A manifest with the resource that its kind is served as. */
export interface ResolvedManifest {
  readonly manifest: Manifest;
  readonly resource: ResourceRef;
}

export async function applyManifest(
  client: KubeClient,
  it: ResolvedManifest,
  signal: AbortSignal,
): Promise<Applied> {
  const object = withNamespace(it);
  const annotated = withLastApplied(object);
  const at = { namespace: object.metadata.namespace, name: object.metadata.name };
  let current: KubeObject;
  try {
    current = await client.get(it.resource, at, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create(it.resource, annotated, { signal });
    return 'created';
  }
  const patch = diffForMerge(lastAppliedOf(current), annotated, current);
  if (patch === undefined) return 'unchanged';
  await client.patch(it.resource, at, patch, { type: 'merge', signal });
  return 'configured';
}

function withNamespace(it: ResolvedManifest): ManifestObject {
  const { object } = it.manifest;
  if (!it.resource.isNamespaced || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: 'default' } };
}

function withLastApplied(object: ManifestObject): ManifestObject {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const plain = { ...object, metadata: { ...object.metadata, annotations } };
  const text = `${JSON.stringify(plain)}\n`;
  return { ...plain, metadata: { ...plain.metadata, annotations: { ...annotations, [LAST_APPLIED]: text } } };
}

function lastAppliedOf(current: KubeObject): unknown {
  const text = current.metadata?.annotations?.[LAST_APPLIED];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Somebody wrote something else there: nothing is known of what was applied, so nothing is taken away.
    return undefined;
  }
}
