// Objects -> cluster model: whole, as one function. Whoever compiles again and again uses `NodeCompiler`, which is held equal to it.

import type { ClusterModel, ClusterNetwork, HostPort, NetworkNode, NetworkPod } from '../model/network.ts';
import type { Node } from '../objects/node.ts';
import type { Pod } from '../objects/pod.ts';
import { objectKey } from '../objects/slim-meta.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { ServiceInputs } from './service-inputs.ts';
import { CLUSTER_DNS_SERVICE, compileService } from './service-model.ts';

/** The model of these objects; `settings.dnsIps` holds until the cluster DNS Service has addresses. */
export function compileCluster(objects: ClusterObjects, settings: ClusterNetwork): ClusterModel {
  const inputs = new ServiceInputs();
  inputs.update(objects, undefined);
  return {
    nodes: mapValues(objects.nodes, networkNodeOf),
    pods: mapValues(objects.pods, networkPodOf),
    services: mapValues(objects.services, (service) =>
      compileService(service, inputs.slicesOf(objectKey(service))),
    ),
    cluster: clusterNetworkOf(objects, settings),
  };
}

export function clusterNetworkOf(
  objects: Pick<ClusterObjects, 'services'>,
  settings: ClusterNetwork,
): ClusterNetwork {
  const dnsIps = objects.services.get(CLUSTER_DNS_SERVICE)?.clusterIps ?? [];
  return dnsIps.length === 0 ? settings : { ...settings, dnsIps };
}

export function networkNodeOf(node: Node): NetworkNode {
  const { name, addresses, podCidrs, labels } = node;
  return { name, addresses, podCidrs, labels };
}

export function networkPodOf(pod: Pod): NetworkPod | undefined {
  if (pod.node === undefined || pod.ips.length === 0 || pod.isFinished) return undefined;
  const { namespace, name, uid, node, ips, isHostNetwork, labels } = pod;
  const hostPorts = isHostNetwork ? [] : pod.ports.flatMap(hostPortOf);
  return { namespace, name, uid, node, ips, isHostNetwork, labels, hostPorts };
}

function hostPortOf({ hostIp, hostPort, port, protocol }: Pod['ports'][number]): readonly HostPort[] {
  return hostPort === undefined ? [] : [{ hostIp, hostPort, port, protocol }];
}

export function mapValues<A, B>(from: ReadonlyMap<string, A>, map: (a: A) => B | undefined): Map<string, B> {
  const to = new Map<string, B>();
  for (const [key, value] of from) {
    const mapped = map(value);
    if (mapped !== undefined) to.set(key, mapped);
  }
  return to;
}
