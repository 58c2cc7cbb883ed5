// What is to be said of the objects of a Gateway: the conditions that follow from the objects alone. Whether the proxy has them too is known only where
// it was read back. Readonly data, no behaviour.

import type { Ip } from '../base/ip.ts';

/** One condition of a status; its time and generation are the writer's. */
export interface Verdict {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RouteKindName {
  readonly group: string;
  readonly kind: string;
}

/** Of a listener, by the Gateway's or ListenerSet's own name for it. */
export interface ListenerVerdict {
  /** "shop/public/http" */
  readonly id: string;
  readonly name: string;
  readonly supportedKinds: readonly RouteKindName[];
  readonly attachedRoutes: number;
  /** Accepted, Conflicted, ResolvedRefs. */
  readonly conditions: readonly Verdict[];
  /** Ids of those that it shows. */
  readonly certificates: readonly string[];
  /** False keeps it out of the proxy. */
  readonly isServed: boolean;
}

/** Of a ListenerSet that asks to be part of the Gateway. */
export interface ListenerSetVerdict {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly conditions: readonly Verdict[];
  readonly listeners: readonly ListenerVerdict[];
}

/** A parent as the route names it. */
export interface VerdictParent {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly sectionName: string | undefined;
  readonly port: number | undefined;
}

export interface ParentVerdict {
  readonly parent: VerdictParent;
  /** Accepted, ResolvedRefs, PartiallyInvalid where it is. */
  readonly conditions: readonly Verdict[];
}

export interface RouteVerdict {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  /** Those that are of this Gateway. */
  readonly parents: readonly ParentVerdict[];
}

/** Of a BackendTLSPolicy that a route of the Gateway meets. */
export interface PolicyVerdict {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly conditions: readonly Verdict[];
}

export interface GatewayVerdict {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly conditions: readonly Verdict[];
  /** Addresses that the Gateway asks for by number. */
  readonly askedAddresses: readonly Ip[];
  readonly listeners: readonly ListenerVerdict[];
  readonly listenerSets: readonly ListenerSetVerdict[];
  readonly attachedListenerSets: number;
  readonly routes: readonly RouteVerdict[];
  readonly policies: readonly PolicyVerdict[];
}
