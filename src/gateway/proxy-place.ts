// The folder by which a HAProxy and who drives it know each other, and the sizes that both go by. Pure.

import path from 'node:path';
import type { Ip } from '../base/ip.ts';
import type { MapName } from './map-lines.ts';
import type { TlsRole } from './render-tls.ts';

export interface ProxyPlace {
  /** Private to both; of a unix socket's path length at most. */
  readonly folder: string;
  /** Where every port listens. */
  readonly addresses: readonly Ip[];
  readonly threads: number;
  /** Where it tells Prometheus its metrics. */
  readonly metrics: { readonly ip: string; readonly port: number };
  /** Whether answers name the server where the backend does not: it costs two percent of a request. */
  readonly namesServer: boolean;
}

/**
 * `tune.bufsize`: bounds a request's header and a command with its payload. Twice HAProxy's default, for bundles of authorities come as one payload.
 */
export const BUFFER_BYTES = 32 * 1024;

/** Of control's metrics, beside HAProxy's own at `/metrics`. */
export const ROUTE_METRICS_PATH = '/metrics/routes';

export interface ProxyFiles {
  readonly folder: string;
  readonly config: string;
  /** What of the driver's choices no look at the process shows. */
  readonly state: string;
  readonly adminSocket: string;
  readonly masterSocket: string;
  readonly lua: string;
  map(name: MapName): string;
  pem(kind: 'certificate' | 'authorities', name: string): string;
  /** Which name is shown which certificate. */
  list(port: number, role: TlsRole): string;
  /** Where our own Lua asks backends. */
  readonly askSocket: string;
  /** HAProxy's output: a named pipe with a line for each request, where that is asked for. */
  readonly requests: string;
  /** Where control tells its metrics. */
  readonly metricsSocket: string;
  /** Where a port hands on what it has found to be of the role. */
  inner(port: number, role: TlsRole): string;
}

export function proxyFiles(folder: string): ProxyFiles {
  return {
    folder,
    config: path.join(folder, 'haproxy.cfg'),
    state: path.join(folder, 'state.json'),
    adminSocket: path.join(folder, 'admin.sock'),
    masterSocket: path.join(folder, 'master.sock'),
    lua: path.join(folder, 'fairlead.lua'),
    map: (name) => path.join(folder, `${name}.map`),
    pem: (kind, name) => path.join(folder, 'tls', `${kind}-${name}.pem`),
    list: (port, role) => path.join(folder, 'tls', `${port}-${role}.list`),
    askSocket: path.join(folder, 'ask.sock'),
    requests: path.join(folder, 'requests.fifo'),
    metricsSocket: path.join(folder, 'metrics.sock'),
    inner: (port, role) => path.join(folder, `${port}-${role}.sock`),
  };
}
