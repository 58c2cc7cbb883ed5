// The list of controllers that the one-machine cluster runs, and of the kinds that they share one watch each for.

import { cachedKind, type CachedKind } from '../../controllers/cluster-cache.ts';
import type { Controller } from '../../controllers/controller.ts';
import { ENDPOINT_SLICE_KINDS, endpointSliceController } from '../../controllers/endpoint-slices.ts';
import { nodeSubnetController, type SubnetPlan } from '../../controllers/node-subnets.ts';
import {
  DEPLOYMENTS,
  EVENTS,
  LEASES,
  NAMESPACES,
  REPLICA_SETS,
  type ResourceRef,
} from '../../kube/resource.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { deploymentController } from './deployment/deployment.ts';
import { COLLECTED_KINDS } from './every-kind.ts';
import { eventExpiry, podCollector } from './expiry.ts';
import { garbageCollector } from './garbage-collector.ts';
import { namespaceDefaultsController } from './namespace-defaults.ts';
import { namespaceDeletionController } from './namespace-deletion.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
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
    garbageCollector,
    namespaceDeletionController,
    nodeLifecycleController,
    podCollector,
    eventExpiry,
  ];
}

/** Kinds that controllers read whole; all others are kept for garbage collection, by their metadata alone. */
export function cachedKinds(): readonly CachedKind[] {
  const whole: readonly CachedKind[] = [
    ...ENDPOINT_SLICE_KINDS,
    ...[NAMESPACES, LEASES, DEPLOYMENTS, REPLICA_SETS].map((resource) => cachedKind<KubeObject>(resource)),
  ];
  const known = new Set(whole.map(({ resource }) => nameOfKind(resource)));
  const others = [...COLLECTED_KINDS, EVENTS].filter((resource) => !known.has(nameOfKind(resource)));
  return [...whole, ...others.map((resource) => ({ resource, keep: 'metadata' }) as const)];
}

function nameOfKind({ group, plural }: ResourceRef): string {
  return `${group}/${plural}`;
}
