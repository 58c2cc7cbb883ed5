// Objects -> cluster model. Whole recompute as one function; a compiler that remembers what did not change beside it.

import { frontendKey, type ClusterModel, type ClusterNetwork, type Frontend } from '../model/network.ts';
import type { NetworkNode, NetworkPod } from '../model/network.ts';
import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { Node } from '../objects/node.ts';
import type { Pod } from '../objects/pod.ts';
import type { Service } from '../objects/service.ts';
import { SlicesByService, type ClusterObjects } from './cluster-objects.ts';
import { CLUSTER_DNS_SERVICE, compileFrontends } from './frontends.ts';

/** The model of these objects; `settings.dnsIps` holds until the cluster DNS Service has addresses. */
export function compileCluster(objects: ClusterObjects, settings: ClusterNetwork): ClusterModel {
  return new ClusterCompiler(settings).compile(objects);
}

interface Compiled {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly frontends: readonly Frontend[];
}

/**
 * Compiles again and again, and computes a Service anew only when it or one of its slices is another object than before.
 * What it returns depends on the objects alone: the memory saves time and decides nothing.
 */
export class ClusterCompiler {
  readonly #settings: ClusterNetwork;
  #memory: ReadonlyMap<string, Compiled> = new Map();

  constructor(settings: ClusterNetwork) {
    this.#settings = settings;
  }

  compile(objects: ClusterObjects): ClusterModel {
    const dnsIps = objects.services.get(CLUSTER_DNS_SERVICE)?.clusterIps ?? [];
    return {
      nodes: mapValues(objects.nodes, networkNodeOf),
      pods: mapValues(objects.pods, networkPodOf),
      frontends: this.#frontends(objects),
      cluster: dnsIps.length === 0 ? this.#settings : { ...this.#settings, dnsIps },
    };
  }

  #frontends(objects: ClusterObjects): ReadonlyMap<string, Frontend> {
    const slices = new SlicesByService(objects.endpointSlices);
    const memory = new Map<string, Compiled>();
    for (const [key, service] of objects.services) {
      memory.set(key, this.#compiled(key, service, slices.of(key)));
    }
    this.#memory = memory;
    return mergeFrontends(memory);
  }

  #compiled(key: string, service: Service, slices: readonly EndpointSlice[]): Compiled {
    const known = this.#memory.get(key);
    if (known !== undefined && known.service === service && isSameList(known.slices, slices)) return known;
    return { service, slices, frontends: compileFrontends(service, slices) };
  }
}

/**
 * The API hands an address out once; where two Services claim one all the same, the first one by namespace and name has it
 * (and of two equal ports of one Service the first), on every node and after every restart alike.
 */
function mergeFrontends(compiled: ReadonlyMap<string, Compiled>): ReadonlyMap<string, Frontend> {
  const merged = new Map<string, Frontend>();
  for (const { frontends } of compiled.values()) {
    for (const frontend of frontends) {
      const key = frontendKey(frontend);
      const rival = merged.get(key);
      if (rival === undefined || isBefore(frontend, rival)) merged.set(key, frontend);
    }
  }
  return merged;
}

function isBefore(a: Frontend, b: Frontend): boolean {
  return a.namespace === b.namespace ? a.service < b.service : a.namespace < b.namespace;
}

function networkNodeOf(node: Node): NetworkNode {
  const { name, addresses, podCidrs, labels } = node;
  return { name, addresses, podCidrs, labels };
}

function networkPodOf(pod: Pod): NetworkPod | undefined {
  if (pod.node === undefined || pod.ips.length === 0 || pod.isFinished) return undefined;
  const { namespace, name, uid, node, ips, isHostNetwork, labels } = pod;
  return { namespace, name, uid, node, ips, isHostNetwork, labels };
}

function mapValues<A, B>(from: ReadonlyMap<string, A>, map: (a: A) => B | undefined): Map<string, B> {
  const to = new Map<string, B>();
  for (const [key, value] of from) {
    const mapped = map(value);
    if (mapped !== undefined) to.set(key, mapped);
  }
  return to;
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((it, i) => it === b[i]);
}
