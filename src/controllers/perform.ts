// Carries out actions: runs of creates and of deletes side by side, all else in order.

import { hasCode, isNotFound } from '../base/errors.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { keyOfName, PODS } from '../kube/resource.ts';
import type { KubeObject } from '../objects/meta.ts';
import type { Action, Announcement } from './action.ts';
import type { ClusterCache } from './cluster-cache.ts';
import type { EventRecorder } from './event-recorder.ts';

/** True once the cache shows what was written. */
export type IsSeen = () => boolean;

export interface Performed {
  readonly writes: readonly IsSeen[];
  /** The first failure; what stood after its group was not begun. */
  readonly failure: unknown;
}

export interface Tools {
  readonly client: KubeClient;
  readonly cache: ClusterCache;
  readonly recorder: EventRecorder;
  readonly controller: string;
  readonly signal: AbortSignal;
}

export async function perform(actions: readonly Action[], tools: Tools): Promise<Performed> {
  const writes: IsSeen[] = [];
  for (const group of groupsOf(actions)) {
    const results = await Promise.allSettled(group.map((action) => performOne(action, tools)));
    let failure: unknown;
    for (const result of results) {
      if (result.status === 'fulfilled') writes.push(...result.value);
      else failure ??= result.reason;
    }
    if (failure !== undefined) return { writes, failure };
  }
  return { writes, failure: undefined };
}

/** Neighbours of one kind that do not depend on each other go together. The client bounds how many are sent at once. */
function groupsOf(actions: readonly Action[]): readonly (readonly Action[])[] {
  const groups: Action[][] = [];
  for (const action of actions) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === action.kind) last.push(action);
    else groups.push([action]);
  }
  return groups;
}

async function performOne(action: Action, tools: Tools): Promise<readonly IsSeen[]> {
  const { cache } = tools;
  switch (action.kind) {
    case 'create':
      return createOne(action, tools);
    case 'patch':
      return seenAt(cache, action, await patch(action, tools));
    case 'delete':
      return deleteOne(action, tools);
    case 'bind':
      return bind(action, tools);
    case 'replace':
      return replace(action, tools);
    case 'if-absent':
      return (await areAbsent(action, tools)) ? performOne(action.action, tools) : [];
    case 'event':
      tools.recorder.record(tools.controller, action.about, action.event);
      return [];
    case 'later':
      return [];
  }
}

async function createOne(
  action: Extract<Action, { kind: 'create' }>,
  tools: Tools,
): Promise<readonly IsSeen[]> {
  const { client, cache, signal } = tools;
  const made = await client.create(action.resource, action.object, { signal });
  announce(action.announce, made.metadata.name, tools);
  return seenAt(cache, action, made);
}

function announce(what: Announcement | undefined, name: string, tools: Tools): void {
  if (what === undefined) return;
  const { about, reason, text } = what;
  tools.recorder.record(tools.controller, about, { type: 'Normal', reason, message: `${text}${name}` });
}

function seenAt(
  cache: ClusterCache,
  action: Extract<Action, { kind: 'create' | 'patch' }>,
  written: KubeObject,
): readonly IsSeen[] {
  const { resourceVersion } = written.metadata;
  return [() => cache.hasReached(action.resource, resourceVersion)];
}

function patch(action: Extract<Action, { kind: 'patch' }>, { client, signal }: Tools): Promise<KubeObject> {
  const { resource, at, subresource } = action;
  return client.patch(resource, at, action.patch, { type: 'merge', subresource, signal });
}

async function deleteOne(
  action: Extract<Action, { kind: 'delete' }>,
  tools: Tools,
): Promise<readonly IsSeen[]> {
  const { client, cache, signal } = tools;
  const options = { ...action.options, preconditions: { uid: action.uid } };
  try {
    const isDeleted = await client.delete(action.resource, action.at, options, { signal });
    if (isDeleted) announce(action.announce, action.at.name, tools);
  } catch (error) {
    // Another object has the name: the one meant is gone.
    if (!hasCode(error, 'conflict')) throw error;
  }
  return [
    () => {
      const object = cache.of(action.resource).get(keyOfName(action.at));
      return object?.metadata.uid !== action.uid || object.metadata.deletionTimestamp !== undefined;
    },
  ];
}

async function replace(
  { resource, object, subresource }: Extract<Action, { kind: 'replace' }>,
  { client, cache, signal }: Tools,
): Promise<readonly IsSeen[]> {
  const call = subresource === undefined ? { signal } : { signal, subresource };
  await client.update(resource, object, call);
  // The answer to a last finalizer's removal is the object's end, so its revision may never be watched: wait for any change.
  const key = keyOfName({ namespace: object.metadata.namespace, name: object.metadata.name ?? '' });
  return [() => cache.of(resource).get(key)?.metadata.resourceVersion !== object.metadata.resourceVersion];
}

async function areAbsent(
  { absent }: Extract<Action, { kind: 'if-absent' }>,
  { client, signal }: Tools,
): Promise<boolean> {
  const found = await Promise.all(
    absent.map(async ({ resource, at, uid }) => {
      try {
        const { metadata } = await client.get(resource, at, { signal });
        return uid === undefined || metadata.uid === uid;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    }),
  );
  return !found.includes(true);
}

async function bind(
  { at, uid, node }: Extract<Action, { kind: 'bind' }>,
  { client, cache, signal }: Tools,
): Promise<readonly IsSeen[]> {
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { ...at, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  };
  try {
    await client.post(PODS, { ...at, subresource: 'binding' }, binding, { signal });
  } catch (error) {
    // Deleted or bound meanwhile: the cache will show it, and one such pod must not hold up the others.
    if (!isNotFound(error) && !hasCode(error, 'conflict')) throw error;
    return [];
  }
  return [
    () => {
      const pod = cache.of(PODS).get(keyOfName(at));
      return pod?.metadata.uid !== uid || (pod.spec?.nodeName ?? '') !== '';
    },
  ];
}
