// What a controller wants done: data that a table test can compare and the engine performs. Pure.

import type { DeleteOptions } from 'kubernetes-types/meta/v1.d.ts';
import type { Draft, ObjectName, ResourceRef } from '../kube/resource.ts';
import type { KubeObject } from '../objects/meta.ts';

export type Action =
  | {
      readonly kind: 'create';
      readonly resource: ResourceRef;
      readonly object: Draft;
      readonly announce?: Announcement;
    }
  | PatchAction
  | {
      readonly kind: 'delete';
      readonly resource: ResourceRef;
      readonly at: ObjectName;
      /** Another object of the same name is left alone. */
      readonly uid: string;
      readonly options?: DeleteOptions;
      readonly announce?: Announcement;
    }
  /** Replaces the object as the cache has it; refused when somebody changed it meanwhile. */
  | {
      readonly kind: 'replace';
      readonly resource: ResourceRef;
      readonly object: Draft;
      readonly subresource?: string;
    }
  /** Does `action` only where the server itself confirms that none of `absent` exists: the watch of one kind may be behind another's. */
  | {
      readonly kind: 'if-absent';
      readonly absent: readonly {
        readonly resource: ResourceRef;
        readonly at: ObjectName;
        /** Undefined where any object of that name counts. */
        readonly uid: string | undefined;
      }[];
      readonly action: Action;
    }
  | { readonly kind: 'bind'; readonly at: ObjectName; readonly uid: string; readonly node: string }
  | { readonly kind: 'event'; readonly about: KubeObject; readonly event: EventText }
  /** Look at this key again after a while, whatever happens. */
  | { readonly kind: 'later'; readonly afterMs: number };

/** An event to write after success; the object's name, which the server may have chosen, follows the text. */
export interface Announcement {
  readonly about: KubeObject;
  /** "SuccessfulCreate" */
  readonly reason: string;
  /** "Created pod: " */
  readonly text: string;
}

/** A merge patch (RFC 7386). */
export interface PatchAction {
  readonly kind: 'patch';
  readonly resource: ResourceRef;
  readonly at: ObjectName;
  readonly patch: Readonly<Record<string, unknown>>;
  readonly subresource?: 'status';
}

export interface EventText {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase word: "FailedScheduling". */
  readonly reason: string;
  readonly message: string;
}

export function createAction<T extends KubeObject>(
  resource: ResourceRef<T>,
  object: Draft<T>,
  announce?: Announcement,
): Action {
  return { kind: 'create', resource, object, ...(announce === undefined ? {} : { announce }) };
}

export function eventAction(
  about: KubeObject,
  type: EventText['type'],
  reason: string,
  message: string,
): Action {
  return { kind: 'event', about, event: { type, reason, message } };
}

/** A patch that is refused when somebody else changed the object since `of` was read. */
export function patchAction(
  resource: ResourceRef,
  of: KubeObject,
  patch: Readonly<Record<string, unknown>>,
): PatchAction {
  const { resourceVersion, uid } = of.metadata;
  const metadata = { ...(patch['metadata'] as object | undefined), resourceVersion, uid };
  return { kind: 'patch', resource, at: nameOf(of), patch: { ...patch, metadata } };
}

/** Replaces fields of the status; only refused when the object is another one of the same name. */
export function statusAction(
  resource: ResourceRef,
  of: KubeObject,
  status: Readonly<Record<string, unknown>>,
): PatchAction {
  const patch = { metadata: { uid: of.metadata.uid }, status };
  return { kind: 'patch', resource, at: nameOf(of), patch, subresource: 'status' };
}

export function deleteAction(
  resource: ResourceRef,
  object: KubeObject,
  extra: { readonly options?: DeleteOptions; readonly announce?: Announcement } = {},
): Action {
  return { kind: 'delete', resource, at: nameOf(object), uid: object.metadata.uid, ...extra };
}

export function nameOf(object: KubeObject): ObjectName {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
