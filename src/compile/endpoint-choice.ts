// Which endpoints a node's clients may be sent to: topology hints, traffic policies, terminating endpoints. As kube-proxy chooses
// (kubernetes/kubernetes pkg/proxy/topology.go; KEP-1669, KEP-2086, KEP-2433, KEP-3015).

import type { Endpoint, EndpointChoice, ServiceEndpoint } from '../model/network.ts';

/** Who chooses. */
export interface ChoosingNode {
  readonly name: string;
  /** Label topology.kubernetes.io/zone, undefined for none. */
  readonly zone: string | undefined;
}

/** Endpoints anywhere: ready ones that the hints mean for this node, or those that serve their last where there is no ready one. */
export function chooseAnywhere(endpoints: readonly ServiceEndpoint[], node: ChoosingNode): EndpointChoice {
  const ready = endpoints.filter((it) => it.isReady);
  const chosen = ready.length > 0 ? byHints(ready, node) : endpoints.filter((it) => it.isServingLast);
  return { endpoints: chosen.map(endpointOf), whenEmpty: 'refuse' };
}

/** Endpoints of this node alone; where others have some, its clients meet silence, so that whoever balances over nodes goes elsewhere. */
export function chooseLocal(endpoints: readonly ServiceEndpoint[], node: ChoosingNode): EndpointChoice {
  const local = endpoints.filter((it) => it.node === node.name);
  const ready = local.filter((it) => it.isReady);
  const chosen = ready.length > 0 ? ready : local.filter((it) => it.isServingLast);
  return { endpoints: chosen.map(endpointOf), whenEmpty: endpoints.length === 0 ? 'refuse' : 'drop' };
}

/** Hints count only where every ready endpoint has them and at least one means this node, or its zone. */
function byHints(ready: readonly ServiceEndpoint[], node: ChoosingNode): readonly ServiceEndpoint[] {
  if (ready.every((it) => it.nodeHints.length > 0)) {
    const near = ready.filter((it) => it.nodeHints.includes(node.name));
    if (near.length > 0) return near;
  }
  const { zone } = node;
  if (zone !== undefined && ready.every((it) => it.zoneHints.length > 0)) {
    const near = ready.filter((it) => it.zoneHints.includes(zone));
    if (near.length > 0) return near;
  }
  return ready;
}

function endpointOf({ ip, port, node, isReady }: ServiceEndpoint): Endpoint {
  return { ip, port, node, isTerminating: !isReady };
}
