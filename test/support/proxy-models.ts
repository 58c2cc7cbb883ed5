// Short words for what a proxy has to do.

import { parsePort } from '../../src/base/port.ts';
import type {
  HostTable,
  HttpListener,
  ProxyBackend,
  ProxyModel,
  ProxyRule,
  RouteEntry,
  ValueMatch,
} from '../../src/model/gateway.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';

export const EMPTY_MODEL: ProxyModel = {
  ports: [],
  udpPorts: [],
  rules: new Map(),
  backends: new Map(),
  certificates: new Map(),
  authorities: new Map(),
};

export interface EntryWords {
  readonly method?: string;
  readonly headers?: readonly ValueMatch[];
  readonly query?: readonly ValueMatch[];
}

/** "/a" for the exact path, "/a*" for the prefix, "~..." for a regular expression. */
export function anEntry(path: string, rule: string, words: EntryWords = {}): RouteEntry {
  const { method, headers = [], query = [] } = words;
  return { path: pathOf(path), method, headers, query, rule };
}

function pathOf(path: string): RouteEntry['path'] {
  if (path.startsWith('~')) return { type: 'regex', value: path.slice(1) };
  return path.endsWith('*') ? { type: 'prefix', value: path.slice(0, -1) } : { type: 'exact', value: path };
}

/** "?.example.com" for exactly one label. */
export function aTable(hostname: string | undefined, ...entries: readonly RouteEntry[]): HostTable {
  const isOneLabel = hostname?.startsWith('?.') === true;
  return { hostname: isOneLabel ? `*${hostname.slice(1)}` : hostname, isOneLabel, entries };
}

export function aListener(hostname: string | undefined, ...hosts: readonly HostTable[]): HttpListener {
  return { id: `test/gateway/${hostname ?? 'all'}`, hostname, hosts };
}

export function anHttpPort(port: number, ...listeners: readonly HttpListener[]): ProxyModel['ports'][number] {
  return { kind: 'http', port: parsePort(port), listeners };
}

/** To one backend, or to several by weight; "" leads nowhere. */
export function aRule(
  id: string,
  backends: string | Readonly<Record<string, number>>,
  words: Partial<Omit<ProxyRule, 'id' | 'backends'>> = {},
): ProxyRule {
  const weights = typeof backends === 'string' ? { [backends]: 1 } : backends;
  return {
    id,
    isGrpc: false,
    filters: [],
    backends: Object.entries(weights).map(([backend, weight]) => ({
      backend: backend === '' ? undefined : backend,
      weight,
      filters: [],
    })),
    requestTimeoutMs: 0,
    backendTimeoutMs: 0,
    ...words,
  };
}

export function aBackend(
  id: string,
  endpoints: readonly Endpoint[],
  words: Partial<Omit<ProxyBackend, 'id' | 'endpoints'>> = {},
): ProxyBackend {
  return {
    id,
    protocol: 'http',
    tls: undefined,
    retry: undefined,
    persistence: undefined,
    endpoints,
    ...words,
  };
}

export interface ModelWords {
  readonly ports: ProxyModel['ports'];
  readonly udpPorts?: ProxyModel['udpPorts'];
  readonly rules?: readonly ProxyRule[];
  readonly backends?: readonly ProxyBackend[];
}

export function aModel({ ports, udpPorts = [], rules = [], backends = [] }: ModelWords): ProxyModel {
  return {
    ...EMPTY_MODEL,
    ports,
    udpPorts,
    rules: new Map(rules.map((it) => [it.id, it])),
    backends: new Map(backends.map((it) => [it.id, it])),
  };
}
