// What the kinds of gateway.networking.k8s.io share: references, names and values of one meaning in all of them.

import type { Port } from '../../base/port.ts';
import type { SlimMeta } from '../slim-meta.ts';

export const GATEWAY_GROUP = 'gateway.networking.k8s.io';

/** Identity, and what status and precedence ask for. */
export interface GatewayMeta extends SlimMeta {
  /** Of the specification; statuses name the one they speak of. */
  readonly generation: number;
  /** RFC 3339, whole seconds, UTC: the older of two routes wins. */
  readonly createdAt: string;
}

/** Where a route or a ListenerSet attaches itself. */
export interface ParentRef {
  readonly group: string;
  readonly kind: string;
  /** The route's own where it names none. */
  readonly namespace: string;
  readonly name: string;
  /** Of one listener; undefined for all of them. */
  readonly sectionName: string | undefined;
  readonly port: Port | undefined;
}

/** An object that another one names, in its own namespace where it says no other. */
export interface ObjectRef {
  /** '' for core. */
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where a rule sends to. */
export interface BackendRef extends ObjectRef {
  /** Services need one. */
  readonly port: Port | undefined;
  /** 0 to 1,000,000; 1 where none is said. */
  readonly weight: number;
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** Which values of headers are set, added to and removed, in this order. */
export interface HeaderChange {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

/** A header or query parameter that must have a value. Header names match in any case, parameters' exactly. */
export interface NamedMatch {
  readonly type: 'exact' | 'regex';
  readonly name: string;
  readonly value: string;
}

/** Sticks a client to a backend (GEP-1619). Times are undefined for a session's end. */
export interface SessionPersistence {
  readonly type: 'cookie' | 'header';
  /** Undefined for one of our choice. */
  readonly sessionName: string | undefined;
  readonly absoluteTimeoutMs: number | undefined;
  readonly cookieLifetime: 'session' | 'permanent';
}

/** What GatewayClasses of ours name, and what our entries in statuses carry. */
export const GATEWAY_CONTROLLER = 'fairlead.dev/gateway-controller';

/** Where a Gateway's proxy tells its metrics and says that it runs. */
export const METRICS_PORT = 19_101;

/** On a Gateway or an IngressClass: what is told of requests. */
export const TELEMETRY_ANNOTATION = 'fairlead.dev/telemetry';
