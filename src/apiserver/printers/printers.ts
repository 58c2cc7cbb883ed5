// Which printer belongs to which kind: the one list. Columns are those of kubectl get against a Kubernetes API server.

import type { Resource } from '../../objects/resources.ts';
import {
  CLAIM,
  CONFIG_MAP,
  DISRUPTION_BUDGET,
  EVENT,
  GENERIC,
  LEASE,
  NAMESPACE,
  NODE,
  ROLE,
  ROLE_BINDING,
  SECRET,
  SERVICE_ACCOUNT,
  PRIORITY_CLASS,
  RESOURCE_QUOTA,
  STORAGE_CLASS,
  VOLUME,
} from './cluster.ts';
import { ADMISSION_BINDING, ADMISSION_POLICY } from './admission.ts';
import { customPrinter } from './custom.ts';
import { AGED, GATEWAY, GATEWAY_CLASS, LISTENER_SET, NAMED_ROUTE } from './gateway-api.ts';
import { IDENTITY } from './identity.ts';
import { LOAD_BALANCER_POOL } from './load-balancer-pool.ts';
import { CLUSTER_NETWORK_POLICY } from './cluster-network-policy.ts';
import { ENDPOINT_SLICE, ENDPOINTS, INGRESS, INGRESS_CLASS, NETWORK_POLICY, SERVICE } from './network.ts';
import { POD } from './pods.ts';
import type { Printer } from './printer.ts';
import {
  CONTROLLER_REVISION,
  CRON_JOB,
  DAEMON_SET,
  DEPLOYMENT,
  JOB,
  REPLICA_SET,
  STATEFUL_SET,
} from './workloads.ts';

const PRINTERS: Readonly<Record<string, Printer>> = {
  'core.Pod': POD,
  'core.Service': SERVICE,
  'core.Endpoints': ENDPOINTS,
  'core.Node': NODE,
  'core.Namespace': NAMESPACE,
  'core.ConfigMap': CONFIG_MAP,
  'core.Secret': SECRET,
  'core.ServiceAccount': SERVICE_ACCOUNT,
  'core.Event': EVENT,
  'core.PersistentVolumeClaim': CLAIM,
  'core.PersistentVolume': VOLUME,
  'apps.Deployment': DEPLOYMENT,
  'apps.ReplicaSet': REPLICA_SET,
  'apps.StatefulSet': STATEFUL_SET,
  'apps.DaemonSet': DAEMON_SET,
  'apps.ControllerRevision': CONTROLLER_REVISION,
  'batch.Job': JOB,
  'batch.CronJob': CRON_JOB,
  'discovery.EndpointSlice': ENDPOINT_SLICE,
  'networking.NetworkPolicy': NETWORK_POLICY,
  'networking.Ingress': INGRESS,
  'networking.IngressClass': INGRESS_CLASS,
  'coordination.Lease': LEASE,
  'events.Event': EVENT,
  'policy.PodDisruptionBudget': DISRUPTION_BUDGET,
  'policy.ClusterNetworkPolicy': CLUSTER_NETWORK_POLICY,
  'admissionregistration.ValidatingAdmissionPolicy': ADMISSION_POLICY,
  'admissionregistration.ValidatingAdmissionPolicyBinding': ADMISSION_BINDING,
  'gateway.GatewayClass': GATEWAY_CLASS,
  'gateway.Gateway': GATEWAY,
  'gateway.ListenerSet': LISTENER_SET,
  'gateway.HTTPRoute': NAMED_ROUTE,
  'gateway.GRPCRoute': NAMED_ROUTE,
  'gateway.TLSRoute': AGED,
  'gateway.TCPRoute': AGED,
  'gateway.UDPRoute': AGED,
  'gateway.ReferenceGrant': AGED,
  'gateway.BackendTLSPolicy': AGED,
  'storage.StorageClass': STORAGE_CLASS,
  'scheduling.PriorityClass': PRIORITY_CLASS,
  'core.ResourceQuota': RESOURCE_QUOTA,
  'fairlead.Identity': IDENTITY,
  'fairlead.LoadBalancerPool': LOAD_BALANCER_POOL,
  'rbac.Role': ROLE,
  'rbac.ClusterRole': ROLE,
  'rbac.RoleBinding': ROLE_BINDING,
  'rbac.ClusterRoleBinding': ROLE_BINDING,
};

/** The printer of a kind. */
export function printerOf({ message, custom }: Pick<Resource, 'message' | 'custom'>): Printer {
  return custom === undefined ? (PRINTERS[message] ?? GENERIC) : customPrinter(custom.columns);
}
