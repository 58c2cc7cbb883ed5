// What a proxy that does what its model says would make of a request: read slowly and plainly, so that tests can hold the model to the oracle.

import { readPlainRegex } from '../../src/base/plain-regex.ts';
import type {
  HostTable,
  ProxyModel,
  RouteEntry,
  StreamHost,
  StreamTarget,
  ValueMatch,
  WeightedBackend,
} from '../../src/model/gateway.ts';
import { hostOf, matchesHost } from '../../src/oracle/route-host.ts';
import { headerOf } from '../../src/oracle/route-condition.ts';
import type { GatewayRequest } from '../../src/oracle/route-objects.ts';

export type ModelAnswer =
  | { readonly kind: 'closed' }
  | { readonly kind: 'stream'; readonly listener: string; readonly target: StreamTarget }
  | { readonly kind: 'respond'; readonly status: number }
  | {
      readonly kind: 'rule';
      readonly listener: string;
      readonly rule: string;
      readonly backends: readonly WeightedBackend[];
    };

export function modelAnswer(model: ProxyModel, request: GatewayRequest): ModelAnswer {
  if (request.transport === 'UDP') {
    const found = model.udpPorts.find((it) => it.port === request.port);
    return found === undefined ? { kind: 'closed' } : stream(found.id, found.target);
  }
  const port = model.ports.find((it) => it.port === request.port);
  if (port === undefined) return { kind: 'closed' };
  if (port.kind === 'tcp') return stream(port.id, port.target);
  if (port.kind === 'http') {
    if (request.tls !== undefined) return { kind: 'closed' };
    return overHttp(model, request, port.listeners, undefined);
  }
  if (request.tls === undefined) return { kind: 'closed' };
  const name = request.tls.serverName?.toLowerCase();
  const at = first(port.listeners, name);
  if (at === undefined) return { kind: 'closed' };
  if (at.kind !== 'https') return stream(at.id, first<StreamHost>(at.hosts, name)?.target);
  const ofHttps = port.listeners.flatMap((it) => (it.kind === 'https' ? [it] : []));
  return overHttp(model, request, ofHttps, at.id);
}

function stream(listener: string, target: StreamTarget | undefined): ModelAnswer {
  return target === undefined ? { kind: 'closed' } : { kind: 'stream', listener, target };
}

type NamedHttp = {
  readonly id: string;
  readonly hostname: string | undefined;
  readonly hosts: readonly HostTable[];
};

function overHttp(
  model: ProxyModel,
  request: GatewayRequest,
  listeners: readonly NamedHttp[],
  connected: string | undefined,
): ModelAnswer {
  if (!request.path.startsWith('/')) return { kind: 'respond', status: 400 };
  const host = hostOf(request.host);
  const best = first(listeners, host);
  if (best === undefined) return { kind: 'respond', status: 404 };
  if (connected !== undefined && best.id !== connected) return { kind: 'respond', status: 421 };
  const tables = best.hosts.filter((it) => matchesHost(it.hostname, host));
  const entry = tables.flatMap((it) => it.entries).find((it) => matches(it, request));
  if (entry === undefined) return { kind: 'respond', status: 404 };
  const backends = model.rules.get(entry.rule)?.backends ?? [];
  return { kind: 'rule', listener: best.id, rule: entry.rule, backends };
}

/** They come sorted: the most specific first. */
function first<T extends { readonly hostname: string | undefined }>(
  all: readonly T[],
  name: string | undefined,
): T | undefined {
  return all.find((it) => matchesHost(it.hostname, name));
}

function matches({ path, method, headers, query }: RouteEntry, request: GatewayRequest): boolean {
  return (
    matchesPath(path, request.path) &&
    (method === undefined || method === request.method) &&
    headers.every((it) => matchesValue(it, headerOf(request, it.name))) &&
    query.every((it) => matchesValue(it, parameterOf(request.query ?? '', it.name)))
  );
}

function matchesPath({ type, value }: RouteEntry['path'], path: string): boolean {
  if (type === 'exact') return path === value;
  if (type === 'regex') return readPlainRegex(value)?.test(path) === true;
  return `${path}/`.startsWith(value.endsWith('/') ? value : `${value}/`);
}

function matchesValue({ type, value }: ValueMatch, actual: string | undefined): boolean {
  if (actual === undefined) return false;
  return type === 'exact' ? actual === value : readPlainRegex(value)?.test(actual) === true;
}

function parameterOf(query: string, name: string): string | undefined {
  return new URLSearchParams(query).get(name) ?? undefined;
}
