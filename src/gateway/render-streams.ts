// Connections that are handed on as bytes, as lines of HAProxy's map `streams`: by port and name to a backend, to a list for Lua ("=" and its name), to where TLS
// ends ("tls-443-https"), or to nobody ("-"). Pure.

import type { ProxyPort, StreamHost, StreamTarget, TlsListener, TlsPort } from '../model/gateway.ts';
import { compareSpecificity, covers, patternOf } from './host-patterns.ts';
import type { Tree } from './proxy-text.ts';
import { streamKey } from './render-ports.ts';
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
      return new Map([[`${streamKey(port.port, 'outer')}*`, targetText(port.target, context)]]);
    case 'tls':
      return tlsLines(port, context);
    default:
      return port satisfies never;
  }
}

function tlsLines({ port, listeners }: TlsPort, context: StreamContext): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  const named = listeners
    .flatMap((listener) => {
      const pattern = patternOf(listener.hostname);
      return pattern === undefined ? [] : [{ pattern, listener, hosts: hostsOf(listener) }];
    })
    .sort((a, b) => compareSpecificity(a.pattern, b.pattern));
  for (const pattern of new Set(
    named.flatMap((it) => [it.pattern, ...it.hosts.map((host) => host.pattern)]),
  )) {
    const owner = named.find((it) => covers(it.pattern, pattern));
    if (owner === undefined) continue;
    const { listener } = owner;
    const { kind } = listener;
    const host = owner.hosts.find((it) => covers(it.pattern, pattern))?.host;
    const isGuarded = kind === 'tls-end' && listener.tls.clientValidation?.isRequired === true;
    const target = targetText(host?.target, context, isGuarded ? owner.pattern : undefined);
    const outer = { https: `tls-${port}-https`, 'tls-end': `tls-${port}-end`, 'tls-pass': target };
    lines.set(`${streamKey(port, 'outer')}${pattern}`, outer[kind]);
    if (kind === 'tls-end') lines.set(`${streamKey(port, 'end')}${pattern}`, target);
  }
  return lines;
}

interface NamedHost {
  readonly pattern: string;
  readonly host: StreamHost;
}

/** The most specific one first. */
function hostsOf(listener: TlsListener): readonly NamedHost[] {
  if (listener.kind === 'https') return [];
  return listener.hosts
    .flatMap((host) => {
      const pattern = patternOf(host.hostname);
      return pattern === undefined ? [] : [{ pattern, host }];
    })
    .sort((a, b) => compareSpecificity(a.pattern, b.pattern));
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
