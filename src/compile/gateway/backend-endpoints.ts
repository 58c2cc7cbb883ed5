// The endpoints behind the ways that routes lead, each way once.

import { familyOf } from '../../base/ip.ts';
import type { ProxyBackend } from '../../model/gateway.ts';
import type { EndpointSlice } from '../../objects/endpoint-slice.ts';
import { chooseAnywhere, type ChoosingNode } from '../endpoint-choice.ts';
import { endpointsOfPort } from '../service-model.ts';
import type { BackendWay } from './backends.ts';
import { KeyedMemo, Memo, reused } from './memo.ts';

const NO_SLICES: readonly EndpointSlice[] = [];

export class BackendEndpoints {
  readonly #slices = new Memo<ReadonlyMap<string, readonly EndpointSlice[]>>();
  readonly #backends = new KeyedMemo<ProxyBackend>();
  #byService: ReadonlyMap<string, readonly EndpointSlice[]> = new Map();

  /** By id; what is as it was is the same object. */
  of(
    ways: Iterable<BackendWay>,
    slices: ReadonlyMap<string, EndpointSlice>,
    node: ChoosingNode,
  ): ReadonlyMap<string, ProxyBackend> {
    this.#byService = this.#slices.get([slices], () => slicesByService(slices.values(), this.#byService));
    const found = new Map<string, ProxyBackend>();
    for (const way of ways) {
      if (found.has(way.id)) continue;
      const own = this.#byService.get(way.service) ?? NO_SLICES;
      const inputs = [own, way.port.name, node.name, node.zone];
      found.set(
        way.id,
        this.#backends.get(way.id, inputs, () => backendOf(way, own, node)),
      );
    }
    this.#backends.endRound();
    return found;
  }
}

function backendOf(way: BackendWay, slices: readonly EndpointSlice[], node: ChoosingNode): ProxyBackend {
  const { id, protocol, tls, retry, persistence, connectTimeoutMs, isClosed, port } = way;
  const chosen = isClosed ? [] : chooseAnywhere(endpointsOfPort(port, slices), node).endpoints;
  // A proxy speaks either family to either; a datagram is handed on in the one that it came by.
  const endpoints = protocol === 'udp' ? chosen : ofOneFamily(chosen);
  return {
    id,
    protocol,
    tls,
    retry,
    persistence,
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    endpoints: endpoints.map(({ ip, port: at }) => ({ ip, port: at })),
  };
}

/** Of the family that the first one has: both addresses of a pod are one endpoint. */
function ofOneFamily<T extends ProxyBackend['endpoints'][number]>(endpoints: readonly T[]): readonly T[] {
  const [first] = endpoints;
  if (first === undefined) return [];
  const family = familyOf(first.ip);
  return endpoints.filter((it) => familyOf(it.ip) === family);
}

/** Lists that hold the same slices as before are the same lists. */
function slicesByService(
  slices: Iterable<EndpointSlice>,
  before: ReadonlyMap<string, readonly EndpointSlice[]>,
): ReadonlyMap<string, readonly EndpointSlice[]> {
  const found = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    if (slice.service === undefined) continue;
    const key = `${slice.namespace}/${slice.service}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, [slice]);
    else known.push(slice);
  }
  return new Map([...found].map(([key, own]) => [key, reused(before.get(key), own)]));
}
