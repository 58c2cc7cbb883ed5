// The listeners of a Gateway: its own and those of the ListenerSets that it takes, which of them stand in each other's way, and which have what they
// need to be served.

import { matchesSelector } from '../objects/meta.ts';
import { GATEWAY_GROUP, type ObjectRef } from '../objects/gateway-api/common.ts';
import type {
  Gateway,
  Listener,
  ListenerProtocol,
  ListenerSet,
  NamespaceChoice,
  RouteKind,
} from '../objects/gateway-api/gateway.ts';
import { compareTexts } from './route-precedence.ts';
import type { GatewayObjects, Named } from './route-objects.ts';
import { permits, type Referrer } from './route-reference.ts';

export interface OwnedListener {
  readonly owner: Referrer & Named;
  readonly listener: Listener;
  /** Among the owner's, from 0. */
  readonly index: number;
  /** The owner's place: "parent Gateway, ListenerSet ordered by creation time, ListenerSet ordered alphabetically". */
  readonly place: number;
}

export function idOf({ owner, listener }: OwnedListener): string {
  return `${owner.namespace}/${owner.name}/${listener.name}`;
}

/** Whether it is the same listener, of any reading of the objects. */
export function isSame(a: OwnedListener, b: OwnedListener): boolean {
  return a.owner.kind === b.owner.kind && idOf(a) === idOf(b);
}

/** "The merged list of all listeners from itself and attached ListenerSets." */
export function listenersOf(objects: GatewayObjects, gateway: Gateway): readonly OwnedListener[] {
  const owned = (kind: string, of: Gateway | ListenerSet, place: number): readonly OwnedListener[] =>
    of.listeners.map((listener, index) => ({
      owner: { group: GATEWAY_GROUP, kind, namespace: of.namespace, name: of.name },
      listener,
      index,
      place,
    }));
  return [
    ...owned('Gateway', gateway, 0),
    ...allowedListenerSets(objects, gateway).flatMap((it, at) => owned('ListenerSet', it, at + 1)),
  ];
}

/** Those that ask to be part of the Gateway. */
export function listenerSetsOf({ listenerSets }: GatewayObjects, gateway: Gateway): readonly ListenerSet[] {
  return listenerSets.filter(({ parent }) => isRefTo(parent, 'Gateway', gateway));
}

export function allowedListenerSets(objects: GatewayObjects, gateway: Gateway): readonly ListenerSet[] {
  return listenerSetsOf(objects, gateway)
    .filter((it) => isChosen(objects, gateway.allowedListeners ?? { from: 'none' }, gateway, it))
    .sort(
      (a, b) =>
        compareTexts(a.createdAt, b.createdAt) ||
        compareTexts(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`),
    );
}

export function isRefTo(ref: ObjectRef, kind: string, { namespace, name }: Named): boolean {
  return ref.group === GATEWAY_GROUP && ref.kind === kind && ref.namespace === namespace && ref.name === name;
}

/** Whether the owner of a list lets somebody of that namespace in. */
export function isChosen(
  { namespaces }: GatewayObjects,
  choice: NamespaceChoice,
  owner: { readonly namespace: string },
  { namespace }: { readonly namespace: string },
): boolean {
  switch (choice.from) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'same':
      return owner.namespace === namespace;
    case 'selector': {
      const labels = namespaces.find((it) => it.name === namespace)?.labels;
      return labels !== undefined && matchesSelector(choice.selector, labels);
    }
  }
}

export type Conflict = 'HostnameConflict' | 'ProtocolConflict';

/**
 * Why the listener cannot be told from others; empty where it can. "ALL indistinct Listeners must not be accepted" of one owner; between owners the
 * one of higher precedence stays.
 */
export function conflictsOf(all: readonly OwnedListener[], one: OwnedListener): readonly Conflict[] {
  const rivals = all.filter((it) => it !== one && it.place <= one.place && !hasLost(all, it));
  return [...new Set(rivals.flatMap((it) => conflictOf(it.listener, one.listener) ?? []))].sort();
}

/** Somebody of higher precedence has its place, so that it is in nobody's way. */
function hasLost(all: readonly OwnedListener[], one: OwnedListener): boolean {
  return all.some(
    (it) => it.place < one.place && conflictOf(it.listener, one.listener) !== undefined && !hasLost(all, it),
  );
}

function conflictOf(a: Listener, b: Listener): Conflict | undefined {
  if (!isProtocol(a.protocol) || !isProtocol(b.protocol) || a.port !== b.port) return undefined;
  const [one, other] = [a.protocol, b.protocol];
  // Datagrams and connections do not meet.
  if ((one === 'UDP') !== (other === 'UDP')) return undefined;
  if (one === 'UDP' || one === 'TCP' || other === 'TCP') return 'ProtocolConflict';
  const isSameHost = a.hostname === b.hostname;
  if (one === other) return isSameHost ? 'HostnameConflict' : undefined;
  // HTTPS and TLS are told apart by the name that the client asks for; nothing tells plain HTTP from them that has a name.
  if (one === 'HTTP' || other === 'HTTP') return 'ProtocolConflict';
  return isSameHost ? 'ProtocolConflict' : undefined;
}

function isProtocol(protocol: string): protocol is ListenerProtocol {
  return Object.hasOwn(KINDS, protocol);
}

const KINDS: Readonly<Record<ListenerProtocol, readonly string[]>> = {
  HTTP: ['HTTPRoute', 'GRPCRoute'],
  HTTPS: ['HTTPRoute', 'GRPCRoute'],
  TLS: ['TLSRoute'],
  TCP: ['TCPRoute'],
  UDP: ['UDPRoute'],
};

/** "The Kinds supported by this listener"; `isWhole` is false where others were asked for. */
export function supportedKinds({ protocol, allowedRoutes }: Listener): {
  readonly kinds: readonly RouteKind[];
  readonly isWhole: boolean;
} {
  const all = (isProtocol(protocol) ? KINDS[protocol] : []).map((kind) => ({ group: GATEWAY_GROUP, kind }));
  // "When unspecified or empty, the kinds of Routes selected are determined using the Listener protocol."
  const wanted = allowedRoutes.kinds ?? [];
  if (wanted.length === 0) return { kinds: all, isWhole: true };
  const kinds = wanted.filter((it) => all.some(({ group, kind }) => it.group === group && it.kind === kind));
  return { kinds, isWhole: kinds.length === wanted.length };
}

/** What is wrong with the references of a listener, and whether it can be served without them. */
export interface ListenerRefs {
  readonly faults: readonly string[];
  readonly hasCertificate: boolean;
  readonly hasAuthority: boolean;
}

export function listenerRefs(objects: GatewayObjects, gateway: Gateway, one: OwnedListener): ListenerRefs {
  const { listener, owner } = one;
  const isEnd =
    listener.protocol === 'HTTPS' || (listener.protocol === 'TLS' && listener.tls?.mode !== 'passthrough');
  const certificates = isEnd
    ? (listener.tls?.certificates ?? []).map((it) => certificateFault(objects, owner, it))
    : [];
  const validation = validationOf(gateway, listener);
  const authorities = (validation?.caCertificates ?? []).map((it) =>
    authorityFault(objects, { ...one.owner, kind: 'Gateway', namespace: gateway.namespace }, it),
  );
  return {
    faults: [
      ...(supportedKinds(listener).isWhole ? [] : ['InvalidRouteKinds']),
      ...(isEnd && certificates.length === 0 ? ['InvalidCertificateRef'] : []),
      ...[...certificates, ...authorities].filter((it) => it !== undefined),
    ],
    hasCertificate: !isEnd || certificates.includes(undefined),
    hasAuthority: validation === undefined || authorities.includes(undefined),
  };
}

/** "All Listeners handling HTTPS traffic, unless a per-port configuration is defined." */
export function validationOf(gateway: Gateway, { protocol, port }: Listener): Gateway['frontendValidation'] {
  if (protocol !== 'HTTPS') return undefined;
  const { frontendTlsPorts: ports } = gateway;
  return ports.has(port) ? ports.get(port) : gateway.frontendValidation;
}

/** Undefined where the certificate can be used. */
export function certificateFault(
  objects: GatewayObjects,
  from: Referrer,
  ref: ObjectRef,
  reason = 'InvalidCertificateRef',
): string | undefined {
  if (ref.group !== '' || ref.kind !== 'Secret') return reason;
  if (!permits(objects.grants, from, ref)) return 'RefNotPermitted';
  return objects.certificates.has(`${ref.namespace}/${ref.name}`) ? undefined : reason;
}

function authorityFault(objects: GatewayObjects, from: Referrer, ref: ObjectRef): string | undefined {
  if (ref.group !== '' || ref.kind !== 'ConfigMap') return 'InvalidCACertificateKind';
  if (!permits(objects.grants, from, ref)) return 'RefNotPermitted';
  return objects.authorities.has(`${ref.namespace}/${ref.name}`) ? undefined : 'InvalidCACertificateRef';
}

/** Why it is not accepted: reasons, any of which may be told; undefined where it is. An empty list leaves the reason free. */
export function refusalOf(
  objects: GatewayObjects,
  gateway: Gateway,
  all: readonly OwnedListener[],
  one: OwnedListener,
): readonly string[] | undefined {
  if (!isProtocol(one.listener.protocol)) return ['UnsupportedProtocol'];
  if (conflictsOf(all, one).length > 0) return [];
  return listenerRefs(objects, gateway, one).hasAuthority ? undefined : ['NoValidCACertificate'];
}

/** Why it is not served: reasons, of which there may be none in words; undefined where it is. */
export function unservedBy(
  objects: GatewayObjects,
  gateway: Gateway,
  all: readonly OwnedListener[],
  one: OwnedListener,
): readonly string[] | undefined {
  const refusal = refusalOf(objects, gateway, all, one);
  if (refusal !== undefined) return [...refusal, ...conflictsOf(all, one)];
  const { hasCertificate, faults } = listenerRefs(objects, gateway, one);
  return hasCertificate ? undefined : faults;
}

/** One that is not served is as though it were not there. */
export function servedListeners(objects: GatewayObjects, gateway: Gateway): readonly OwnedListener[] {
  const all = listenersOf(objects, gateway);
  return all.filter((it) => unservedBy(objects, gateway, all, it) === undefined);
}
