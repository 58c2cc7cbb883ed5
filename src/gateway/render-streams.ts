// Connections that are handed on as bytes, as lines of HAProxy's map `streams`: by port and name to a backend, to a list for Lua ("=" and its name), to where TLS
// ends ("tls-443-https"), or to nobody ("-"). Pure.

import type { ProxyPort, StreamHost, StreamTarget, TlsListener, TlsPort } from '../model/gateway.ts';
import { mostSpecific, patternOf } from './host-patterns.ts';
import { nameKey, type Tree } from './proxy-text.ts';
import { streamPlace } from './render-ports.ts';
import type { SlotOf } from './render-rules.ts';

export interface StreamContext {
  readonly slotOf: SlotOf;
  /** Keeps a tree for Lua and gives its name. */
  readonly put: (tree: Tree) => string;
}

export function streamLines(port: ProxyPort, context: StreamContext): ReadonlyMap<string, string> {
  switch (port.kind) {
    case 'http':
      return new Map();
    case 'tcp':
      return new Map([[nameKey('*', streamPlace(port.port, 'outer')), targetText(port.target, context)]]);
    case 'tls':
      return tlsLines(port, context);
    default:
      return port satisfies never;
  }
}

function tlsLines({ port, listeners }: TlsPort, context: StreamContext): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  const named = new Map<string, NamedListener>();
  for (const listener of listeners) {
    const pattern = patternOf(listener.hostname);
    if (pattern !== undefined && !named.has(pattern))
      named.set(pattern, { pattern, listener, hosts: hostsOf(listener) });
  }
  const patterns = [...named.values()].flatMap((it) => [it.pattern, ...it.hosts.keys()]);
  for (const pattern of new Set(patterns)) {
    const owner = mostSpecific(named, pattern);
    if (owner === undefined) continue;
    const { listener } = owner;
    const { kind } = listener;
    const host = mostSpecific(owner.hosts, pattern);
    const isGuarded = kind === 'tls-end' && listener.tls.clientValidation?.isRequired === true;
    const target = targetText(host?.target, context, isGuarded ? owner.pattern : undefined);
    const outer = { https: `tls-${port}-https`, 'tls-end': `tls-${port}-end`, 'tls-pass': target };
    lines.set(nameKey(pattern, streamPlace(port, 'outer')), outer[kind]);
    if (kind === 'tls-end') lines.set(nameKey(pattern, streamPlace(port, 'end')), target);
  }
  return lines;
}

interface NamedListener {
  readonly pattern: string;
  readonly listener: TlsListener;
  readonly hosts: ReadonlyMap<string, StreamHost>;
}

/** By their patterns. */
function hostsOf(listener: TlsListener): ReadonlyMap<string, StreamHost> {
  const hosts = new Map<string, StreamHost>();
  if (listener.kind === 'https') return hosts;
  for (const host of listener.hosts) {
    const pattern = patternOf(host.hostname);
    if (pattern !== undefined && !hosts.has(pattern)) hosts.set(pattern, host);
  }
  return hosts;
}

/** `guard`: the listener's pattern where a client has to have shown a certificate, which Lua looks at. */
function targetText(target: StreamTarget | undefined, context: StreamContext, guard?: string): string {
  const backends = (target?.backends ?? []).filter((it) => it.weight > 0);
  const slot = (backend: string | undefined): string =>
    backend === undefined ? '' : (context.slotOf(backend) ?? '');
  const [first, ...others] = backends;
  if (first === undefined) return '-';
  if (others.length === 0 && guard === undefined)
    return slot(first.backend) === '' ? '-' : slot(first.backend);
  return `=${context.put([guard ?? '', backends.map((it) => [slot(it.backend), String(it.weight)])])}`;
}
