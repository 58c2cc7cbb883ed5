// What is said of a request: data for machines, from which people's text is made too.

import type { Obstacle } from '../../oracle/route-explain.ts';
import { percentText } from './words.ts';

/** A thing in words, and the line where it is written; undefined where it stands in no file. */
export interface Placed {
  readonly text: string;
  readonly at: string | undefined;
}

export interface BackendReport {
  /** "Service shop/web:80" */
  readonly backend: string;
  /** From 0 to 1. */
  readonly share: number;
  readonly result: BackendResult;
}

export type BackendResult =
  | {
      readonly kind: 'forward';
      /** "HTTP/2", "TCP, TLS as web.example" */
      readonly protocol: string;
      /** As the backend sees the request; undefined for streams, and where the proxy changes neither. */
      readonly host: string | undefined;
      readonly target: string | undefined;
      /** Undefined where nothing is known about them. */
      readonly endpoints: readonly EndpointReport[] | undefined;
    }
  | { readonly kind: 'answer'; readonly answer: string; readonly because: string };

export interface EndpointReport {
  /** "10.244.1.7 8080" */
  readonly at: string;
  readonly state: 'ready' | 'ending' | 'not ready';
}

/** A rule, a route or an Ingress that does not have the request, and why. */
export interface NearReport extends Placed {
  readonly kind: Obstacle['kind'];
  readonly because: string;
}

export interface RouteReport {
  /** "GET https://shop.example/cart" */
  readonly request: string;
  /** "Gateway shop/public" */
  readonly subject: string;
  /** What comes of it, in a line. */
  readonly verdict: string;
  /** `statuses` of the proxy's own answer, any of them; empty where a backend answers, or nobody. */
  readonly kind: 'closed' | 'respond' | 'forward' | 'several' | 'stream';
  readonly statuses: readonly number[];
  /** Of a redirect. */
  readonly location: string | undefined;
  readonly listener: Placed | undefined;
  /** Undefined where the connection is a plain one. */
  readonly tls: string | undefined;
  /** What has it, with the match by which. */
  readonly rule: (Placed & { readonly match: string | undefined }) | undefined;
  /** What is done to it: filters, timeouts, retries, sessions. */
  readonly treatment: readonly string[];
  readonly backends: readonly BackendReport[];
  /** What else has no say, the nearest first. */
  readonly near: readonly NearReport[];
  /** Listeners that could have been asked, where none was, and those that are not served. */
  readonly listeners: readonly Placed[];
  readonly notes: readonly string[];
}

/** Where an object's field is written; undefined where that is in no file. */
export type PlaceOf = (object: string, field: string) => string | undefined;

/** "Service shop/web:80", "90% Service shop/web:80, 10% 500" */
export function sharesText(backends: readonly BackendReport[]): string {
  return backends
    .map(({ backend, share, result }) => {
      const to = result.kind === 'forward' ? backend : result.answer;
      return share === 1 ? to : `${percentText(share)} ${to}`;
    })
    .join(', ');
}
