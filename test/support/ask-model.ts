// What a model of a proxy says of a request, without a proxy: the entry and rule that take it. The meaning of hosts and paths stands here once more, in words of
// its own, so that a table of requests can be held against a compile.

import { compareHostnames, holds } from '../../src/compile/gateway/hostnames.ts';
import type { HostTable, ProxyModel, ProxyRule, RouteEntry } from '../../src/model/gateway.ts';

export interface ModelRequest {
  readonly host: string;
  readonly path: string;
  readonly port?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Taken {
  readonly entry: RouteEntry;
  readonly rule: ProxyRule;
}

/** Undefined where nothing takes it: 404. */
export function takenBy(model: ProxyModel, request: ModelRequest): Taken | undefined {
  const tables = tablesOf(model, request)
    .filter((it) => hasHost(it, request.host))
    .sort((a, b) => specificity(b) - specificity(a));
  for (const { entries } of tables)
    for (const entry of entries) {
      const rule = model.rules.get(entry.rule);
      if (rule !== undefined && matches(entry, request)) return { entry, rule };
    }
  return undefined;
}

/** Of the most specific listener that has the name, which decides alone. */
function tablesOf({ ports }: ModelOfPorts, { port = 80, host }: ModelRequest): readonly HostTable[] {
  const found = ports.find((it) => it.port === port);
  const listeners: { readonly hostname: string | undefined; readonly hosts: readonly HostTable[] }[] = [];
  if (found?.kind === 'http') listeners.push(...found.listeners);
  if (found?.kind === 'tls') listeners.push(...found.listeners.filter((it) => it.kind === 'https'));
  const [own] = listeners
    .filter((it) => holds(it.hostname, host))
    .sort((a, b) => compareHostnames(a.hostname, b.hostname));
  return own?.hosts ?? [];
}

type ModelOfPorts = Pick<ProxyModel, 'ports'>;

function hasHost({ hostname, isOneLabel }: HostTable, host: string): boolean {
  if (hostname === undefined) return true;
  if (!hostname.startsWith('*.')) return hostname === host;
  const labels = host.slice(0, -hostname.length + 1);
  return host.endsWith(hostname.slice(1)) && labels !== '' && !(isOneLabel && labels.includes('.'));
}

function specificity({ hostname }: HostTable): number {
  if (hostname === undefined) return 0;
  return hostname.length + (hostname.startsWith('*.') ? 0 : 1000);
}

function matches(
  { path, method, headers }: RouteEntry,
  { path: asked, method: by = 'GET', headers: given = {} }: ModelRequest,
): boolean {
  if (method !== undefined && method !== by) return false;
  const isFit = headers.every(({ type, name, value }) => {
    const text = given[name];
    if (text === undefined) return false;
    return type === 'exact' ? text === value : isWhole(value, text);
  });
  if (!isFit) return false;
  switch (path.type) {
    case 'exact':
      return asked === path.value;
    case 'prefix':
      return `${asked}/`.startsWith(`${path.value.replace(/\/$/, '')}/`);
    case 'regex':
      return isWhole(path.value, asked);
  }
}

function isWhole(pattern: string, text: string): boolean {
  return expressionOf(pattern).test(text);
}

/** PCRE says at its beginning that case does not count. */
function expressionOf(pattern: string): RegExp {
  const isAnyCase = pattern.startsWith('(?i)');
  return new RegExp(`^(?:${isAnyCase ? pattern.slice(4) : pattern})$`, isAnyCase ? 'is' : 's');
}

/** What the backend is asked for, or where the client is sent, by the rule's filters. */
export function pathAfter({ entry, rule }: Taken, path: string): string {
  for (const filter of rule.filters) {
    if ((filter.kind !== 'rewrite' && filter.kind !== 'redirect') || filter.path === undefined) continue;
    const { type, value } = filter.path;
    if (type === 'full') return value;
    if (type === 'captures') return path.replace(expressionOf(entry.path.value), value);
    const rest = path.slice(entry.path.value.replace(/\/$/, '').length);
    return `${value.replace(/\/$/, '')}${rest}` || '/';
  }
  return path;
}
