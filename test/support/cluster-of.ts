// The cached cluster as a value, for table tests of controllers: objects in, a reader out.

import type { CachedKind } from '../../src/controllers/cluster-cache.ts';
import { storeKind } from '../../src/controllers/cluster-cache.ts';
import type { ClusterReader } from '../../src/controllers/controller.ts';
import type { Draft, ResourceRef } from '../../src/kube/resource.ts';
import { cachedKinds } from '../../src/lab/controllers/all-controllers.ts';
import type { KubeObject } from '../../src/objects/meta.ts';
import { apiVersionOf } from '../../src/objects/resources.ts';
import { Table, type TableReader } from '../../src/store/table.ts';

/** One kind's objects; what the server would fill in is filled in here: uid = "<kind>/<name>", revision "1", creation at second 0. */
export type ClusterPart = readonly [ResourceRef, readonly Draft[]];

export function clusterOf(...parts: readonly ClusterPart[]): ClusterReader {
  const tables = new Map<string, Table<KubeObject>>();
  for (const kind of cachedKinds()) tables.set(tableName(kind.resource), tableOf(kind, parts));
  return {
    of: <T extends KubeObject>(resource: ResourceRef<T>) =>
      tables.get(tableName(resource)) as unknown as TableReader<T>,
  };
}

/** A draft as the server would return it. */
export function served<T extends KubeObject>(resource: ResourceRef<T>, draft: Draft<T>): T {
  const { namespace, name = 'unnamed' } = draft.metadata;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...draft,
    metadata: {
      uid: `${resource.kind}/${key}`,
      resourceVersion: '1',
      creationTimestamp: '1970-01-01T00:00:00Z',
      ...draft.metadata,
      name,
    },
  } as unknown as T;
}

function tableOf(kind: CachedKind, parts: readonly ClusterPart[]): Table<KubeObject> {
  const table = new Table(storeKind(kind), () => undefined);
  const drafts = parts.filter(([resource]) => tableName(resource) === tableName(kind.resource));
  for (const object of drafts.flatMap(([resource, each]) => each.map((draft) => served(resource, draft)))) {
    const { namespace, name } = object.metadata;
    table.put(namespace === undefined ? name : `${namespace}/${name}`, object);
  }
  return table;
}

function tableName({ group, plural }: ResourceRef): string {
  return `${group}/${plural}`;
}
