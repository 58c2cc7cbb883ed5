// The roles and bindings that every cluster has from its first moment, as Kubernetes documents them
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings), for the kinds that this server serves.

import { allow, allowPaths, EVENTS, EVERYTHING, group, READ, user, WRITE } from './role-table.ts';
import type { BindingEntry, RoleEntry } from './role-table.ts';
import type { PolicyRule } from './rule.ts';

const AGGREGATE = 'rbac.authorization.k8s.io/aggregate-to-';
export const TO_ADMIN = `${AGGREGATE}admin`;
export const TO_EDIT = `${AGGREGATE}edit`;
export const TO_VIEW = `${AGGREGATE}view`;

const GATEWAY = 'gateway.networking.k8s.io';
const ROUTES = 'httproutes grpcroutes tlsroutes tcproutes udproutes';
const GATEWAY_KINDS = `gateways listenersets ${ROUTES} backendtlspolicies referencegrants`;

const VIEW_RULES: readonly PolicyRule[] = [
  allow(
    READ,
    '',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods serviceaccounts services services/status',
  ),
  allow(
    READ,
    '',
    'bindings events limitranges namespaces/status pods/log pods/status resourcequotas resourcequotas/status',
  ),
  allow(READ, '', 'namespaces'),
  allow(READ, 'discovery.k8s.io', 'endpointslices'),
  allow(
    READ,
    'apps',
    'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
  ),
  allow(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  allow(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
  allow(READ, GATEWAY, GATEWAY_KINDS),
];

const EDIT_RULES: readonly PolicyRule[] = [
  allow(READ, '', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  allow('impersonate', '', 'serviceaccounts'),
  allow(WRITE, '', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  allow('create', '', 'pods/eviction serviceaccounts/token'),
  allow(
    WRITE,
    '',
    'configmaps events persistentvolumeclaims secrets serviceaccounts services services/proxy',
  ),
  allow(
    WRITE,
    'apps',
    'daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
  ),
  allow(WRITE, 'batch', 'cronjobs jobs'),
  allow(WRITE, 'policy', 'poddisruptionbudgets'),
  allow(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
  allow(EVERYTHING, 'coordination.k8s.io', 'leases'),
  allow(WRITE, GATEWAY, GATEWAY_KINDS),
];

const ADMIN_RULES: readonly PolicyRule[] = [
  allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  allow(EVERYTHING, 'rbac.authorization.k8s.io', 'roles rolebindings'),
];

/** For people: a namespace's, or everything. */
const USER_ROLES: readonly RoleEntry[] = [
  { name: 'cluster-admin', rules: [allow('*', '*', '*'), allowPaths('*', '*')] },
  { name: 'admin', rules: [], gathers: TO_ADMIN },
  { name: 'edit', rules: [], gathers: TO_EDIT, labels: { [TO_ADMIN]: 'true' } },
  { name: 'view', rules: [], gathers: TO_VIEW, labels: { [TO_EDIT]: 'true' } },
  { name: 'system:aggregate-to-admin', rules: ADMIN_RULES, labels: { [TO_ADMIN]: 'true' } },
  { name: 'system:aggregate-to-edit', rules: EDIT_RULES, labels: { [TO_EDIT]: 'true' } },
  { name: 'system:aggregate-to-view', rules: VIEW_RULES, labels: { [TO_VIEW]: 'true' } },
];

const HEALTH_PATHS = '/healthz /livez /readyz /version /version/';

const SYSTEM_ROLES: readonly RoleEntry[] = [
  {
    name: 'system:discovery',
    rules: [allowPaths('get', `/api /api/* /apis /apis/* /openapi /openapi/* ${HEALTH_PATHS}`)],
  },
  { name: 'system:public-info-viewer', rules: [allowPaths('get', HEALTH_PATHS)] },
  {
    name: 'system:basic-user',
    rules: [
      allow('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      allow('create', 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  {
    name: 'system:monitoring',
    rules: [allowPaths('get', '/healthz /healthz/* /livez /livez/* /metrics /metrics/* /readyz /readyz/*')],
  },
  {
    name: 'system:auth-delegator',
    rules: [
      allow('create', 'authentication.k8s.io', 'tokenreviews'),
      allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
    ],
  },
  {
    name: 'system:node',
    rules: [
      allow('create', 'authentication.k8s.io', 'tokenreviews'),
      allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
      allow(READ, '', 'services'),
      allow(`create ${READ}`, '', 'nodes'),
      allow('patch update', '', 'nodes/status'),
      allow('delete patch update', '', 'nodes'),
      ...EVENTS,
      allow(`create delete ${READ}`, '', 'pods'),
      allow('patch update', '', 'pods/status'),
      allow('create', '', 'pods/eviction serviceaccounts/token'),
      allow(READ, '', 'configmaps secrets'),
      allow('get', '', 'persistentvolumeclaims persistentvolumes'),
      allow('get', '', 'endpoints'),
      allow('create delete get patch update', 'coordination.k8s.io', 'leases'),
    ],
  },
  {
    name: 'system:node-proxier',
    rules: [
      allow('list watch', '', 'endpoints services'),
      allow(READ, '', 'nodes'),
      ...EVENTS,
      allow('list watch', 'discovery.k8s.io', 'endpointslices'),
    ],
  },
];

export const DEFAULT_ROLES: readonly RoleEntry[] = [...USER_ROLES, ...SYSTEM_ROLES];

const AUTHENTICATED = group('system:authenticated');
const UNAUTHENTICATED = group('system:unauthenticated');

/** `system:node` is bound to nobody, as upstream: who wants it for kubelets of other making binds it. */
export const DEFAULT_BINDINGS: readonly BindingEntry[] = [
  bound('cluster-admin', group('system:masters')),
  bound('system:discovery', AUTHENTICATED),
  bound('system:basic-user', AUTHENTICATED),
  bound('system:public-info-viewer', AUTHENTICATED, UNAUTHENTICATED),
  bound('system:monitoring', group('system:monitoring')),
  bound('system:node-proxier', user('system:kube-proxy')),
];

function bound(role: string, ...subjects: BindingEntry['subjects'][number][]): BindingEntry {
  return { name: role, role, subjects };
}
