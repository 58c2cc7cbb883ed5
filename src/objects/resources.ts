// The registry of kinds: names, verbs and subresources of every resource that the embedded API serves and the clients know.

import type { CustomVersion } from './custom/custom-version.ts';
import { GATEWAY_GROUP } from './gateway-api/common.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** Where the subresource's kind is of another group: "autoscaling/v1". */
  readonly apiVersion: string | undefined;
  readonly verbs: readonly Verb[];
}

export interface Resource {
  /** '' for core. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  /** Its message in the wire tables: "core.Pod". */
  readonly message: string;
  /** Key of its objects in the store; resources may share one (events of both groups, versions of one kind). */
  readonly storage: string;
  /** What its objects carry as `apiVersion` there: that of the resource, or of another one that shares the key. */
  readonly storedVersion: string;
  /** metadata.generation counts changes of the specification. */
  readonly hasGeneration: boolean;
  /** What its definition says, where the resource is a custom one. */
  readonly custom?: CustomVersion;
}

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];
const STATUS_VERBS: readonly Verb[] = ['get', 'patch', 'update'];

interface Extra {
  readonly short?: readonly string[];
  readonly all?: boolean;
  readonly category?: string;
  readonly cluster?: boolean;
  readonly createOnly?: boolean;
  readonly generation?: boolean;
  readonly subresources?: readonly Subresource[];
  readonly storage?: string;
  readonly storedVersion?: string;
}

function resource(apiVersion: string, kind: string, plural: string, extra: Extra = {}): Resource {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const folder = group === '' ? 'core' : (group.split('.')[0] ?? '');
  return {
    group,
    version,
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: extra.short ?? [],
    categories: categoriesOf(extra),
    isNamespaced: extra.cluster !== true,
    verbs: extra.createOnly === true ? ['create'] : ALL_VERBS,
    subresources: extra.subresources ?? [],
    message: `${folder}.${kind}`,
    storage: extra.storage ?? (group === '' ? plural : `${plural}.${group}`),
    storedVersion: extra.storedVersion ?? apiVersion,
    hasGeneration: extra.generation === true,
  };
}

function categoriesOf({ all, category }: Extra): readonly string[] {
  return [...(all === true ? ['all'] : []), ...(category === undefined ? [] : [category])];
}

function subresource(name: string, kind: string, verbs: readonly Verb[], apiVersion?: string): Subresource {
  return { name, kind, verbs, apiVersion };
}

export function status(kind: string): Subresource {
  return subresource('status', kind, STATUS_VERBS);
}

export const SCALE = subresource('scale', 'Scale', STATUS_VERBS, 'autoscaling/v1');
const PROXY_VERBS: readonly Verb[] = ['create', 'get'];

/** A kind of the Gateway API in all its versions, the preferred one first; its objects are kept in that one. */
function gatewayKind(
  kind: string,
  plural: string,
  of: Extra & { readonly older: readonly string[] },
): readonly Resource[] {
  const extra = { ...of, category: 'gateway-api', generation: true, storedVersion: `${GATEWAY_GROUP}/v1` };
  return ['v1', ...of.older].map((it) => resource(`${GATEWAY_GROUP}/${it}`, kind, plural, extra));
}

const RBAC = 'rbac.authorization.k8s.io/v1';
const ADMISSION = 'admissionregistration.k8s.io/v1';

/** Gateway API 1.6; the versions differ in nothing. Discovery has the newest first, whatever kind comes first here. */
const GATEWAY_API: readonly Resource[] = [
  ...gatewayKind('GatewayClass', 'gatewayclasses', {
    short: ['gc'],
    cluster: true,
    subresources: [status('GatewayClass')],
    older: ['v1beta1'],
  }),
  ...gatewayKind('Gateway', 'gateways', {
    short: ['gtw'],
    subresources: [status('Gateway')],
    older: ['v1beta1'],
  }),
  ...gatewayKind('HTTPRoute', 'httproutes', { subresources: [status('HTTPRoute')], older: ['v1beta1'] }),
  ...gatewayKind('GRPCRoute', 'grpcroutes', { subresources: [status('GRPCRoute')], older: [] }),
  ...gatewayKind('TLSRoute', 'tlsroutes', {
    subresources: [status('TLSRoute')],
    older: ['v1alpha3', 'v1alpha2'],
  }),
  ...gatewayKind('TCPRoute', 'tcproutes', { subresources: [status('TCPRoute')], older: ['v1alpha2'] }),
  ...gatewayKind('UDPRoute', 'udproutes', { subresources: [status('UDPRoute')], older: ['v1alpha2'] }),
  ...gatewayKind('ReferenceGrant', 'referencegrants', { short: ['refgrant'], older: ['v1beta1'] }),
  ...gatewayKind('BackendTLSPolicy', 'backendtlspolicies', {
    short: ['btlspolicy'],
    subresources: [status('BackendTLSPolicy')],
    older: ['v1alpha3'],
  }),
  ...gatewayKind('ListenerSet', 'listenersets', {
    short: ['lset'],
    subresources: [status('ListenerSet')],
    older: [],
  }),
];

/** Every resource, in the order in which discovery lists it. */
export const RESOURCES: readonly Resource[] = [
  resource('v1', 'Binding', 'bindings', { createOnly: true }),
  resource('v1', 'ConfigMap', 'configmaps', { short: ['cm'] }),
  resource('v1', 'Endpoints', 'endpoints', { short: ['ep'] }),
  resource('v1', 'Event', 'events', { short: ['ev'] }),
  resource('v1', 'LimitRange', 'limitranges', { short: ['limits'] }),
  resource('v1', 'Namespace', 'namespaces', {
    short: ['ns'],
    cluster: true,
    subresources: [status('Namespace'), subresource('finalize', 'Namespace', ['update'])],
  }),
  resource('v1', 'Node', 'nodes', { short: ['no'], cluster: true, subresources: [status('Node')] }),
  resource('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', {
    short: ['pvc'],
    subresources: [status('PersistentVolumeClaim')],
  }),
  resource('v1', 'PersistentVolume', 'persistentvolumes', {
    short: ['pv'],
    cluster: true,
    subresources: [status('PersistentVolume')],
  }),
  resource('v1', 'Pod', 'pods', {
    short: ['po'],
    all: true,
    subresources: [
      subresource('attach', 'PodAttachOptions', PROXY_VERBS),
      subresource('binding', 'Binding', ['create']),
      subresource('ephemeralcontainers', 'Pod', STATUS_VERBS),
      subresource('eviction', 'Eviction', ['create'], 'policy/v1'),
      subresource('exec', 'PodExecOptions', PROXY_VERBS),
      subresource('log', 'Pod', ['get']),
      subresource('portforward', 'PodPortForwardOptions', PROXY_VERBS),
      status('Pod'),
    ],
  }),
  resource('v1', 'ResourceQuota', 'resourcequotas', {
    short: ['quota'],
    subresources: [status('ResourceQuota')],
  }),
  resource('v1', 'Secret', 'secrets'),
  resource('v1', 'ServiceAccount', 'serviceaccounts', {
    short: ['sa'],
    subresources: [subresource('token', 'TokenRequest', ['create'], 'authentication.k8s.io/v1')],
  }),
  resource('v1', 'Service', 'services', { short: ['svc'], all: true, subresources: [status('Service')] }),
  resource('apps/v1', 'ControllerRevision', 'controllerrevisions'),
  resource('apps/v1', 'DaemonSet', 'daemonsets', {
    short: ['ds'],
    all: true,
    generation: true,
    subresources: [status('DaemonSet')],
  }),
  resource('apps/v1', 'Deployment', 'deployments', {
    short: ['deploy'],
    all: true,
    generation: true,
    subresources: [SCALE, status('Deployment')],
  }),
  resource('apps/v1', 'ReplicaSet', 'replicasets', {
    short: ['rs'],
    all: true,
    generation: true,
    subresources: [SCALE, status('ReplicaSet')],
  }),
  resource('apps/v1', 'StatefulSet', 'statefulsets', {
    short: ['sts'],
    all: true,
    generation: true,
    subresources: [SCALE, status('StatefulSet')],
  }),
  resource('batch/v1', 'CronJob', 'cronjobs', {
    short: ['cj'],
    all: true,
    generation: true,
    subresources: [status('CronJob')],
  }),
  resource('batch/v1', 'Job', 'jobs', { all: true, generation: true, subresources: [status('Job')] }),
  resource('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', { generation: true }),
  resource('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', { cluster: true, generation: true }),
  resource('networking.k8s.io/v1', 'Ingress', 'ingresses', {
    short: ['ing'],
    generation: true,
    subresources: [status('Ingress')],
  }),
  resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', {
    short: ['netpol'],
    generation: true,
  }),
  resource('coordination.k8s.io/v1', 'Lease', 'leases'),
  resource('events.k8s.io/v1', 'Event', 'events', {
    short: ['ev'],
    storage: 'events',
    storedVersion: 'v1',
  }),
  resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', {
    short: ['pdb'],
    generation: true,
    subresources: [status('PodDisruptionBudget')],
  }),
  resource('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', 'clusternetworkpolicies', {
    short: ['cnp'],
    cluster: true,
    generation: true,
    subresources: [status('ClusterNetworkPolicy')],
  }),
  resource('storage.k8s.io/v1', 'StorageClass', 'storageclasses', { short: ['sc'], cluster: true }),
  resource('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', {
    short: ['pc'],
    cluster: true,
    generation: true,
  }),
  resource(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', { cluster: true }),
  resource(RBAC, 'ClusterRole', 'clusterroles', { cluster: true }),
  resource(RBAC, 'RoleBinding', 'rolebindings'),
  resource(RBAC, 'Role', 'roles'),
  resource(ADMISSION, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', {
    cluster: true,
    category: 'api-extensions',
    generation: true,
    subresources: [status('ValidatingAdmissionPolicy')],
  }),
  resource(ADMISSION, 'ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', {
    cluster: true,
    category: 'api-extensions',
    generation: true,
  }),
  resource('authorization.k8s.io/v1', 'LocalSubjectAccessReview', 'localsubjectaccessreviews', {
    createOnly: true,
  }),
  resource('authorization.k8s.io/v1', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', {
    cluster: true,
    createOnly: true,
  }),
  resource('authorization.k8s.io/v1', 'SelfSubjectRulesReview', 'selfsubjectrulesreviews', {
    cluster: true,
    createOnly: true,
  }),
  resource('authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews', {
    cluster: true,
    createOnly: true,
  }),
  resource('authentication.k8s.io/v1', 'SelfSubjectReview', 'selfsubjectreviews', {
    cluster: true,
    createOnly: true,
  }),
  resource('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', { cluster: true, createOnly: true }),
  ...GATEWAY_API,
  resource('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    short: ['crd', 'crds'],
    category: 'api-extensions',
    cluster: true,
    generation: true,
    subresources: [status('CustomResourceDefinition')],
  }),
  resource('fairlead.dev/v1alpha1', 'Identity', 'identities', { short: ['id'], cluster: true }),
  resource('fairlead.dev/v1alpha1', 'LoadBalancerPool', 'loadbalancerpools', {
    short: ['lbpool'],
    cluster: true,
    generation: true,
    subresources: [status('LoadBalancerPool')],
  }),
];

/** The `apiVersion` that objects of the resource carry: "v1", "apps/v1". */
export function apiVersionOf(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The resource of a path's group, version and plural name. */
export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return RESOURCES.find((it) => it.plural === plural && it.group === group && it.version === version);
}

/** The resource of an object's apiVersion and kind. */
export function resourceOfKind(apiVersion: string, kind: string): Resource | undefined {
  return RESOURCES.find((it) => it.kind === kind && apiVersionOf(it) === apiVersion);
}

export interface ResourceName {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The URL path of a collection, an object or its subresource; without a namespace: across all of them. */
export function pathOf(resource: Resource, at: ResourceName = {}): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const namespace =
    resource.isNamespaced && at.namespace !== undefined
      ? `/namespaces/${encodeURIComponent(at.namespace)}`
      : '';
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`;
  const subresource = at.subresource === undefined ? '' : `/${at.subresource}`;
  return `${root}${namespace}/${resource.plural}${name}${subresource}`;
}
