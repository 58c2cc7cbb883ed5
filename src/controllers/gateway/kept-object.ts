// One object that a proxy's owner wants to have: made, or brought to what is wanted.

import type { Draft, ResourceRef } from '../../kube/resource.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { createAction, eventAction, patchAction, type Action } from '../action.ts';
import type { ClusterReader } from '../controller.ts';
import { CONTENT_ANNOTATION, type WorkloadDraft } from './proxy-pods.ts';

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
  const { metadata, ...content } = wanted;
  const { labels, annotations: own } = metadata as {
    readonly labels?: unknown;
    readonly annotations: unknown;
  };
  return [patchAction(resource, found, { ...content, metadata: { labels, annotations: own } })];
}
