// Objects as the API holds them, compiled to the view of the world's node as its agent does it: for rows about what a Service says.

import assert from 'node:assert/strict';
import { familyOf, parseIp } from '../../src/base/ip.ts';
import { compileCluster } from '../../src/compile/cluster.ts';
import { viewOfNode } from '../../src/compile/view.ts';
import { hintModeOf, withHints } from '../../src/controllers/topology-hints.ts';
import type { NodeView } from '../../src/model/network.ts';
import type { Endpoint, Service } from '../../src/objects/api-types.ts';
import { SlimStates } from '../states/slim-state.ts';
import { SERVICE_NODE } from '../support/service-samples.ts';
import { WORLD_NETWORK, worldNode } from './arbitrary-world.ts';
import { parseAddress } from './service-packet.ts';
import type { EndpointText, ObjectText, SliceText } from './service-rows/row.ts';

const NAME = { namespace: 'shop', name: 'web' };
const ZONE = 'topology.kubernetes.io/zone';

/** Of the node of the world, on which all pods but `remote` are. */
export function viewOfObjects({ service, slices, pod, nodeZone, settings }: ObjectText): NodeView {
  const made = { metadata: NAME, ...service } as Service;
  const labels = nodeZone === undefined ? {} : { [ZONE]: nodeZone };
  const state = new Map<string, unknown>([
    [`Node /${SERVICE_NODE.name}`, worldNode(labels)],
    ['Service shop/web', made],
    ...slices.map((it, at) => [`EndpointSlice shop/web-${at}`, sliceOf(it, at, made)] as const),
    ...(pod === undefined
      ? []
      : [['Pod shop/a', { ...pod, metadata: { namespace: 'shop', name: 'a' } }] as const]),
  ]);
  const model = compileCluster(new SlimStates().of(state), { ...WORLD_NETWORK, ...settings });
  const view = viewOfNode(model, SERVICE_NODE.name);
  assert.ok(view);
  return view;
}

/** With the hints that the controller writes for the Service, beside those that the row has. */
function sliceOf({ ports, endpoints }: SliceText, at: number, service: Service): object {
  const [first] = endpoints;
  assert.ok(first);
  const { endpoints: hinted } = withHints({
    mode: hintModeOf(service),
    endpoints: endpoints.map(endpointOf),
    nodes: [],
    zoneNow: () => undefined,
  });
  return {
    metadata: {
      namespace: NAME.namespace,
      name: `${NAME.name}-${at}`,
      labels: { 'kubernetes.io/service-name': NAME.name },
    },
    addressType: `IPv${familyOf(parseIp(parseAddress(first.at).ip))}`,
    ports,
    endpoints: hinted,
  };
}

function endpointOf({ at, isRemote, conditions, zone, forZone }: EndpointText): Endpoint {
  return {
    addresses: [parseAddress(at).ip],
    nodeName: isRemote === true ? 'node-b' : SERVICE_NODE.name,
    conditions: conditions ?? { ready: true },
    ...(zone === undefined ? {} : { zone }),
    ...(forZone === undefined ? {} : { hints: { forZones: [{ name: forZone }] } }),
  };
}
