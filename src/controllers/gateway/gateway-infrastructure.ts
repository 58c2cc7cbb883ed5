// Makes for every Gateway of our classes what carries it, and keeps it as the Gateway says. What a Gateway owned goes with it, by its owner references.

import {
  DEPLOYMENTS,
  GATEWAY_CLASSES,
  GATEWAYS,
  LISTENER_SETS,
  SERVICE_ACCOUNTS,
  SERVICES,
  type ResourceRef,
} from '../../kube/resource.ts';
import { GATEWAY_ROLE } from '../../objects/access/fairlead-roles.ts';
import { parseGateway, parseListenerSet, type Gateway } from '../../objects/gateway-api/gateway.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import type { Action } from '../action.ts';
import { ownKey, source, type ClusterReader, type Controller, type ReconcileContext } from '../controller.ts';
import { isOwnClass } from './gateway-classes.ts';
import { GATEWAY_NAME_LABEL, serviceOfGateway, workloadOfGateway } from './gateway-pods.ts';
import { gatewayOfSet } from './gateway-of-set.ts';
import { keptObject } from './kept-object.ts';
import { keptAccess } from './proxy-access.ts';
import { deploymentOf, serviceAccountOf, type GatewayPodSettings, type PortOfProxy } from './proxy-pods.ts';

export function gatewayInfrastructureController(settings: GatewayPodSettings): Controller {
  return {
    name: 'gateway-controller',
    sources: [
      ownKey(GATEWAYS),
      source(GATEWAY_CLASSES, ({ key }, cluster) => gatewaysOfClass(key, cluster)),
      source(LISTENER_SETS, ({ before, after }) => [before, after].flatMap((it) => gatewayOfSet(it) ?? [])),
      ...[DEPLOYMENTS, SERVICES, SERVICE_ACCOUNTS].map((resource) => ofGateway(resource)),
    ],
    reconcile: (key, context) => reconcileGateway(key, settings, context),
  };
}

export function reconcileGateway(
  key: string,
  settings: GatewayPodSettings,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const object = cluster.of(GATEWAYS).get(key);
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return [];
  const { gatewayClassName } = object['spec'] as { readonly gatewayClassName?: string };
  if (!isOwnClass(cluster.of(GATEWAY_CLASSES).get(gatewayClassName ?? ''))) return [];
  const gateway = parseGateway(object);
  const ports = portsOf(gateway, cluster);
  const workload = workloadOfGateway(gateway);
  return [
    ...keptObject(SERVICE_ACCOUNTS, serviceAccountOf(workload), object, cluster),
    ...keptAccess(workload, GATEWAY_ROLE, cluster),
    ...keptObject(DEPLOYMENTS, deploymentOf(workload, settings, ports), object, cluster),
    // A Service needs a port; a Gateway whose listeners are all of ListenerSets has none at first.
    ...(ports.length === 0 ? [] : keptObject(SERVICES, serviceOfGateway(gateway, ports), object, cluster)),
  ];
}

/** Of all its listeners, also of those that are not served yet: a port that nobody opens refuses. */
function portsOf(gateway: Gateway, cluster: ClusterReader): readonly PortOfProxy[] {
  const sets = [...cluster.of(LISTENER_SETS).values()].filter(
    (it) => gatewayOfSet(it) === objectKey(gateway),
  );
  const listeners = [...gateway.listeners, ...sets.flatMap((it) => listenersOfSet(it))];
  const ports = new Map<string, PortOfProxy>();
  for (const { port, protocol: named } of listeners) {
    const protocol = named === 'UDP' ? 'UDP' : 'TCP';
    ports.set(`${port}/${protocol}`, { port, protocol });
  }
  return [...ports.values()].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}

/** One that cannot be read asks for nothing; its own status says why. */
function listenersOfSet(object: KubeObject): Gateway['listeners'] {
  try {
    return parseListenerSet(object).listeners;
  } catch {
    return [];
  }
}

function gatewaysOfClass(name: string, cluster: ClusterReader): readonly string[] {
  return [...cluster.of(GATEWAYS).entries()].flatMap(([key, object]) => {
    const { gatewayClassName } = object['spec'] as { readonly gatewayClassName?: string };
    return gatewayClassName === name ? [key] : [];
  });
}

function ofGateway(resource: ResourceRef): ReturnType<typeof source> {
  return source(resource, ({ before, after }) =>
    [before, after].flatMap((it) => {
      const name = it?.metadata.labels?.[GATEWAY_NAME_LABEL];
      return name === undefined ? [] : [`${it?.metadata.namespace ?? ''}/${name}`];
    }),
  );
}
