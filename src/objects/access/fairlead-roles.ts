// What each process of Fairlead may do, and nothing more: the one list. A rule stands here because a line of that process needs it.

import { TO_VIEW } from './default-roles.ts';
import { allow, EVENTS, group, READ } from './role-table.ts';
import type { BindingEntry, RoleEntry } from './role-table.ts';
import type { PolicyRule } from './rule.ts';

/** Groups of the processes: the organisation of their certificates. */
export const AGENTS = 'fairlead:agents';
export const CONTROLLERS = 'fairlead:controllers';
export const KUBELETS = 'fairlead:kubelets';

/** Cluster roles of the proxies' service accounts, bound one by one as proxies are made. */
export const GATEWAY_ROLE = 'fairlead:gateway';
export const INGRESS_ROLE = 'fairlead:ingress';

const GATEWAY_GROUP = 'gateway.networking.k8s.io';
const ROUTES = ['httproutes', 'grpcroutes', 'tlsroutes', 'tcproutes', 'udproutes'];
const WITH_STATUS = ['gateways', 'listenersets', ...ROUTES, 'backendtlspolicies'];

/** An agent reads what decides over packets and writes nothing but Events: a node that is taken over tells nobody's secrets and changes no object. */
const AGENT: readonly PolicyRule[] = [
  allow(READ, '', 'namespaces nodes pods services'),
  allow(READ, 'discovery.k8s.io', 'endpointslices'),
  allow(READ, 'networking.k8s.io', 'networkpolicies'),
  allow(READ, 'policy.networking.k8s.io', 'clusternetworkpolicies'),
  allow(READ, 'fairlead.dev', 'identities'),
  // Of a Corefile that it refuses.
  allow('create', '', 'events'),
];

/** The two ConfigMaps that agents follow. */
const AGENT_SETTINGS: readonly PolicyRule[] = [allow(READ, '', 'configmaps', 'fairlead coredns')];

/** The kubelet part carries the pods of all nodes of the machine: what they mount is read as it changes. */
const KUBELET: readonly PolicyRule[] = [
  allow('list watch', '', 'configmaps secrets services'),
  allow('delete list watch', '', 'pods'),
  allow('patch', '', 'pods/status'),
  allow('create', '', 'serviceaccounts/token'),
  allow('create get patch', '', 'nodes'),
  allow('patch', '', 'nodes/status'),
  allow('create patch', 'coordination.k8s.io', 'leases'),
  allow('create patch', '', 'events'),
];

/** What has to be for objects of any kind: dependents go with their owners, everything with its namespace (as upstream's collectors). */
const CONTROLLER_OF_ALL: readonly PolicyRule[] = [allow(`delete patch update ${READ}`, '*', '*')];

const CONTROLLER_MAKES: readonly PolicyRule[] = [
  allow(
    'create',
    '',
    'configmaps endpoints events persistentvolumeclaims pods pods/binding secrets serviceaccounts services',
  ),
  allow('create', 'apps', 'controllerrevisions deployments replicasets'),
  allow('create', 'batch', 'jobs'),
  allow('create', 'discovery.k8s.io', 'endpointslices'),
  allow('create', 'fairlead.dev', 'identities'),
  // A proxy's service account gets the proxies' role, and no other.
  allow('create', 'rbac.authorization.k8s.io', 'clusterrolebindings'),
  allow('bind', 'rbac.authorization.k8s.io', 'clusterroles', `${GATEWAY_ROLE} ${INGRESS_ROLE}`),
];

const PROXY: readonly PolicyRule[] = [
  allow(READ, '', 'nodes secrets services'),
  allow(READ, 'discovery.k8s.io', 'endpointslices'),
  allow('create', '', 'events'),
];

const GATEWAY: readonly PolicyRule[] = [
  ...PROXY,
  allow(READ, '', 'configmaps namespaces'),
  allow(READ, GATEWAY_GROUP, ['gatewayclasses', 'referencegrants', ...WITH_STATUS].join(' ')),
  allow('patch', GATEWAY_GROUP, WITH_STATUS.map((it) => `${it}/status`).join(' ')),
];

const INGRESS: readonly PolicyRule[] = [
  ...PROXY,
  allow(READ, 'networking.k8s.io', 'ingressclasses ingresses'),
  allow('patch', 'networking.k8s.io', 'ingresses/status'),
];

/** Whoever may look at a namespace may look at what the cluster's network is made of. */
const NETWORK_VIEW: readonly PolicyRule[] = [
  allow(READ, 'policy.networking.k8s.io', 'clusternetworkpolicies'),
  allow(READ, 'fairlead.dev', 'identities loadbalancerpools'),
];

export const FAIRLEAD_ROLES: readonly RoleEntry[] = [
  { name: 'fairlead:agent', rules: AGENT },
  { name: 'fairlead:agent', namespace: 'kube-system', rules: AGENT_SETTINGS },
  { name: 'fairlead:controller', rules: [...CONTROLLER_OF_ALL, ...CONTROLLER_MAKES, ...EVENTS] },
  { name: 'fairlead:kubelet', rules: KUBELET },
  { name: GATEWAY_ROLE, rules: GATEWAY },
  { name: INGRESS_ROLE, rules: INGRESS },
  { name: 'fairlead:aggregate-to-view', rules: NETWORK_VIEW, labels: { [TO_VIEW]: 'true' } },
];

export const FAIRLEAD_BINDINGS: readonly BindingEntry[] = [
  { name: 'fairlead:agent', role: 'fairlead:agent', subjects: [group(AGENTS)] },
  { name: 'fairlead:agent', namespace: 'kube-system', role: 'fairlead:agent', subjects: [group(AGENTS)] },
  { name: 'fairlead:controller', role: 'fairlead:controller', subjects: [group(CONTROLLERS)] },
  { name: 'fairlead:kubelet', role: 'fairlead:kubelet', subjects: [group(KUBELETS)] },
];
