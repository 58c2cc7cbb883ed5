// What routes and policies say of Gateways that are gone, or another controller's now: whoever wrote it went with the Gateway, and nobody else may take it
// away but us. Entries of other controllers are left alone.

import {
  BACKEND_TLS_POLICIES,
  GATEWAY_CLASSES,
  GATEWAYS,
  GRPC_ROUTES,
  HTTP_ROUTES,
  LISTENER_SETS,
  TCP_ROUTES,
  TLS_ROUTES,
  UDP_ROUTES,
  type ResourceRef,
} from '../../kube/resource.ts';
import { GATEWAY_CONTROLLER, GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { patchAction, type Action } from '../action.ts';
import { cachedKind, type CachedKind } from '../cluster-cache.ts';
import { ownKey, source, type ClusterReader, type Controller, type ReconcileContext } from '../controller.ts';
import { isOwnClass } from './gateway-classes.ts';
import { gatewayOfSet } from './gateway-of-set.ts';

/** A kind whose status has entries by Gateway: where they are, and what in an entry names the Gateway or ListenerSet. */
interface KindWithEntries {
  readonly resource: ResourceRef;
  readonly list: 'parents' | 'ancestors';
  readonly ref: 'parentRef' | 'ancestorRef';
}

const KINDS: readonly KindWithEntries[] = [
  ...[HTTP_ROUTES, GRPC_ROUTES, TLS_ROUTES, TCP_ROUTES, UDP_ROUTES].map((resource): KindWithEntries => ({
    resource,
    list: 'parents',
    ref: 'parentRef',
  })),
  { resource: BACKEND_TLS_POLICIES, list: 'ancestors', ref: 'ancestorRef' },
];

/** By "Gateway shop/public": whose status says something of it. */
const BY_TOLD = 'told';

export function leftStatusKinds(): readonly CachedKind[] {
  return KINDS.map((kind) =>
    cachedKind(kind.resource, {
      [BY_TOLD]: (object) => ownEntries(object, kind).map((it) => refKey(it, kind)),
    }),
  );
}

export function leftStatusControllers(): readonly Controller[] {
  return KINDS.map((kind) => ({
    name: `${kind.resource.kind.toLowerCase()}-status-controller`,
    sources: [
      ownKey(kind.resource),
      source(GATEWAYS, ({ key }, cluster) => toldOfGateway(key, kind, cluster)),
      source(LISTENER_SETS, ({ key }, cluster) => told(`ListenerSet ${key}`, kind, cluster)),
    ],
    reconcile: (key, context) => reconcileLeftStatus(key, kind, context),
  }));
}

export function reconcileLeftStatus(
  key: string,
  kind: KindWithEntries,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const object = cluster.of(kind.resource).get(key);
  if (object === undefined) return [];
  const judged = ownEntries(object, kind).map((entry) => ({ entry, ...servedBy(entry, kind, cluster) }));
  const left = judged.filter((it) => !it.isServed);
  if (left.length === 0) return [];
  const entries = new Set<unknown>(left.map(({ entry }) => entry));
  const status = { [kind.list]: entriesOf(object, kind).filter((it) => !entries.has(it)) };
  const action: Action = {
    ...patchAction(kind.resource, object, { status }),
    subresource: 'status',
  };
  // The watch of Gateways may be behind that of routes: a new Gateway's entries are not taken away.
  return [{ kind: 'if-absent', absent: left.flatMap(({ gone }) => gone), action }];
}

type Entry = Readonly<Record<string, unknown>>;

interface Ref {
  readonly kind?: unknown;
  readonly group?: unknown;
  readonly namespace?: unknown;
  readonly name?: unknown;
}

interface Served {
  readonly isServed: boolean;
  /** What the cache does not have. */
  readonly gone: readonly Absent[];
}

type Absent = Extract<Action, { kind: 'if-absent' }>['absent'][number];

function servedBy(entry: Entry, kind: KindWithEntries, cluster: ClusterReader): Served {
  const { kind: parentKind, namespace, name } = entry[kind.ref] as Ref;
  const key = `${String(namespace)}/${String(name)}`;
  if (parentKind === 'Gateway') return gatewayServes(key, cluster);
  const set = cluster.of(LISTENER_SETS).get(key);
  if (set === undefined) return { isServed: false, gone: [absent(LISTENER_SETS, key)] };
  const gateway = gatewayOfSet(set);
  return gateway === undefined ? { isServed: false, gone: [] } : gatewayServes(gateway, cluster);
}

function gatewayServes(key: string, cluster: ClusterReader): Served {
  const gateway = cluster.of(GATEWAYS).get(key);
  if (gateway === undefined) return { isServed: false, gone: [absent(GATEWAYS, key)] };
  const { gatewayClassName } = gateway['spec'] as { readonly gatewayClassName?: string };
  const gatewayClass = cluster.of(GATEWAY_CLASSES).get(gatewayClassName ?? '');
  // Without its class a Gateway is left as it stands.
  return { isServed: gatewayClass === undefined || isOwnClass(gatewayClass), gone: [] };
}

function absent(resource: ResourceRef, key: string): Absent {
  const [namespace = '', name = ''] = key.split('/');
  return { resource, at: { namespace, name }, uid: undefined };
}

/** Of it, and of the ListenerSets that are its. */
function* toldOfGateway(key: string, kind: KindWithEntries, cluster: ClusterReader): Iterable<string> {
  yield* told(`Gateway ${key}`, kind, cluster);
  for (const [set, object] of cluster.of(LISTENER_SETS).entries())
    if (gatewayOfSet(object) === key) yield* told(`ListenerSet ${set}`, kind, cluster);
}

function* told(ref: string, kind: KindWithEntries, cluster: ClusterReader): Iterable<string> {
  for (const { metadata } of cluster.of(kind.resource).by(BY_TOLD, ref))
    yield `${metadata.namespace ?? ''}/${metadata.name}`;
}

function ownEntries(object: KubeObject, kind: KindWithEntries): readonly Entry[] {
  return entriesOf(object, kind).filter((entry) => {
    const ref = entry[kind.ref] as Ref | undefined;
    return entry['controllerName'] === GATEWAY_CONTROLLER && ref?.group === GATEWAY_GROUP;
  });
}

function entriesOf(object: KubeObject, { list }: KindWithEntries): readonly Entry[] {
  const status = object['status'] as Readonly<Record<string, unknown>> | undefined;
  const entries = status?.[list];
  return Array.isArray(entries) ? (entries as readonly Entry[]) : [];
}

function refKey(entry: Entry, kind: KindWithEntries): string {
  const { kind: parentKind, namespace, name } = entry[kind.ref] as Ref;
  return `${String(parentKind)} ${String(namespace)}/${String(name)}`;
}
