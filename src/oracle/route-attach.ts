// Which listeners a route is attached to by each of its parents, and why not.

import { GATEWAY_GROUP, type GatewayMeta, type ParentRef } from '../objects/gateway-api/common.ts';
import type { Gateway, Listener } from '../objects/gateway-api/gateway.ts';
import type { GrpcRule } from '../objects/gateway-api/grpc-route.ts';
import type { HttpRule } from '../objects/gateway-api/http-route.ts';
import type { StreamRoute } from '../objects/gateway-api/stream-route.ts';
import { intersects } from './route-host.ts';
import {
  isChosen,
  isRefTo,
  isSame,
  listenersOf,
  supportedKinds,
  type OwnedListener,
} from './route-listener.ts';
import { readableRules, type AnyHttpRoute } from './route-match.ts';
import type { GatewayObjects } from './route-objects.ts';

/** Any route, and what attaching asks of it. */
export type AnyRoute = AnyHttpRoute | { readonly kind: StreamRoute['kind']; readonly route: StreamRoute };

export type Attachment =
  | { readonly kind: 'attached'; readonly listeners: readonly OwnedListener[] }
  /** Any of the reasons of the condition Accepted. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[] };

/** Every route of the objects. */
export function allRoutes({ httpRoutes, grpcRoutes, streamRoutes }: GatewayObjects): readonly AnyRoute[] {
  return [
    ...httpRoutes.map((route) => ({ kind: 'HTTPRoute' as const, route })),
    ...grpcRoutes.map((route) => ({ kind: 'GRPCRoute' as const, route })),
    ...streamRoutes.map((route) => ({ kind: route.kind, route })),
  ];
}

/** `listeners` are all of the Gateway, served or not: "Listener status does not impact successful attachment". */
export function attach(
  objects: GatewayObjects,
  listeners: readonly OwnedListener[],
  of: AnyRoute,
  parent: ParentRef,
): Attachment {
  const selected = listeners.filter((it) => selects(parent, it));
  if (selected.length === 0) return { kind: 'refused', reasons: ['NoMatchingParent'] };
  const allowing = selected.filter(({ owner, listener }) => allows(objects, owner, listener, of));
  if (allowing.length === 0) return { kind: 'refused', reasons: notAllowed(of, selected) };
  const attached = allowing.filter(({ listener }) => sharesName(listener, of));
  if (attached.length === 0) return { kind: 'refused', reasons: ['NoMatchingListenerHostname'] };
  if (!isImplemented(of)) return { kind: 'refused', reasons: ['UnsupportedValue'] };
  return { kind: 'attached', listeners: attached };
}

/** "When both Port and SectionName are specified, the name and port of the selected listener must match both." */
function selects(parent: ParentRef, { owner, listener }: OwnedListener): boolean {
  return (
    isRefTo(parent, owner.kind, owner) &&
    (parent.sectionName === undefined || parent.sectionName === listener.name) &&
    (parent.port === undefined || parent.port === listener.port)
  );
}

function allows(
  objects: GatewayObjects,
  owner: OwnedListener['owner'],
  listener: Listener,
  { kind, route }: AnyRoute,
): boolean {
  return (
    supportedKinds(listener).kinds.some((it) => it.group === GATEWAY_GROUP && it.kind === kind) &&
    isChosen(objects, listener.allowedRoutes.namespaces, owner, route satisfies GatewayMeta)
  );
}

/** For a TLSRoute at listeners that are none of TLS the specification has a reason of its own. */
function notAllowed({ kind }: AnyRoute, selected: readonly OwnedListener[]): readonly string[] {
  const isElsewhere = kind === 'TLSRoute' && selected.every(({ listener }) => listener.protocol !== 'TLS');
  return ['NotAllowedByListeners', ...(isElsewhere ? ['UnsupportedValue'] : [])];
}

/** TCP and UDP know no names. */
function sharesName({ hostname }: Listener, { kind, route }: AnyRoute): boolean {
  if (kind === 'TCPRoute' || kind === 'UDPRoute' || route.hostnames.length === 0) return true;
  return route.hostnames.some((it) => intersects(it, hostname));
}

/** "A Route MUST be considered Accepted if at least one of the Route's rules is implemented by the Gateway". */
function isImplemented(of: AnyRoute): boolean {
  if (of.kind !== 'HTTPRoute' && of.kind !== 'GRPCRoute') return true;
  const rules: readonly (HttpRule | GrpcRule)[] = of.route.rules;
  return rules.length === 0 || readableRules(rules).length > 0;
}

/** The routes that are attached to the listener by any parent. */
export function attachedTo(
  objects: GatewayObjects,
  gateway: Gateway,
  at: OwnedListener,
): readonly AnyRoute[] {
  const listeners = listenersOf(objects, gateway);
  return allRoutes(objects).filter((of) =>
    of.route.parents.some((parent) => {
      const attachment = attach(objects, listeners, of, parent);
      return attachment.kind === 'attached' && attachment.listeners.some((it) => isSame(it, at));
    }),
  );
}
