// The end of a namespace: everything in it is deleted, and when the last object is gone the namespace itself. Its policies outlive its pods, which may go on
// speaking for as long as they take to end (KEP-5080, CVE-2024-7598).

import { EVENTS, NAMESPACES, type ResourceRef } from '../../kube/resource.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { deleteAction, type Action } from '../../controllers/action.ts';
import { ownKey, source, type ClusterReader, type Controller } from '../../controllers/controller.ts';
import type { EveryKind } from './every-kind.ts';

/** So that one large namespace does not fill the client's connections for long. */
const MAX_PER_ROUND = 200;

export function namespaceDeletionController(every: EveryKind): Controller {
  const kinds = [...every.namespaced, EVENTS];
  return {
    name: 'namespace-controller',
    sources: [
      ownKey(NAMESPACES),
      ...kinds.map((resource) =>
        source(resource, ({ after, before }, cluster) => {
          const namespace = (after ?? before)?.metadata.namespace ?? '';
          const isEnding = cluster.of(NAMESPACES).get(namespace)?.metadata.deletionTimestamp !== undefined;
          return isEnding ? [namespace] : [];
        }),
      ),
    ],
    reconcile: (key, { cluster }) => emptyNamespace(key, cluster, kinds),
  };
}

function emptyNamespace(
  key: string,
  cluster: ClusterReader,
  kinds: readonly ResourceRef[],
): readonly Action[] {
  const namespace = cluster.of(NAMESPACES).get(key);
  if (namespace?.metadata.deletionTimestamp === undefined) return [];
  const content = kinds.flatMap((resource) =>
    [...cluster.of(resource).by('namespace', key)].map((object) => ({ resource, object })),
  );
  const hasPods = content.some(({ resource }) => resource.kind === 'Pod');
  const waiting = content.filter(
    ({ resource, object }) => !isEnding(object) && !(hasPods && resource.kind === 'NetworkPolicy'),
  );
  if (waiting.length > 0) {
    return waiting
      .slice(0, MAX_PER_ROUND)
      .map(({ resource, object }) =>
        deleteAction(resource, object, { options: { propagationPolicy: 'Background' } }),
      );
  }
  if (content.length > 0 || (namespace.spec?.finalizers ?? []).length === 0) return [];
  const finalizers = (namespace.spec?.finalizers ?? []).filter((name) => name !== 'kubernetes');
  const object = { ...namespace, spec: { ...namespace.spec, finalizers } };
  return [{ kind: 'replace', resource: NAMESPACES, object, subresource: 'finalize' }];
}

function isEnding(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
