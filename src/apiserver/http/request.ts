// What handlers get of a request, and what they give back. It knows HTTP's shape and no kind.

import type { IncomingHttpHeaders } from 'node:http';
import type { KubeObject } from '../../objects/meta.ts';
import type { Resource } from '../../objects/resources.ts';

/** Who asks, as authentication found it. */
export interface User {
  readonly name: string;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  /** What else authentication says: the pod of a token, for instance. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly user: User;
  /** The whole body, read when it is asked for; bounded (413). */
  readonly readBody: () => Promise<Buffer>;
  /** Aborted when the client goes or the server stops. */
  readonly signal: AbortSignal;
  /** Told of the object that the request made: its name may be the server's own choice. */
  readonly onCreated?: (object: KubeObject) => void;
  /** Told of what is to be said beside the answer, whatever it is. */
  readonly onWarning?: (text: string) => void;
  /** Told of what the audit log is to say of the request. */
  readonly onAnnotation?: (key: string, value: string) => void;
}

/** A request on resources: whose, which one, which part of it. */
export interface Target {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** A target that names one object. */
export type ObjectTarget = Target & { readonly name: string };

/** A whole answer, or a stream that writes itself. */
export type Reply = WholeReply | StreamReply;

export interface WholeReply {
  readonly kind: 'whole';
  readonly code: number;
  readonly contentType: string;
  readonly body: Buffer | string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface StreamReply {
  readonly kind: 'stream';
  readonly contentType: string;
  /** Writes until it is done; `sink` says no when the client is too slow or gone. */
  readonly run: (sink: ReplySink) => Promise<void>;
}

/** The writing end of a stream. */
export interface ReplySink {
  write(chunk: Buffer | string): void;
  /** Bytes that the client has not taken yet. */
  readonly pendingBytes: number;
  /** Resolves when all written bytes are taken, or the client is gone. */
  drained(): Promise<void>;
  /** Breaks the connection without an end: the client sees that something is missing. */
  destroy(): void;
  readonly signal: AbortSignal;
}

export const JSON_TYPE = 'application/json';

/** A JSON answer; `value` is an object, or bytes that are JSON already. */
export function jsonReply(
  code: number,
  value: Buffer | object,
  headers?: Readonly<Record<string, string | readonly string[]>>,
): WholeReply {
  const body = Buffer.isBuffer(value) ? value : JSON.stringify(value);
  return { kind: 'whole', code, contentType: JSON_TYPE, body, ...(headers === undefined ? {} : { headers }) };
}

export function textReply(code: number, body: string): WholeReply {
  return { kind: 'whole', code, contentType: 'text/plain; charset=utf-8', body };
}

/** A query flag: present and not false. "", "1", "true" and Python's "True" are the same. */
export function hasFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}
