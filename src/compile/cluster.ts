// Objects -> cluster model. Whole recompute as one function; a compiler that remembers what did not change beside it.

import type {
  ClusterModel,
  ClusterNetwork,
  HostPort,
  NetworkNode,
  NetworkPod,
  ServiceModel,
} from '../model/network.ts';
import type { EndpointSlice } from '../objects/endpoint-slice.ts';
import type { Node } from '../objects/node.ts';
import type { Pod } from '../objects/pod.ts';
import type { Service } from '../objects/service.ts';
import { SlicesByService, type ClusterObjects } from './cluster-objects.ts';
import { CLUSTER_DNS_SERVICE, compileService } from './service-model.ts';

/** The model of these objects; `settings.dnsIps` holds until the cluster DNS Service has addresses. */
export function compileCluster(objects: ClusterObjects, settings: ClusterNetwork): ClusterModel {
  return new ClusterCompiler(settings).compile(objects);
}

interface Compiled {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly model: ServiceModel | undefined;
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
      services: this.#services(objects),
      cluster: dnsIps.length === 0 ? this.#settings : { ...this.#settings, dnsIps },
    };
  }

  #services(objects: ClusterObjects): ReadonlyMap<string, ServiceModel> {
    const slices = new SlicesByService(objects.endpointSlices);
    const memory = new Map<string, Compiled>();
    const services = new Map<string, ServiceModel>();
    for (const [key, service] of objects.services) {
      const compiled = this.#compiled(key, service, slices.of(key));
      memory.set(key, compiled);
      if (compiled.model !== undefined) services.set(key, compiled.model);
    }
    this.#memory = memory;
    return services;
  }

  #compiled(key: string, service: Service, slices: readonly EndpointSlice[]): Compiled {
    const known = this.#memory.get(key);
    if (known !== undefined && known.service === service && isSameList(known.slices, slices)) return known;
    return { service, slices, model: compileService(service, slices) };
  }
}

function networkNodeOf(node: Node): NetworkNode {
  const { name, addresses, podCidrs, labels } = node;
  return { name, addresses, podCidrs, labels };
}

function networkPodOf(pod: Pod): NetworkPod | undefined {
  if (pod.node === undefined || pod.ips.length === 0 || pod.isFinished) return undefined;
  const { namespace, name, uid, node, ips, isHostNetwork, labels } = pod;
  const hostPorts = isHostNetwork ? [] : pod.ports.flatMap(hostPortOf);
  return { namespace, name, uid, node, ips, isHostNetwork, labels, hostPorts };
}

function hostPortOf({ hostIp, hostPort, port, protocol }: Pod['ports'][number]): readonly HostPort[] {
  return hostPort === undefined ? [] : [{ hostIp, hostPort, port, protocol }];
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
