// The templates that a StatefulSet or DaemonSet has had, as ControllerRevisions: what `kubectl rollout history` and `undo` read. Pure.

import { CONTROLLER_REVISIONS, type Draft } from '../../kube/resource.ts';
import type { ControllerRevision, PodTemplateSpec } from '../../objects/api-types.ts';
import type { KubeObject, LabelSelector, OwnerReference } from '../../objects/meta.ts';
import { createAction, deleteAction, patchAction, type Action } from '../../controllers/action.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import { ownedObjects } from './ownership.ts';
import { canonicalJson, contentHash } from './pod-from-template.ts';

/** Label of pods: the name of the revision (or its hash) that they were made from. */
export const REVISION_LABEL = 'controller-revision-hash';

export interface History {
  /** Oldest first. */
  readonly revisions: readonly ControllerRevision[];
  /** The present template's; undefined until it is made. */
  readonly update: ControllerRevision | undefined;
  /** What has to happen before anything else is decided. */
  readonly actions: readonly Action[];
}

export interface HistoryOwner {
  readonly owner: KubeObject;
  readonly ref: OwnerReference;
  readonly selector: LabelSelector | undefined;
  readonly template: PodTemplateSpec;
}

export function historyOf(of: HistoryOwner, cluster: ClusterReader): History {
  const owned = ownedObjects(CONTROLLER_REVISIONS, of, cluster);
  const revisions = [...owned.objects].sort((a, b) => a.revision - b.revision);
  if (owned.actions.length > 0) return { revisions, update: undefined, actions: owned.actions };
  const data = dataOf(of.template);
  const wanted = canonicalJson(data);
  const update = revisions.findLast((each) => canonicalJson(each.data) === wanted);
  const next = (revisions.at(-1)?.revision ?? 0) + 1;
  if (update === undefined) return { revisions, update, actions: [createRevision(of, data, next)] };
  // A template that comes back is the newest again.
  const actions =
    update === revisions.at(-1) ? [] : [patchAction(CONTROLLER_REVISIONS, update, { revision: next })];
  return { revisions, update, actions };
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data: { readonly spec?: { readonly template?: PodTemplateSpec & { readonly $patch?: string } } } =
    revision.data ?? {};
  const { $patch: _, ...template } = data.spec?.template ?? {};
  return template;
}

/** Revisions beyond the limit go, oldest first, but none that is in use. */
export function trimHistory(
  history: History,
  limit: number | undefined,
  isUsed: (revision: ControllerRevision) => boolean,
): readonly Action[] {
  const unused = history.revisions.filter((each) => each !== history.update && !isUsed(each));
  const surplus = unused.slice(0, Math.max(0, unused.length - (limit ?? 10)));
  return surplus.map((each) => deleteAction(CONTROLLER_REVISIONS, each));
}

function createRevision(of: HistoryOwner, data: object, revision: number): Action {
  const { namespace, name } = of.owner.metadata;
  const hash = contentHash(data);
  const object: Draft<ControllerRevision> = {
    metadata: {
      ...(namespace === undefined ? {} : { namespace }),
      name: `${name}-${hash}`,
      labels: { ...of.template.metadata?.labels, 'controller.kubernetes.io/hash': hash },
      ownerReferences: [of.ref],
    },
    data,
    revision,
  };
  return createAction(CONTROLLER_REVISIONS, object);
}

/** A strategic merge patch of the owner that brings the template back. */
function dataOf(template: PodTemplateSpec): object {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}
