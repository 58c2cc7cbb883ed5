// Cluster model -> what one node has to program. Cheap: it selects, it computes nothing.

import type { ClusterModel, NetworkNode, NetworkPod, NodeView } from '../model/network.ts';

/** The view of a node; undefined while the cluster does not know the node, when nothing may be concluded for it. */
export function viewOfNode(model: ClusterModel, nodeName: string): NodeView | undefined {
  const node = model.nodes.get(nodeName);
  if (node === undefined) return undefined;
  const peers = [...model.nodes.values()].filter((it) => it.name !== nodeName && isReachable(it));
  const pods = [...model.pods.values()].filter((it) => it.node === nodeName);
  return {
    node,
    peers: peers.sort((a, b) => compareTexts(a.name, b.name)),
    pods: pods.sort(comparePods),
    frontends: model.frontends,
    cluster: model.cluster,
  };
}

function isReachable(node: NetworkNode): boolean {
  return node.addresses.length > 0 && node.podCidrs.length > 0;
}

function comparePods(a: NetworkPod, b: NetworkPod): number {
  return compareTexts(a.namespace, b.namespace) || compareTexts(a.name, b.name);
}

/** By code unit: the same order on every machine, whatever its locale. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
