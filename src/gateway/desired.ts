// All that one HAProxy is to be, of a model and of the slots that its backends have. Pure.

import type { ProxyModel } from '../model/gateway.ts';
import { whyNotShaped, type BackendSlot } from './backend-slots.ts';
import type { ProxyPlace } from './proxy-place.ts';
import { renderStructure, type ProxyStructure } from './render-config.ts';
import { RenderedRoutes, RouteMaps, type ProxyMaps } from './render-routes.ts';
import { luaWith } from './lua-program.ts';
import { blankOptions, serverOptions } from './render-servers.ts';
import { renderTls, type TlsFiles, type UsablePem } from './render-tls.ts';
import type { Endpoint } from './server-slots.ts';

export interface DesiredProxy {
  readonly structure: ProxyStructure;
  readonly maps: ProxyMaps;
  readonly slots: readonly BackendSlot[];
  /** By the name of the slot; blank slots have nothing. */
  readonly servers: ReadonlyMap<string, DesiredServers>;
  readonly tls: TlsFiles;
  /** Our program in HAProxy. */
  readonly lua: string;
  /** By the ids of rules and backends. */
  readonly problems: ReadonlyMap<string, string>;
}

export interface DesiredServers {
  readonly endpoints: readonly Endpoint[];
  readonly options: string;
}

export interface DesiredInput {
  readonly model: ProxyModel;
  readonly slots: readonly BackendSlot[];
  readonly place: ProxyPlace;
  readonly lua: string;
  readonly usable: UsablePem;
  /** Of the passes before this one; nothing where it is left out. */
  readonly before?: RenderedRoutes;
}

export function renderDesired(input: DesiredInput): DesiredProxy {
  const { model, slots, place, usable, before = new RenderedRoutes() } = input;
  const { telemetry } = model;
  const lua = luaWith(input.lua, telemetry);
  const tls = renderTls(model, place, usable);
  const names = new Map(slots.flatMap((it) => (it.backend === undefined ? [] : [[it.backend, it.name]])));
  const routes = new RouteMaps(model, (id) => names.get(id), before);
  for (const port of model.ports) {
    routes.addStreams(port);
    if (port.kind === 'http') routes.addPort(port);
    if (port.kind === 'tls')
      routes.addPort({ port: port.port, listeners: port.listeners.filter((it) => it.kind === 'https') });
  }
  routes.end();
  const problems = new Map<string, string>();
  const servers = new Map(slots.map((it) => [it.name, serversOf(it, { model, tls, problems })]));
  return {
    structure: renderStructure({ place, ports: model.ports, slots, lua, tls, telemetry }),
    maps: routes.maps,
    slots,
    servers,
    tls,
    lua,
    problems: new Map([...problems, ...routes.problems]),
  };
}

interface ServerContext {
  readonly model: ProxyModel;
  readonly tls: TlsFiles;
  readonly problems: Map<string, string>;
}

function serversOf(slot: BackendSlot, { model, tls, problems }: ServerContext): DesiredServers {
  const backend = slot.backend === undefined ? undefined : model.backends.get(slot.backend);
  if (backend === undefined) return { endpoints: [], options: blankOptions(slot.shape) };
  const notKept = whyNotShaped(backend);
  if (notKept !== undefined) problems.set(backend.id, notKept);
  const { options, problem } = serverOptions(backend, tls);
  if (problem === undefined) return { endpoints: backend.endpoints, options };
  // Rather nobody than somebody who has not shown who he is.
  problems.set(backend.id, problem);
  return { endpoints: [], options: blankOptions(slot.shape) };
}
