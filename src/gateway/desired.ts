// All that one HAProxy is to be, of a model and of the slots that its backends have. Pure.

import { Memo } from '../compile/gateway/memo.ts';
import type { ProxyModel } from '../model/gateway.ts';
import type { BackendSlot } from './backend-slots.ts';
import type { ProxyPlace } from './proxy-place.ts';
import { renderStructure, type ProxyStructure } from './render-config.ts';
import type { ProxyMaps } from './map-lines.ts';
import { RenderedRoutes } from './render-routes.ts';
import { luaWith } from './lua-program.ts';
import { RenderedBackends } from './render-backends.ts';
import { RenderedServers, type DesiredServers } from './rendered-servers.ts';
import { renderTls, type TlsFiles, type UsablePem } from './render-tls.ts';

export interface DesiredProxy {
  readonly structure: ProxyStructure;
  readonly maps: ProxyMaps;
  readonly slots: readonly BackendSlot[];
  /** By the name of the slot; blank slots have nothing. The same objects while they say the same. */
  readonly servers: ReadonlyMap<string, DesiredServers>;
  readonly tls: TlsFiles;
  /** Our program in HAProxy. */
  readonly lua: string;
  /** By the ids of rules and backends. */
  readonly problems: ReadonlyMap<string, string>;
}

export interface DesiredInput {
  readonly model: ProxyModel;
  readonly slots: readonly BackendSlot[];
  readonly place: ProxyPlace;
  readonly lua: string;
  readonly usable: UsablePem;
  /** Of the passes before this one; nothing where it is left out. */
  readonly before?: RenderedBefore;
}

/** What is not made anew while what it was made of is the same. */
export class RenderedBefore {
  readonly routes = new RenderedRoutes();
  /** Names of slots by their backends. */
  readonly names = new Memo<ReadonlyMap<string, string>>();
  readonly servers = new RenderedServers();
  readonly backends = new RenderedBackends();
}

export function renderDesired(input: DesiredInput): DesiredProxy {
  const { model, slots, place, usable, before = new RenderedBefore() } = input;
  const { telemetry } = model;
  const lua = luaWith(input.lua, telemetry);
  const tls = renderTls(model, place, usable);
  const routes = before.routes.render(
    model,
    before.names.get([slots], () => namesOf(slots)),
  );
  const { servers, problems } = before.servers.of(slots, model.backends, tls);
  return {
    structure: renderStructure({
      place,
      ports: model.ports,
      slots,
      lua,
      tls,
      telemetry,
      before: before.backends,
    }),
    maps: routes.maps,
    slots,
    servers,
    tls,
    lua,
    problems: new Map([...problems, ...routes.problems]),
  };
}

function namesOf(slots: readonly BackendSlot[]): ReadonlyMap<string, string> {
  return new Map(slots.flatMap((it) => (it.backend === undefined ? [] : [[it.backend, it.name]])));
}
