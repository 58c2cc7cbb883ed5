// One object that a proxy's owner wants to have: made, or brought to what is wanted.

import type { Draft, ResourceRef } from '../../kube/resource.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { createAction, eventAction, patchAction, type Action } from '../action.ts';
import type { ClusterReader } from '../controller.ts';
import { annotationNamesOf, CONTENT_ANNOTATION, labelNamesOf, type WorkloadDraft } from './proxy-pods.ts';

/** Nothing where it stands as it is wanted; what somebody else has under that name is left alone, and said. */
export function keptObject(
  resource: ResourceRef,
  wanted: WorkloadDraft,
  owner: KubeObject,
  cluster: ClusterReader,
): readonly Action[] {
  const found = cluster.of(resource).get(objectKey(wanted.metadata));
  if (found === undefined) return [createAction(resource, wanted as Draft)];
  const isOurs = (found.metadata.ownerReferences ?? []).some((it) => it.uid === owner.metadata.uid);
  if (!isOurs) {
    const message = `${resource.kind} ${objectKey(wanted.metadata)} exists and is somebody else's`;
    return [eventAction(owner, 'Warning', 'NameTaken', message)];
  }
  const { annotations } = found.metadata;
  if (annotations?.[CONTENT_ANNOTATION] === wanted.metadata.annotations[CONTENT_ANNOTATION]) return [];
  const gone = {
    labels: withoutValues(labelNamesOf(found)),
    annotations: withoutValues(annotationNamesOf(found)),
  };
  const { metadata, ...content } = wanted;
  const labels = { ...gone.labels, ...metadata.labels };
  const ownAnnotations = { ...gone.annotations, ...metadata.annotations };
  const patch = { ...withTemplate(content, gone), metadata: { labels, annotations: ownAnnotations } };
  return [patchAction(resource, found, patch)];
}

interface Gone {
  readonly labels: Readonly<Record<string, null>>;
  readonly annotations: Readonly<Record<string, null>>;
}

/** Pods have the labels and annotations too. */
function withTemplate(
  content: Readonly<Record<string, unknown>>,
  gone: Gone,
): Readonly<Record<string, unknown>> {
  const spec = content['spec'] as { readonly template?: { readonly metadata: Partial<Gone> } } | undefined;
  if (spec?.template === undefined) return content;
  const { labels, annotations } = spec.template.metadata;
  const metadata = {
    labels: { ...gone.labels, ...labels },
    annotations: { ...gone.annotations, ...annotations },
  };
  return { ...content, spec: { ...spec, template: { ...spec.template, metadata } } };
}

/** Of what was given before and is not any more: the patch takes it away (RFC 7386). What others have put there has other names. */
function withoutValues(names: readonly string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(names.map((name) => [name, null]));
}
