// A request as a log of accesses has it: one object in JSON, whatever clients have said. Pure.

import { unescaped, type RequestLine } from './request-line.ts';
import { labelsOf } from './request-tallies.ts';

/** What control knows and the proxy does not. */
export interface RequestPlaces {
  /** `ProxyBackend.id`. */
  backendOf(slot: string): string | undefined;
  /** "shop/public/http". */
  listenerOf(port: number, host: string): string | undefined;
}

/** Absent where it is not known, or there is none. */
export interface AccessEntry {
  /** Tells it from what control says of itself. */
  readonly name: 'access';
  /** When the request began: RFC 3339 with milliseconds. */
  readonly time: string;
  readonly client: string;
  readonly method: string | undefined;
  /** In lower case, without port. */
  readonly host: string | undefined;
  /** As it came, without query; the first 512 bytes. */
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly totalMs: number;
  /** Until the backend's answer began. */
  readonly answerMs: number | undefined;
  readonly route: string | undefined;
  readonly rule: string | undefined;
  /** "shop/web:80" */
  readonly service: string | undefined;
  readonly endpoint: string | undefined;
  readonly listener: string | undefined;
  readonly protocol: string;
  readonly tlsName: string | undefined;
  /** HAProxy's two letters (configuration manual, "Session state at disconnection"); "--" for an end without incident. */
  readonly ended: string;
}

/** Undefined for a line without details. */
export function accessEntry(line: RequestLine, places: RequestPlaces): AccessEntry | undefined {
  const { details } = line;
  if (details === undefined) return undefined;
  const host = known(details.host);
  const label = line.rule === NONE ? undefined : labelsOf(unescaped(line.rule));
  const slot = known(details.inner) ?? details.backend;
  // Ids begin with the Service's port; what follows is how it is spoken to.
  const [service] = (places.backendOf(slot) ?? '').split(' ', 1);
  return {
    name: 'access',
    time: startOf(details),
    client: details.client,
    method: known(details.method),
    host,
    path: known(details.path),
    status: positive(line.status),
    requestBytes: Number(line.requestBytes),
    responseBytes: Number(line.responseBytes),
    totalMs: Number(line.totalMs),
    answerMs: answerMs(details),
    route: label?.route,
    rule: label?.rule,
    service: service === '' ? undefined : service,
    endpoint: endpointOf(details),
    listener: places.listenerOf(Number(details.port), host ?? ''),
    protocol: `HTTP/${details.httpMajor}`,
    tlsName: known(details.tlsName),
    ended: details.ended,
  };
}

type Details = NonNullable<RequestLine['details']>;

const NONE = '-';

function known(word: string): string | undefined {
  return word === NONE ? undefined : unescaped(word);
}

function positive(word: string): number | undefined {
  const number = Number(word);
  return number > 0 ? number : undefined;
}

/** HAProxy's moment is when the connection was accepted, or the last answer had ended. */
function startOf({ acceptedMs, handshakeMs, idleMs }: Details): string {
  const waited = [handshakeMs, idleMs].reduce((sum, it) => sum + Math.max(0, Number(it)), 0);
  return new Date(Number(acceptedMs) + waited).toISOString();
}

/** A part that did not come is -1. */
function answerMs({ requestMs, queueMs, connectMs, serverMs }: Details): number | undefined {
  const parts = [requestMs, queueMs, connectMs, serverMs].map(Number);
  return parts.some((it) => it < 0) ? undefined : parts.reduce((sum, it) => sum + it, 0);
}

/** A backend in between is a socket of the proxy's own, which has no address. */
function endpointOf({ serverIp, serverPort }: Details): string | undefined {
  if (!/^[0-9a-f.:]+$/.test(serverIp) || !(Number(serverPort) > 0)) return undefined;
  return serverIp.includes(':') ? `[${serverIp}]:${serverPort}` : `${serverIp}:${serverPort}`;
}
