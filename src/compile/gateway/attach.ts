// Which listeners a route's parent references attach it to, and under which names.

import type { Verdict, VerdictParent } from '../../model/gateway-verdict.ts';
import { GATEWAY_GROUP, type GatewayMeta, type ParentRef } from '../../objects/gateway-api/common.ts';
import type { NamespaceChoice } from '../../objects/gateway-api/gateway.ts';
import { matchesSelector } from '../../objects/meta.ts';
import type { Namespace } from '../../objects/namespace.ts';
import { compareHostnames, intersection, type Hostname } from './hostnames.ts';
import type { JudgedListener } from './listeners.ts';
import { no, yes } from './verdicts.ts';

export interface AttachingRoute extends GatewayMeta {
  readonly parents: readonly ParentRef[];
  /** Empty for every name. */
  readonly hostnames: readonly string[];
}

/** Of a listener, what routes are attached by. */
export type AttachableListener = Pick<JudgedListener, 'id' | 'owner' | 'listener' | 'supportedKinds'>;

/** One listener that a route is attached to, with the names that they have together; never empty. */
export interface Attachment {
  /** Of the listener. */
  readonly id: string;
  /** True where TLS goes on as it came. */
  readonly isPassed: boolean;
  readonly names: readonly SharedName[];
}

/** A name that listener and route have together, and the route's own that it comes from, which precedence goes by. */
export interface SharedName {
  readonly hostname: Hostname;
  readonly own: Hostname;
}

export interface JudgedParent {
  readonly parent: VerdictParent;
  readonly accepted: Verdict;
  readonly attachments: readonly Attachment[];
}

/** The listeners of one Gateway, by who has them. */
export interface Parents {
  readonly gateway: string;
  /** Keys of the ListenerSets that ask to be part of it. */
  readonly listenerSets: ReadonlySet<string>;
  readonly listeners: readonly AttachableListener[];
  readonly namespaces: ReadonlyMap<string, Namespace>;
}

/** Of the route's parents those that are of this Gateway; undefined where none is. */
export function judgeParents(
  kind: string,
  route: AttachingRoute,
  parents: Parents,
): readonly JudgedParent[] | undefined {
  const judged = route.parents
    .filter((it) => isOfGateway(it, parents))
    .map((it) => judge(kind, route, it, parents));
  return judged.length === 0 ? undefined : judged;
}

function isOfGateway({ group, kind, namespace, name }: ParentRef, parents: Parents): boolean {
  if (group !== GATEWAY_GROUP) return false;
  const key = `${namespace}/${name}`;
  return kind === 'Gateway'
    ? key === parents.gateway
    : kind === 'ListenerSet' && parents.listenerSets.has(key);
}

function judge(kind: string, route: AttachingRoute, parent: ParentRef, parents: Parents): JudgedParent {
  const refuse = (reason: string, message: string): JudgedParent => ({
    parent,
    accepted: no('Accepted', reason, message),
    attachments: [],
  });
  const named = parents.listeners.filter(
    ({ owner, listener }) =>
      owner.kind === parent.kind &&
      owner.namespace === parent.namespace &&
      owner.name === parent.name &&
      (parent.sectionName === undefined || listener.name === parent.sectionName) &&
      (parent.port === undefined || listener.port === parent.port),
  );
  if (named.length === 0)
    return refuse(
      'NoMatchingParent',
      `${parent.kind} ${parent.namespace}/${parent.name} has no such listener`,
    );
  const allowed = named.filter((it) => allows(it, kind, route, parents.namespaces));
  if (allowed.length === 0)
    return refuse('NotAllowedByListeners', `no listener takes a ${kind} of namespace ${route.namespace}`);
  const attachments = allowed.flatMap((listener) => attachmentTo(listener, kind, route.hostnames));
  if (attachments.length === 0)
    return refuse('NoMatchingListenerHostname', `no listener has one of ${route.hostnames.join(', ')}`);
  return { parent, accepted: yes('Accepted', 'Accepted'), attachments };
}

function allows(
  { supportedKinds, owner, listener }: AttachableListener,
  kind: string,
  route: AttachingRoute,
  namespaces: ReadonlyMap<string, Namespace>,
): boolean {
  if (!supportedKinds.some((it) => it.group === GATEWAY_GROUP && it.kind === kind)) return false;
  return choosesNamespace(listener.allowedRoutes.namespaces, owner.namespace, route.namespace, namespaces);
}

/** Whether objects of `namespace` may attach to those of `own`. */
export function choosesNamespace(
  choice: NamespaceChoice,
  own: string,
  namespace: string,
  namespaces: ReadonlyMap<string, Namespace>,
): boolean {
  switch (choice.from) {
    case 'all':
      return true;
    case 'same':
      return namespace === own;
    case 'none':
      return false;
    case 'selector': {
      const labels = namespaces.get(namespace)?.labels;
      return labels !== undefined && matchesSelector(choice.selector, labels);
    }
  }
}

/** TCP and UDP know no names. */
function attachmentTo(
  { id, listener }: AttachableListener,
  kind: string,
  hostnames: readonly string[],
): readonly Attachment[] {
  const isPassed = listener.tls?.mode === 'passthrough';
  const attached = (names: readonly SharedName[]): readonly Attachment[] => [{ id, isPassed, names }];
  if (kind === 'TCPRoute' || kind === 'UDPRoute') return attached([{ hostname: undefined, own: undefined }]);
  if (hostnames.length === 0) return attached([{ hostname: listener.hostname, own: undefined }]);
  const shared = new Map<Hostname, SharedName>();
  for (const own of [...hostnames].sort(compareHostnames)) {
    const both = intersection(listener.hostname, own);
    if (both !== undefined && !shared.has(both.hostname)) shared.set(both.hostname, { ...both, own });
  }
  return shared.size === 0 ? [] : attached([...shared.values()]);
}
