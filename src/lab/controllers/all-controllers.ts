// The list of controllers that the one-machine cluster runs, and of the kinds that they share one watch each for.

import { cachedKind, type CachedKind } from '../../controllers/cluster-cache.ts';
import type { Controller } from '../../controllers/controller.ts';
import { ENDPOINT_SLICE_KINDS, endpointSliceController } from '../../controllers/endpoint-slices.ts';
import { nodeSubnetController, type SubnetPlan } from '../../controllers/node-subnets.ts';
import { CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, REPLICA_SETS, SERVICE_ACCOUNTS } from '../../kube/resource.ts';
import { deploymentController } from './deployment/deployment.ts';
import { namespaceDefaultsController } from './namespace-defaults.ts';
import { replicaSetController } from './replica-set.ts';
import { scheduler } from './scheduler/scheduler.ts';

export interface ControllerSettings {
  readonly subnets: SubnetPlan;
  /** The authority's certificate in PEM, for pods. */
  readonly authority: string;
}

export function allControllers({ subnets, authority }: ControllerSettings): readonly Controller[] {
  return [
    namespaceDefaultsController(authority),
    nodeSubnetController(subnets),
    deploymentController,
    replicaSetController,
    scheduler,
    endpointSliceController,
  ];
}

export function cachedKinds(): readonly CachedKind[] {
  return [
    ...ENDPOINT_SLICE_KINDS,
    cachedKind(NAMESPACES),
    cachedKind(SERVICE_ACCOUNTS),
    { resource: CONFIG_MAPS, keep: 'metadata' },
    cachedKind(DEPLOYMENTS),
    cachedKind(REPLICA_SETS),
  ];
}
