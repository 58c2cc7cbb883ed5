// Which defaults belong to which kind: the one list. Absent fields get their values here and nowhere else.

import type { Draft } from '../json.ts';
import { defaultAdmissionBinding, defaultAdmissionPolicy } from './admission.ts';
import { defaultCustomResourceDefinition } from './custom-resource-definition.ts';
import {
  defaultIngressClass,
  defaultNamespace,
  defaultNetworkPolicy,
  defaultPersistentVolume,
  defaultPersistentVolumeClaim,
  defaultRoleBinding,
  defaultSecret,
  defaultPriorityClass,
  defaultStorageClass,
} from './others.ts';
import {
  defaultGateway,
  defaultGrpcRoute,
  defaultHttpRoute,
  defaultListenerSet,
  defaultStreamRoute,
} from './gateway-api.ts';
import { defaultLoadBalancerPool } from './load-balancer-pool.ts';
import { defaultPod } from './pod.ts';
import { defaultEndpoints, defaultEndpointSlice, defaultService } from './service.ts';
import {
  defaultCronJob,
  defaultDaemonSet,
  defaultDeployment,
  defaultJob,
  defaultReplicaSet,
  defaultStatefulSet,
} from './workloads.ts';

// `never`: each function takes its own kind's type, and the key beside it says which objects it gets.
const DEFAULTS: Readonly<Record<string, (object: never) => void>> = {
  'core.Pod': defaultPod,
  'core.Service': defaultService,
  'core.Endpoints': defaultEndpoints,
  'core.Namespace': defaultNamespace,
  'core.Secret': defaultSecret,
  'core.PersistentVolumeClaim': defaultPersistentVolumeClaim,
  'core.PersistentVolume': defaultPersistentVolume,
  'discovery.EndpointSlice': defaultEndpointSlice,
  'apps.Deployment': defaultDeployment,
  'apps.ReplicaSet': defaultReplicaSet,
  'apps.StatefulSet': defaultStatefulSet,
  'apps.DaemonSet': defaultDaemonSet,
  'batch.Job': defaultJob,
  'batch.CronJob': defaultCronJob,
  'networking.NetworkPolicy': defaultNetworkPolicy,
  'networking.IngressClass': defaultIngressClass,
  'gateway.Gateway': defaultGateway,
  'gateway.ListenerSet': defaultListenerSet,
  'gateway.HTTPRoute': defaultHttpRoute,
  'gateway.GRPCRoute': defaultGrpcRoute,
  'gateway.TLSRoute': defaultStreamRoute,
  'gateway.TCPRoute': defaultStreamRoute,
  'gateway.UDPRoute': defaultStreamRoute,
  'storage.StorageClass': defaultStorageClass,
  'scheduling.PriorityClass': defaultPriorityClass,
  'apiextensions.CustomResourceDefinition': defaultCustomResourceDefinition,
  'admissionregistration.ValidatingAdmissionPolicy': defaultAdmissionPolicy,
  'admissionregistration.ValidatingAdmissionPolicyBinding': defaultAdmissionBinding,
  'fairlead.LoadBalancerPool': defaultLoadBalancerPool,
  'rbac.RoleBinding': defaultRoleBinding,
  'rbac.ClusterRoleBinding': defaultRoleBinding,
};

/** Fills an object of `message` ("core.Pod") in place; its field types must have been checked before. */
export function applyDefaults(message: string, object: Draft): void {
  const apply = DEFAULTS[message] as ((object: Draft) => void) | undefined;
  apply?.(object);
}
