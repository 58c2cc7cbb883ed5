// Where one upstream is and how it is spoken to.

import { parseIp } from '../base/ip.ts';
import { parsePort } from '../base/port.ts';
import type { ServerAddress } from './udp-server.ts';

export interface Upstream extends ServerAddress {
  /** Undefined for plain UDP and TCP. */
  readonly tls: UpstreamTls | undefined;
}

export interface UpstreamTls {
  /** The name that its certificate has to have; its address where undefined. */
  readonly serverName: string | undefined;
  /** A file of authorities, read at each new connection; those of the system where undefined. */
  readonly caFile: string | undefined;
}

const PLAIN_PORT = 53;
const TLS_PORT = 853;

/** "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353"; behind "tls://" for DNS over TLS, with `tls` then. */
export function parseUpstream(text: string, tls: UpstreamTls = NO_NAMES): Upstream {
  const isTls = text.startsWith('tls://');
  const address = isTls ? text.slice('tls://'.length) : text;
  const match = /^\[([^\]]+)\]:(\d+)$/.exec(address) ?? /^([^:]+):(\d+)$/.exec(address);
  const port = match === null ? (isTls ? TLS_PORT : PLAIN_PORT) : Number(match[2]);
  return { ip: parseIp(match?.[1] ?? address), port: parsePort(port), tls: isTls ? tls : undefined };
}

/** As `parseUpstream` reads it, with the port. */
export function upstreamText({ ip, port, tls }: Upstream): string {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  return `${tls === undefined ? '' : 'tls://'}${host}:${port}`;
}

const NO_NAMES: UpstreamTls = { serverName: undefined, caFile: undefined };
