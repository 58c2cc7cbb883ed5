// Listeners and what is attached to them -> the ports of the proxy.

import type {
  HttpPort,
  ProxyPort,
  StreamHost,
  StreamTarget,
  TcpPort,
  TlsListener,
  TlsPort,
  UdpPort,
} from '../../model/gateway.ts';
import type { Port } from '../../base/port.ts';
import { compareHostnames, type Hostname } from './hostnames.ts';
import type { JudgedListener } from './listeners.ts';
import type { ListenerTable } from './listener-tables.ts';

export interface PortInputs {
  readonly listeners: readonly JudgedListener[];
  readonly tables: ReadonlyMap<string, ListenerTable>;
}

/** Sorted by number; of listeners that are served alone. */
export function portsOf(inputs: PortInputs): readonly ProxyPort[] {
  const byPort = new Map<Port, JudgedListener[]>();
  for (const it of inputs.listeners) {
    if (!it.isServed || it.protocol === 'UDP') continue;
    const found = byPort.get(it.listener.port);
    if (found === undefined) byPort.set(it.listener.port, [it]);
    else found.push(it);
  }
  return [...byPort]
    .sort(([a], [b]) => a - b)
    .flatMap(([port, listeners]) => portOf(port, listeners, inputs));
}

/** Sorted by number; of listeners that are served alone, of which a port has one. */
export function udpPortsOf({ listeners, tables }: PortInputs): readonly UdpPort[] {
  return listeners
    .filter((it) => it.isServed && it.protocol === 'UDP')
    .map((it) => ({ port: it.listener.port, ...named(it), target: targetOf(it, tables) }))
    .sort((a, b) => a.port - b.port);
}

function portOf(port: Port, listeners: readonly JudgedListener[], inputs: PortInputs): readonly ProxyPort[] {
  const [first] = listeners;
  if (first === undefined) return [];
  const sorted = [...listeners].sort((a, b) => compareHostnames(a.listener.hostname, b.listener.hostname));
  switch (first.protocol) {
    case 'HTTP':
      return [httpPort(port, sorted, inputs)];
    case 'TCP':
      return [tcpPort(port, first, inputs)];
    default:
      return [tlsPort(port, sorted, inputs)];
  }
}

function httpPort(port: Port, listeners: readonly JudgedListener[], { tables }: PortInputs): HttpPort {
  return {
    kind: 'http',
    port,
    listeners: listeners.map((it) => ({ ...named(it), hosts: tables.get(it.id)?.http ?? [] })),
  };
}

function tcpPort(port: Port, listener: JudgedListener, { tables }: PortInputs): TcpPort {
  return { kind: 'tcp', port, ...named(listener), target: targetOf(listener, tables) };
}

/** Where connections and datagrams know no names. */
function targetOf({ id }: JudgedListener, tables: PortInputs['tables']): StreamTarget | undefined {
  return tables.get(id)?.streams.get(undefined);
}

function tlsPort(port: Port, listeners: readonly JudgedListener[], inputs: PortInputs): TlsPort {
  return { kind: 'tls', port, listeners: listeners.map((it) => tlsListener(it, inputs)) };
}

function tlsListener(listener: JudgedListener, { tables }: PortInputs): TlsListener {
  const { http = [], streams = NO_STREAMS } = tables.get(listener.id) ?? {};
  const certificates = listener.certificates.map(({ id }) => id);
  const tls = { certificates, clientValidation: listener.clientValidation };
  if (listener.protocol === 'HTTPS') return { kind: 'https', ...named(listener), tls, hosts: http };
  const hosts = streamHosts(streams);
  if (listener.listener.tls?.mode === 'passthrough') return { kind: 'tls-pass', ...named(listener), hosts };
  return { kind: 'tls-end', ...named(listener), tls, hosts };
}

function named({ id, listener }: JudgedListener): { readonly id: string; readonly hostname: Hostname } {
  return { id, hostname: listener.hostname };
}

const NO_STREAMS: ListenerTable['streams'] = new Map();

function streamHosts(streams: ListenerTable['streams']): readonly StreamHost[] {
  return [...streams]
    .sort(([a], [b]) => compareHostnames(a, b))
    .map(([hostname, target]) => ({ hostname, target }));
}
