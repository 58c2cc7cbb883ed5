// The configuration of HAProxy: what needs a reload. Routes, endpoints and certificates are not here but in maps, servers and certificate stores, except that
// the servers' lines are as they are now, so that a HAProxy that starts anew starts with them. Pure.

import type { ProxyPort, Telemetry } from '../model/gateway.ts';
import type { BackendSlot } from './backend-slots.ts';
import { BUFFER_BYTES, proxyFiles, ROUTE_METRICS_PATH, type ProxyPlace } from './proxy-place.ts';
import { configWord, contentName } from './proxy-text.ts';
import { RenderedBackends, SERVER_POOL } from './render-backends.ts';
import { limitTableLines } from './render-limits.ts';
import { bindAddress, portLines } from './render-ports.ts';
import { WAY, wayWord } from './render-routing.ts';
import type { TlsFiles } from './render-tls.ts';
import type { ServerSlot } from './server-slots.ts';

export interface ProxyStructure {
  /** Everything but the servers; HAProxy tells it as its description. */
  readonly name: string;
  /** That it opens: a port without a certificate to show stays closed. */
  readonly ports: readonly number[];
  /** The configuration with these servers, by backend slot. */
  text(servers: ReadonlyMap<string, readonly ServerSlot[]>): string;
}

export interface StructureInput {
  readonly place: ProxyPlace;
  readonly ports: readonly ProxyPort[];
  readonly slots: readonly BackendSlot[];
  /** Our program in HAProxy; another one is another structure. */
  readonly lua: string;
  readonly tls: TlsFiles;
  readonly telemetry: Telemetry | undefined;
  /** Of structures before this one; nothing where it is left out. */
  readonly before?: RenderedBackends;
}

export function renderStructure(input: StructureInput): ProxyStructure {
  const ports = input.ports.map((it) => ({ port: it.port, lines: portLines(it, input) }));
  const head = [...globalLines(input), ...defaultsLines(), ...ports.flatMap((it) => it.lines)];
  const tail = [...answerLines(), ...limitTableLines(), ...askLines(input.place), ...metricsLines(input)];
  const { slots, lua, tls, before = new RenderedBackends() } = input;
  const name = `fairlead-${contentName([...head, ...tail, before.shapes(slots), lua, tls.structure].join('\n'))}`;
  return {
    name,
    ports: ports.filter((it) => it.lines.length > 0).map((it) => it.port),
    text: (servers) => {
      const backends = before.texts(slots, servers);
      return [`# Made by Fairlead; changes are lost.`, ...head, ...backends, ...tail, '']
        .join('\n')
        .replace(DESCRIPTION, () => name);
    },
  };
}

const DESCRIPTION = '@description@';

function globalLines({ place }: StructureInput): readonly string[] {
  const files = proxyFiles(place.folder);
  return [
    'global',
    `  description ${DESCRIPTION}`,
    `  nbthread ${place.threads}`,
    `  stats socket ${configWord(files.adminSocket)} mode 600 level admin expose-fd listeners`,
    '  stats timeout 30s',
    `  tune.bufsize ${BUFFER_BYTES}`,
    // Without it the number of connections, and the memory for it, goes by what the machine would allow one process.
    '  fd-hard-limit 50000',
    '  ssl-default-bind-options ssl-min-ver TLSv1.2',
    // 2.6 gives each key of DH parameters to those of old clients, and says so at each start.
    '  tune.ssl.default-dh-param 2048',
    // A tunnel keeps the worker of before a reload: for so long, and through so many reloads.
    '  hard-stop-after 10m',
    '  mworker-max-reloads 8',
    `  lua-load-per-thread ${configWord(files.lua)}`,
  ];
}

function defaultsLines(): readonly string[] {
  const common = [
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  timeout tunnel 1h',
  ];
  return [
    'defaults http',
    '  mode http',
    ...common,
    '  timeout client-fin 30s',
    '  timeout http-request 30s',
    '  timeout http-keep-alive 60s',
    // An idle connection is closed after a reload by saying so in a last answer, never in the face of a request.
    '  option idle-close-on-response',
    '  option forwardfor',
    '  retries 2',
    '  option redispatch 1',
    '  balance roundrobin',
    `  default-server ${SERVER_POOL}`,
    'defaults tcp',
    '  mode tcp',
    ...common,
    '  retries 2',
    '  option redispatch 1',
    '  balance roundrobin',
  ];
}

/** Backends that answer by themselves. */
function answerLines(): readonly string[] {
  const answers = [
    [404, 'No route has this host and path'],
    [500, 'The route leads to no backend'],
    [503, 'The route leads to no backend'],
  ] as const;
  return answers.flatMap(([status, text]) => [
    `backend answer-${status} from http`,
    `  http-request return status ${status} content-type text/plain string ${configWord(text)}`,
  ]);
}

/**
 * Requests of our own Lua go to backends by a frontend of their own, so that endpoints, TLS and HTTP/2 are the backends' there too. Nobody else gets to it, and it
 * takes the name of the backend on trust.
 */
function askLines({ folder }: ProxyPlace): readonly string[] {
  return [
    'frontend ask from http',
    `  bind ${configWord(`unix@${proxyFiles(folder).askSocket}`)} mode 600`,
    '  http-request set-var(txn.backend) req.hdr(x-fairlead-backend)',
    '  http-request del-header x-fairlead-backend',
    '  http-request set-var(txn.wait) req.hdr(x-fairlead-wait) if { req.hdr(x-fairlead-wait) -m found }',
    '  http-request del-header x-fairlead-wait',
    '  use_backend %[var(txn.backend)]',
    // A time for all tries together: HAProxy gives each try the same one, so that who waits for all of them stands in front.
    ...hopLines('retried', folder),
    // Where copies of what passes are kept: a filter costs whatever goes through its backend.
    ...hopLines('mirrored', folder),
    '  filter lua.copy',
    // Counts copies that are not made.
    'backend mirror-left-out from http',
    '  http-request return status 204',
  ];
}

/** To the inner backend of the way, by way of the frontend for requests of our own. */
function hopLines(name: string, folder: string): readonly string[] {
  return [
    `backend ${name} from http`,
    '  retries 0',
    `  http-request set-timeout server ${wayWord(WAY.total)} if { ${wayWord(WAY.total)} -m found }`,
    `  http-request set-header x-fairlead-backend "%[${wayWord(WAY.inner)}]"`,
    '  http-request del-header x-fairlead-wait',
    '  http-request set-header x-fairlead-wait %[var(txn.wait)] if { var(txn.wait) -m found }',
    `  server ask ${configWord(`unix@${proxyFiles(folder).askSocket}`)}`,
  ];
}

/** Control tells its own by the same port. */
function metricsLines({ place: { folder, metrics }, telemetry }: StructureInput): readonly string[] {
  const isOurs = `{ path ${ROUTE_METRICS_PATH} }`;
  return [
    'frontend metrics from http',
    `  bind ${bindAddress(metrics.ip, metrics.port)}`,
    '  http-request use-service prometheus-exporter if { path /metrics }',
    ...(telemetry === undefined
      ? ['  http-request return status 404']
      : [
          `  http-request return status 404 if !${isOurs}`,
          '  default_backend control',
          'backend control from http',
          `  server control ${configWord(`unix@${proxyFiles(folder).metricsSocket}`)}`,
        ]),
  ];
}
