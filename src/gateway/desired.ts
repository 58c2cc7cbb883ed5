// All that one HAProxy is to be, of a model and of the slots that its backends have. Pure.

import type { ProxyBackend, ProxyModel } from '../model/gateway.ts';
import type { BackendSlot } from './backend-slots.ts';
import type { ProxyPlace } from './proxy-place.ts';
import { renderStructure, type ProxyStructure } from './render-config.ts';
import { RouteMaps, type ProxyMaps } from './render-routes.ts';
import { renderTls, type TlsFiles, type UsablePem } from './render-tls.ts';
import type { Endpoint } from './server-slots.ts';

export interface DesiredProxy {
  readonly structure: ProxyStructure;
  readonly maps: ProxyMaps;
  readonly slots: readonly BackendSlot[];
  /** By the name of the slot; blank slots have nothing. */
  readonly servers: ReadonlyMap<string, DesiredServers>;
  readonly tls: TlsFiles;
  /** By the id of the rule. */
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
}

const NO_SERVERS: DesiredServers = { endpoints: [], options: '' };

export function renderDesired({ model, slots, place, lua, usable }: DesiredInput): DesiredProxy {
  const tls = renderTls(model, place, usable);
  const names = new Map(slots.flatMap((it) => (it.backend === undefined ? [] : [[it.backend, it.name]])));
  const routes = new RouteMaps(model, (id) => names.get(id));
  for (const port of model.ports) {
    routes.addStreams(port);
    if (port.kind === 'http') routes.addPort(port);
    if (port.kind === 'tls')
      routes.addPort({ port: port.port, listeners: port.listeners.filter((it) => it.kind === 'https') });
  }
  const servers = new Map(slots.map((it) => [it.name, serversOf(it, model.backends)]));
  return {
    structure: renderStructure({ place, ports: model.ports, slots, lua, tls }),
    maps: routes.maps,
    slots,
    servers,
    tls,
    problems: routes.problems,
  };
}

function serversOf(slot: BackendSlot, backends: ReadonlyMap<string, ProxyBackend>): DesiredServers {
  const backend = slot.backend === undefined ? undefined : backends.get(slot.backend);
  if (backend === undefined) return { ...NO_SERVERS, options: shapeOptions(slot) };
  return { endpoints: backend.endpoints, options: shapeOptions(slot) };
}

function shapeOptions(slot: BackendSlot): string {
  return slot.shape === 'h2c' ? 'proto h2' : '';
}
