// Which servers each of HAProxy's backends is to have, kept while its slot and what stands behind it are the same. Pure, but for what it keeps.

import type { ProxyBackend } from '../model/gateway.ts';
import { whyNotShaped, type BackendSlot } from './backend-slots.ts';
import { blankOptions, serverOptions } from './render-servers.ts';
import type { TlsFiles } from './render-tls.ts';
import type { Endpoint } from './server-slots.ts';

export interface DesiredServers {
  readonly endpoints: readonly Endpoint[];
  readonly options: string;
}

export interface ServersOfSlots {
  /** By the name of the slot; the same objects, and the same map, while they say the same. */
  readonly servers: ReadonlyMap<string, DesiredServers>;
  /** By the ids of backends. */
  readonly problems: ReadonlyMap<string, string>;
}

interface Known {
  readonly slot: BackendSlot;
  readonly backend: ProxyBackend | undefined;
  readonly servers: DesiredServers;
}

export class RenderedServers {
  /** In the order of the slots. */
  #known: readonly Known[] = [];
  #servers: ReadonlyMap<string, DesiredServers> = new Map();

  of(
    slots: readonly BackendSlot[],
    backends: ReadonlyMap<string, ProxyBackend>,
    tls: TlsFiles,
  ): ServersOfSlots {
    const problems = new Map<string, string>();
    const before = this.#known;
    const known = slots.map((slot, at) => knownOf(slot, before[at], { backends, tls, problems }));
    const isSame =
      known.length === before.length && known.every((it, at) => it.servers === before[at]?.servers);
    if (!isSame) this.#servers = new Map(known.map((it) => [it.slot.name, it.servers]));
    this.#known = known;
    return { servers: this.#servers, problems };
  }
}

interface ServerContext {
  readonly backends: ReadonlyMap<string, ProxyBackend>;
  readonly tls: TlsFiles;
  readonly problems: Map<string, string>;
}

function knownOf(slot: BackendSlot, before: Known | undefined, context: ServerContext): Known {
  const backend = slot.backend === undefined ? undefined : context.backends.get(slot.backend);
  // What may have a problem is looked at each time, and so is what names files, which are asked for by that.
  const isPlain =
    backend?.tls === undefined && backend?.persistence === undefined && backend?.retry === undefined;
  if (isPlain && before?.slot === slot && before.backend === backend) return before;
  const servers = serversOf(slot, backend, context);
  const isSame =
    before?.slot.name === slot.name &&
    before.servers.endpoints === servers.endpoints &&
    before.servers.options === servers.options;
  return { slot, backend, servers: isSame ? before.servers : servers };
}

function serversOf(
  { shape }: BackendSlot,
  backend: ProxyBackend | undefined,
  { tls, problems }: ServerContext,
): DesiredServers {
  if (backend === undefined) return { endpoints: NOBODY, options: blankOptions(shape) };
  const notKept = whyNotShaped(backend);
  if (notKept !== undefined) problems.set(backend.id, notKept);
  const { options, problem } = serverOptions(backend, tls);
  if (problem === undefined) return { endpoints: backend.endpoints, options };
  // Rather nobody than somebody who has not shown who he is.
  problems.set(backend.id, problem);
  return { endpoints: NOBODY, options: blankOptions(shape) };
}

const NOBODY: readonly Endpoint[] = [];
