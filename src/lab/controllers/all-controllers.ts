// The list of controllers that the one-machine cluster runs, and of the kinds that they share one watch each for.

import { cachedKind, type CachedKind } from '../../controllers/cluster-cache.ts';
import type { Controller } from '../../controllers/controller.ts';
import { ENDPOINT_SLICE_KINDS, endpointSliceController } from '../../controllers/endpoint-slices.ts';
import { endpointsController } from '../../controllers/endpoints.ts';
import { gatewayClassController } from '../../controllers/gateway/gateway-classes.ts';
import { gatewayInfrastructureController } from '../../controllers/gateway/gateway-infrastructure.ts';
import { ingressInfrastructureController } from '../../controllers/gateway/ingress-infrastructure.ts';
import { leftStatusControllers, leftStatusKinds } from '../../controllers/gateway/left-statuses.ts';
import { proxyAccessController } from '../../controllers/gateway/proxy-access.ts';
import type { GatewayPodSettings } from '../../controllers/gateway/proxy-pods.ts';
import { identityController } from '../../controllers/identities.ts';
import { IDENTITY_KINDS } from '../../controllers/identity-users.ts';
import { loadBalancerAddressController } from '../../controllers/load-balancer-addresses.ts';
import { nodeSubnetController, type SubnetPlan } from '../../controllers/node-subnets.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CONTROLLER_REVISIONS,
  ENDPOINTS,
  EVENTS,
  GATEWAY_CLASSES,
  GATEWAYS,
  INGRESS_CLASSES,
  INGRESSES,
  LEASES,
  LISTENER_SETS,
  LOAD_BALANCER_POOLS,
  NAMESPACES,
  POD_DISRUPTION_BUDGETS,
  SERVICE_ACCOUNTS,
  type ResourceRef,
} from '../../kube/resource.ts';
import { cronJobController } from './cron-job/cron-job.ts';
import { daemonSetController } from './daemon-set/daemon-set.ts';
import { deploymentController } from './deployment/deployment.ts';
import { disruptionController } from './disruption-budget.ts';
import { everyKind, type EveryKind } from './every-kind.ts';
import { eventExpiry, podCollector } from './expiry.ts';
import { garbageCollector } from './garbage-collector.ts';
import { jobController } from './job/job.ts';
import { namespaceDefaultsController } from './namespace-defaults.ts';
import { namespaceDeletionController } from './namespace-deletion.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
import { replicaSetController } from './replica-set.ts';
import { statefulSetController } from './stateful-set/stateful-set.ts';
import { scheduler } from './scheduler/scheduler.ts';

export interface ControllerSettings {
  readonly subnets: SubnetPlan;
  /** The authority's certificate in PEM, for pods. */
  readonly authority: string;
  readonly gatewayPods: GatewayPodSettings;
  /** What garbage collection and the end of a namespace are about; those built in where nothing is said. */
  readonly kinds?: EveryKind;
}

export function allControllers({
  subnets,
  authority,
  gatewayPods,
  kinds = everyKind(),
}: ControllerSettings): readonly Controller[] {
  return [
    namespaceDefaultsController(authority),
    nodeSubnetController(subnets),
    deploymentController,
    replicaSetController,
    statefulSetController,
    daemonSetController,
    jobController,
    cronJobController,
    disruptionController,
    scheduler,
    endpointSliceController,
    endpointsController,
    loadBalancerAddressController,
    gatewayClassController,
    gatewayInfrastructureController(gatewayPods),
    ingressInfrastructureController(gatewayPods),
    proxyAccessController,
    ...leftStatusControllers(),
    identityController(),
    garbageCollector(kinds),
    namespaceDeletionController(kinds),
    nodeLifecycleController,
    podCollector,
    eventExpiry,
  ];
}

const WHOLE_KINDS: readonly ResourceRef[] = [
  NAMESPACES,
  LEASES,
  CONTROLLER_REVISIONS,
  POD_DISRUPTION_BUDGETS,
  ENDPOINTS,
  LOAD_BALANCER_POOLS,
  GATEWAY_CLASSES,
  GATEWAYS,
  LISTENER_SETS,
  INGRESS_CLASSES,
  INGRESSES,
  SERVICE_ACCOUNTS,
  CLUSTER_ROLE_BINDINGS,
];

/** Kinds that controllers read whole; all others are kept for garbage collection, by their metadata alone. */
export function cachedKinds({ collected }: EveryKind = everyKind()): readonly CachedKind[] {
  const kinds = new Map<string, CachedKind>();
  const whole = WHOLE_KINDS.map((resource) => cachedKind(resource));
  for (const kind of [...ENDPOINT_SLICE_KINDS, ...IDENTITY_KINDS, ...leftStatusKinds(), ...whole]) {
    const name = nameOfKind(kind.resource);
    kinds.set(name, { ...kind, indexes: { ...kinds.get(name)?.indexes, ...kind.indexes } });
  }
  for (const resource of [...collected, EVENTS]) {
    const name = nameOfKind(resource);
    if (!kinds.has(name)) kinds.set(name, { resource, keep: 'metadata' });
  }
  return [...kinds.values()];
}

function nameOfKind({ group, plural }: ResourceRef): string {
  return `${group}/${plural}`;
}
