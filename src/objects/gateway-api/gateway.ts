// The slim Gateway, GatewayClass and ListenerSet: gateway.networking.k8s.io/v1, with the defaults of absent fields decided here.

import type { Port } from '../../base/port.ts';
import type { Selector } from '../meta.ts';
import type { GatewayMeta, ObjectRef, ParentRef } from './common.ts';

export interface GatewayClass extends GatewayMeta {
  readonly controllerName: string;
  readonly parameters: ObjectRef | undefined;
}

export interface Gateway extends GatewayMeta {
  readonly className: string;
  readonly listeners: readonly Listener[];
  readonly addresses: readonly GatewayAddress[];
  readonly infrastructure: GatewayInfrastructure;
  /** Whose ListenerSets it takes; undefined for nobody's. */
  readonly allowedListeners: NamespaceChoice | undefined;
  /** What it shows to backends that ask for a certificate. */
  readonly backendClientCertificate: ObjectRef | undefined;
  /** How clients' certificates are judged on ports that `frontendTlsPorts` says nothing of. */
  readonly frontendValidation: FrontendValidation | undefined;
  readonly frontendTlsPorts: ReadonlyMap<Port, FrontendValidation | undefined>;
}

export interface GatewayAddress {
  /** `IPAddress`, `Hostname`, or somebody's own, with a domain. */
  readonly type: string;
  /** Undefined for any address of the type. */
  readonly value: string | undefined;
}

export interface GatewayInfrastructure {
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly parameters: ObjectRef | undefined;
}

export interface FrontendValidation {
  /** ConfigMaps with `ca.crt`. */
  readonly caCertificates: readonly ObjectRef[];
  /** `insecure-fallback` lets in who shows none or a wrong one. */
  readonly mode: 'valid-only' | 'insecure-fallback';
}

/** Whose objects may attach. */
export type NamespaceChoice =
  { readonly from: 'all' | 'same' | 'none' } | { readonly from: 'selector'; readonly selector: Selector };

export type ListenerProtocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP';

/** A listener of a Gateway or of a ListenerSet. */
export interface Listener {
  readonly name: string;
  /** In lower case; undefined for every name. */
  readonly hostname: string | undefined;
  readonly port: Port;
  /** `ListenerProtocol`, or somebody's own, which is refused by a condition. */
  readonly protocol: string;
  readonly tls: ListenerTls | undefined;
  readonly allowedRoutes: AllowedRoutes;
}

export interface ListenerTls {
  readonly mode: 'terminate' | 'passthrough';
  readonly certificates: readonly ObjectRef[];
  /** Names with a domain, for us: `fairlead.dev/issuer`. */
  readonly options: ReadonlyMap<string, string>;
}

export interface AllowedRoutes {
  readonly namespaces: NamespaceChoice;
  /** Undefined for those that fit the protocol. */
  readonly kinds: readonly RouteKind[] | undefined;
}

export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

/** Listeners that somebody else than the Gateway's owner adds to it (GEP-1713). */
export interface ListenerSet extends GatewayMeta {
  readonly parent: ParentRef;
  readonly listeners: readonly Listener[];
}
