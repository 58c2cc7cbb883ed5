// The frontends of ports. Pure. A port whose TLS ends in one way for all of its names is one frontend; any other looks at the name first and hands the connection on,
// within the process, to the frontend that ends TLS in that way:
//
//   p443 (bytes, by the name asked for) -> a backend's servers
//                                       -> tls-443-https -> socket -> p443-https (HTTP) -> ...
//                                       -> tls-443-end   -> socket -> p443-end (bytes)  -> ...

import type { HttpPort, ProxyPort, TcpPort, Telemetry, TlsPort } from '../model/gateway.ts';
import { proxyFiles, type ProxyPlace } from './proxy-place.ts';
import { configWord } from './proxy-text.ts';
import { httpRoutingLines, streamRoutingLines } from './render-routing.ts';
import type { TlsFiles, TlsRole } from './render-tls.ts';

export interface PortParts {
  readonly place: ProxyPlace;
  readonly tls: TlsFiles;
  readonly telemetry: Telemetry | undefined;
}

/** Nothing where the port cannot be opened: no certificate is fit to be shown. */
export function portLines(port: ProxyPort, parts: PortParts): readonly string[] {
  const { place } = parts;
  switch (port.kind) {
    case 'http':
      return httpLines(port, parts);
    case 'tcp':
      return tcpLines(port, place);
    case 'tls':
      return tlsLines(port, parts);
    default:
      return port satisfies never;
  }
}

/** What the lines of the map `streams` are for: what has come to a port, or to where its TLS ends. */
export function streamPlace(port: number, role: 'outer' | 'end'): string {
  return role === 'outer' ? String(port) : `${port}e`;
}

export function bindAddress(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port} v6only` : `${ip}:${port}`;
}

function binds({ addresses }: ProxyPlace, port: number, options = ''): readonly string[] {
  return addresses.map((it) => `  bind ${bindAddress(it, port)}${options}`);
}

function httpLines({ port }: HttpPort, { place, telemetry }: PortParts): readonly string[] {
  return [
    `frontend p${port} from http`,
    ...binds(place, port),
    ...httpRoutingLines({ port, scheme: 'http', isGuarded: false, place, telemetry }),
  ];
}

function tcpLines({ port }: TcpPort, place: ProxyPlace): readonly string[] {
  return [
    `frontend p${port} from tcp`,
    ...binds(place, port),
    ...streamRoutingLines(place.folder, streamPlace(port, 'outer'), undefined),
  ];
}

function tlsLines(port: TlsPort, parts: PortParts): readonly string[] {
  const { place, tls } = parts;
  const number = port.port;
  const ending = (role: TlsRole): string => {
    const bind = tls.bind(number, role);
    const alpn = role === 'https' ? ' alpn h2,http/1.1' : '';
    const options = bind?.options === '' ? '' : ` ${bind?.options}`;
    return bind === undefined ? '' : ` ssl crt-list ${configWord(bind.list)}${alpn}${options}`;
  };
  const isHttps = port.listeners.every((it) => it.kind === 'https');
  if (isHttps) {
    if (ending('https') === '') return [];
    return [
      `frontend p${number} from http`,
      ...binds(place, number, ending('https')),
      ...httpsRouting(port, parts),
    ];
  }
  const inner = (role: TlsRole, mode: string, lines: readonly string[]): readonly string[] => {
    const socket = configWord(`unix@${proxyFiles(place.folder).inner(number, role)}`);
    if (ending(role) === '') return [`backend tls-${number}-${role} from tcp`];
    return [
      `frontend p${number}-${role} from ${mode}`,
      `  bind ${socket} mode 600 accept-proxy${ending(role)}`,
      ...lines,
      `backend tls-${number}-${role} from tcp`,
      `  server inner ${socket} send-proxy-v2`,
    ];
  };
  return [
    `frontend p${number} from tcp`,
    ...binds(place, number),
    '  tcp-request inspect-delay 10s',
    '  tcp-request content reject if !{ req.ssl_hello_type 1 }',
    ...streamRoutingLines(place.folder, streamPlace(number, 'outer'), 'req.ssl_sni'),
    ...inner('https', 'http', httpsRouting(port, parts)),
    ...inner('end', 'tcp', streamRoutingLines(place.folder, streamPlace(number, 'end'), 'ssl_fc_sni')),
  ];
}

function httpsRouting({ port, listeners }: TlsPort, { place, telemetry }: PortParts): readonly string[] {
  const isGuarded = listeners.some((it) => it.kind === 'https' && it.tls.clientValidation !== undefined);
  return httpRoutingLines({ port, scheme: 'https', isGuarded, place, telemetry });
}
