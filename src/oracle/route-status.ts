// What must be said of a Gateway, its listeners and ListenerSets, and of the routes that name them: the conditions that follow from the objects. Programmed
// is what a proxy knows.

import type { ParentRef } from '../objects/gateway-api/common.ts';
import type { Gateway, ListenerSet, RouteKind } from '../objects/gateway-api/gateway.ts';
import type { GrpcRule } from '../objects/gateway-api/grpc-route.ts';
import type { HttpRule } from '../objects/gateway-api/http-route.ts';
import { allRoutes, attach, attachedTo, type AnyRoute } from './route-attach.ts';
import { clientCertificateFault } from './route-backend.ts';
import { faultsOf } from './route-faults.ts';
import { intersects } from './route-host.ts';
import {
  allowedListenerSets,
  conflictsOf,
  isRefTo,
  listenerRefs,
  listenerSetsOf,
  listenersOf,
  refusalOf,
  supportedKinds,
  validationOf,
  type OwnedListener,
} from './route-listener.ts';
import { readableRules } from './route-match.ts';
import type { GatewayObjects, Named } from './route-objects.ts';

/** A condition as it must be told: with any of the reasons, or with any at all where there are none. */
export interface ExpectedCondition {
  readonly type: string;
  /** 'either' where the specification leaves it open. */
  readonly isTrue: boolean | 'either';
  readonly reasons: readonly string[];
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly RouteKind[];
  readonly attachedRoutes: number;
  /** Accepted, Conflicted, ResolvedRefs, and OverlappingTLSConfig where it is true; an absent Conflicted is a false one. */
  readonly conditions: readonly ExpectedCondition[];
}

export interface ListenerSetStatus extends Named {
  readonly conditions: readonly ExpectedCondition[];
  /** Free where the ListenerSet is not let in: undefined. */
  readonly listeners: readonly ListenerStatus[] | undefined;
}

export interface RouteStatus extends Named {
  readonly kind: AnyRoute['kind'];
  /** Those that are the Gateway or one of its ListenerSets, in the route's order. */
  readonly parents: readonly {
    readonly parent: ParentRef;
    readonly conditions: readonly ExpectedCondition[];
  }[];
}

export interface GatewayStatus {
  readonly conditions: readonly ExpectedCondition[];
  readonly listeners: readonly ListenerStatus[];
  readonly listenerSets: readonly ListenerSetStatus[];
  readonly attachedListenerSets: number;
  /** Routes with a parent here. */
  readonly routes: readonly RouteStatus[];
}

/** All that is to be said because of this Gateway. */
export function attachments(objects: GatewayObjects, gateway: Gateway): GatewayStatus {
  const all = listenersOf(objects, gateway);
  const listenerSets = listenerSetsOf(objects, gateway).map((it) => setStatus(objects, gateway, it));
  return {
    conditions: gatewayConditions(objects, gateway, all),
    listeners: all.filter((it) => it.place === 0).map((it) => listenerStatus(objects, gateway, all, it)),
    listenerSets,
    attachedListenerSets: listenerSets.filter((it) => it.conditions.some(isAcceptance)).length,
    routes: allRoutes(objects).flatMap((of) => routeStatus(objects, gateway, of)),
  };
}

function isAcceptance({ type, isTrue }: ExpectedCondition): boolean {
  return type === 'Accepted' && isTrue === true;
}

function gatewayConditions(
  objects: GatewayObjects,
  gateway: Gateway,
  all: readonly OwnedListener[],
): readonly ExpectedCondition[] {
  const own = all.filter((it) => it.place === 0);
  const accepted = own.filter((it) => refusalOf(objects, gateway, all, it) === undefined);
  const isResolved = own.every((it) => listenerRefs(objects, gateway, it).faults.length === 0);
  const client = clientCertificateFault(objects, gateway);
  const faults = [...(client === undefined ? [] : [client]), ...(isResolved ? [] : ['ListenersNotResolved'])];
  const validations = own.map(({ listener }) => validationOf(gateway, listener));
  const hasKnownAddresses = gateway.addresses.every(({ type }) => type === 'IPAddress');
  return [
    hasKnownAddresses
      ? {
          type: 'Accepted',
          isTrue: accepted.length > 0,
          reasons: [accepted.length === own.length ? 'Accepted' : 'ListenersNotValid'],
        }
      : { type: 'Accepted', isTrue: false, reasons: ['UnsupportedAddress'] },
    resolvedRefs(faults),
    ...(validations.some((it) => it?.mode === 'insecure-fallback')
      ? [{ type: 'InsecureFrontendValidationMode', isTrue: true, reasons: ['ConfigurationChanged'] }]
      : []),
  ];
}

function resolvedRefs(faults: readonly string[]): ExpectedCondition {
  return faults.length === 0
    ? { type: 'ResolvedRefs', isTrue: true, reasons: ['ResolvedRefs'] }
    : { type: 'ResolvedRefs', isTrue: false, reasons: [...new Set(faults)].sort() };
}

function listenerStatus(
  objects: GatewayObjects,
  gateway: Gateway,
  all: readonly OwnedListener[],
  at: OwnedListener,
): ListenerStatus {
  const refusal = refusalOf(objects, gateway, all, at);
  const conflicts = conflictsOf(all, at);
  return {
    name: at.listener.name,
    supportedKinds: supportedKinds(at.listener).kinds,
    attachedRoutes: attachedTo(objects, gateway, at).length,
    conditions: [
      { type: 'Accepted', isTrue: refusal === undefined, reasons: refusal ?? ['Accepted'] },
      {
        type: 'Conflicted',
        isTrue: conflicts.length > 0,
        // A ListenerSet's own reason may stand for both.
        reasons:
          conflicts.length > 0
            ? [...conflicts, ...(at.place > 0 ? ['ListenerConflict'] : [])]
            : ['NoConflicts'],
      },
      resolvedRefs(listenerRefs(objects, gateway, at).faults),
      ...(overlaps(objects, gateway, all, at)
        ? [
            {
              type: 'OverlappingTLSConfig',
              isTrue: true,
              reasons: ['OverlappingHostnames', 'OverlappingCertificates'],
            },
          ]
        : []),
    ],
  };
}

/** "Listener A matches *.example.com while Listener B matches foo.example.com": of those that are accepted and end TLS on one port. */
function overlaps(
  objects: GatewayObjects,
  gateway: Gateway,
  all: readonly OwnedListener[],
  one: OwnedListener,
): boolean {
  const endsTls = (it: OwnedListener): boolean =>
    (it.listener.protocol === 'HTTPS' || it.listener.protocol === 'TLS') &&
    it.listener.tls?.mode !== 'passthrough' &&
    refusalOf(objects, gateway, all, it) === undefined;
  return (
    endsTls(one) &&
    all.some(
      (it) =>
        it !== one &&
        endsTls(it) &&
        it.listener.port === one.listener.port &&
        intersects(it.listener.hostname, one.listener.hostname),
    )
  );
}

function setStatus(objects: GatewayObjects, gateway: Gateway, set: ListenerSet): ListenerSetStatus {
  const { namespace, name } = set;
  if (!allowedListenerSets(objects, gateway).includes(set)) {
    const conditions = [{ type: 'Accepted', isTrue: false, reasons: ['NotAllowed'] }];
    return { namespace, name, conditions, listeners: undefined };
  }
  const all = listenersOf(objects, gateway);
  const own = all.filter(
    (it) => it.owner.kind === 'ListenerSet' && it.owner.namespace === namespace && it.owner.name === name,
  );
  const accepted = own.filter((it) => refusalOf(objects, gateway, all, it) === undefined);
  const isGateway = gatewayConditions(objects, gateway, all).some(isAcceptance);
  const isTrue = accepted.length > 0 && isGateway;
  const reasons = [
    ...(accepted.length === own.length ? [] : ['ListenersNotValid']),
    ...(isGateway ? [] : ['ParentNotAccepted']),
  ];
  return {
    namespace,
    name,
    conditions: [{ type: 'Accepted', isTrue, reasons: isTrue ? ['Accepted', ...reasons] : reasons }],
    listeners: own.map((it) => listenerStatus(objects, gateway, all, it)),
  };
}

function routeStatus(objects: GatewayObjects, gateway: Gateway, of: AnyRoute): readonly RouteStatus[] {
  const { namespace, name, parents } = of.route;
  const sets = listenerSetsOf(objects, gateway);
  const allowed = allowedListenerSets(objects, gateway);
  const mine = parents.flatMap((parent) => {
    const set = sets.find((it) => isRefTo(parent, 'ListenerSet', it));
    if (set === undefined && !isRefTo(parent, 'Gateway', gateway)) return [];
    const isLetIn = set === undefined || allowed.includes(set);
    return [{ parent, conditions: parentConditions(objects, gateway, of, { parent, isLetIn }) }];
  });
  return mine.length === 0 ? [] : [{ kind: of.kind, namespace, name, parents: mine }];
}

function parentConditions(
  objects: GatewayObjects,
  gateway: Gateway,
  of: AnyRoute,
  { parent, isLetIn }: { readonly parent: ParentRef; readonly isLetIn: boolean },
): readonly ExpectedCondition[] {
  const attachment = attach(objects, listenersOf(objects, gateway), of, parent);
  const accepted: ExpectedCondition =
    attachment.kind === 'attached'
      ? { type: 'Accepted', isTrue: true, reasons: ['Accepted'] }
      : { type: 'Accepted', isTrue: false, reasons: isLetIn ? attachment.reasons : [] };
  const isPartial = attachment.kind === 'attached' && isPartlyRead(of);
  const { reasons, isTrust } = faultsOf(objects, gateway, of);
  return [
    accepted,
    reasons.length === 0 && isTrust
      ? { type: 'ResolvedRefs', isTrue: 'either', reasons: [] }
      : { ...resolvedRefs(reasons), ...(isTrust ? { reasons: [] } : {}) },
    ...(isPartial ? [{ type: 'PartiallyInvalid', isTrue: true, reasons: ['UnsupportedValue'] }] : []),
  ];
}

/** "The Route contains a combination of both valid and invalid rules": those that cannot be read are dropped. */
function isPartlyRead({ kind, route }: AnyRoute): boolean {
  if (kind !== 'HTTPRoute' && kind !== 'GRPCRoute') return false;
  const rules: readonly (HttpRule | GrpcRule)[] = route.rules;
  const { length } = readableRules(rules);
  return length > 0 && length < rules.length;
}
