// The registry's kinds with their TypeScript types attached: what the client's methods take to know what they return.

import { FairleadError } from '../base/errors.ts';
import type {
  ConfigMap,
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  Job,
  Lease,
  Namespace,
  NetworkPolicy,
  Node,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
} from '../objects/api-types.ts';
import type { IdentityObject } from '../objects/identity.ts';
import type { LoadBalancerPool } from '../objects/load-balancer-pool.ts';
import type { KubeObject, ObjectMeta } from '../objects/meta.ts';
import { apiVersionOf, resourceOfKind, type Resource } from '../objects/resources.ts';

/** One kind of the API. `object` never has a value: it only carries the type. */
export interface ResourceRef<T extends KubeObject = KubeObject> extends Pick<
  Resource,
  'group' | 'version' | 'kind' | 'plural' | 'isNamespaced'
> {
  readonly object?: T;
}

/** An object to be created or to replace another: what the server fills in may be absent. */
export type Draft<T extends KubeObject = KubeObject> = Partial<Omit<T, 'metadata'>> & {
  readonly metadata: Partial<ObjectMeta>;
};

/** Names one object; `namespace` is undefined for kinds without one. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** The key under which caches hold an object: "namespace/name", or "name" where there is no namespace. */
export function keyOfName({ namespace, name }: ObjectName): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The inverse of `keyOfName`. */
export function nameOfKey(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** "/api/v1/namespaces/shop/pods/web-1/status"; without `name` the collection, without `namespace` that of all namespaces. */
export function resourcePath(
  resource: ResourceRef,
  at: Partial<ObjectName> = {},
  subresource?: string,
): string {
  const parts = [resource.group === '' ? 'api' : 'apis', ...apiVersionOf(resource).split('/')];
  if (resource.isNamespaced && at.namespace !== undefined) parts.push('namespaces', at.namespace);
  parts.push(resource.plural);
  if (at.name !== undefined) parts.push(at.name);
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** A kind of the registry with its type; throws `internal` for one that is not there. */
export function resourceRef<T extends KubeObject>(apiVersion: string, kind: string): ResourceRef<T> {
  const resource = resourceOfKind(apiVersion, kind);
  if (resource === undefined)
    throw new FairleadError('internal', `Cannot use ${apiVersion} ${kind}: no such kind`);
  return resource;
}

export const CONFIG_MAPS = resourceRef<ConfigMap>('v1', 'ConfigMap');
export const ENDPOINTS = resourceRef<Endpoints>('v1', 'Endpoints');
export const EVENTS = resourceRef<Event>('v1', 'Event');
export const NAMESPACES = resourceRef<Namespace>('v1', 'Namespace');
export const NODES = resourceRef<Node>('v1', 'Node');
export const PERSISTENT_VOLUME_CLAIMS = resourceRef<PersistentVolumeClaim>('v1', 'PersistentVolumeClaim');
export const PODS = resourceRef<Pod>('v1', 'Pod');
export const SECRETS = resourceRef<Secret>('v1', 'Secret');
export const SERVICE_ACCOUNTS = resourceRef<ServiceAccount>('v1', 'ServiceAccount');
export const SERVICES = resourceRef<Service>('v1', 'Service');
export const CONTROLLER_REVISIONS = resourceRef<ControllerRevision>('apps/v1', 'ControllerRevision');
export const DAEMON_SETS = resourceRef<DaemonSet>('apps/v1', 'DaemonSet');
export const DEPLOYMENTS = resourceRef<Deployment>('apps/v1', 'Deployment');
export const REPLICA_SETS = resourceRef<ReplicaSet>('apps/v1', 'ReplicaSet');
export const STATEFUL_SETS = resourceRef<StatefulSet>('apps/v1', 'StatefulSet');
export const CRON_JOBS = resourceRef<CronJob>('batch/v1', 'CronJob');
export const JOBS = resourceRef<Job>('batch/v1', 'Job');
export const ENDPOINT_SLICES = resourceRef<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice');
export const LEASES = resourceRef<Lease>('coordination.k8s.io/v1', 'Lease');
export const POD_DISRUPTION_BUDGETS = resourceRef<PodDisruptionBudget>('policy/v1', 'PodDisruptionBudget');
export const NETWORK_POLICIES = resourceRef<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy');
export const CLUSTER_NETWORK_POLICIES = resourceRef(
  'policy.networking.k8s.io/v1alpha2',
  'ClusterNetworkPolicy',
);
export const CLUSTER_ROLE_BINDINGS = resourceRef('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding');

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
export const INGRESSES = resourceRef('networking.k8s.io/v1', 'Ingress');
export const INGRESS_CLASSES = resourceRef('networking.k8s.io/v1', 'IngressClass');
export const GATEWAY_CLASSES = resourceRef(GATEWAY_API, 'GatewayClass');
export const GATEWAYS = resourceRef(GATEWAY_API, 'Gateway');
export const LISTENER_SETS = resourceRef(GATEWAY_API, 'ListenerSet');
export const HTTP_ROUTES = resourceRef(GATEWAY_API, 'HTTPRoute');
export const GRPC_ROUTES = resourceRef(GATEWAY_API, 'GRPCRoute');
export const TLS_ROUTES = resourceRef(GATEWAY_API, 'TLSRoute');
export const TCP_ROUTES = resourceRef(GATEWAY_API, 'TCPRoute');
export const UDP_ROUTES = resourceRef(GATEWAY_API, 'UDPRoute');
export const REFERENCE_GRANTS = resourceRef(GATEWAY_API, 'ReferenceGrant');
export const BACKEND_TLS_POLICIES = resourceRef(GATEWAY_API, 'BackendTLSPolicy');

export const DEFINITIONS = resourceRef('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
export const IDENTITIES = resourceRef<IdentityObject>('fairlead.dev/v1alpha1', 'Identity');
export const LOAD_BALANCER_POOLS = resourceRef<LoadBalancerPool>('fairlead.dev/v1alpha1', 'LoadBalancerPool');
