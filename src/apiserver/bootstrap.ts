// What exists in every cluster from its first moment: the namespaces of the system, and the Service by which pods find this server.

import { cidrIpAt } from '../base/cidr.ts';
import { familyOf } from '../base/ip.ts';
import { isSameJson, objectOf, type Draft } from '../objects/json.ts';
import { findResource, type Resource } from '../objects/resources.ts';
import { SYSTEM_NAMESPACES } from '../objects/system-namespaces.ts';
import { SYSTEM_PRIORITY_CLASSES } from '../objects/system-priority-classes.ts';
import type { ListenAddress } from './config.ts';
import type { ApiContext } from './context.ts';
import { createObject, updateObject } from './writes/write.ts';

const NAME = 'kubernetes';
const NAMESPACE = 'default';

/** Makes the namespaces that every cluster has. */
export function ensureNamespaces(context: ApiContext): void {
  const namespaces = resourceOf('', 'v1', 'namespaces');
  for (const name of SYSTEM_NAMESPACES) {
    if (context.store.get(namespaces.storage, name) === undefined) {
      createObject(
        context,
        namespaces,
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
        { isDryRun: false },
      );
    }
  }
}

function ensurePriorityClasses(context: ApiContext): void {
  const classes = resourceOf('scheduling.k8s.io', 'v1', 'priorityclasses');
  for (const [name, { value, description }] of Object.entries(SYSTEM_PRIORITY_CLASSES)) {
    if (context.store.get(classes.storage, name) !== undefined) continue;
    const head = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name } };
    createObject(context, classes, { ...head, value, description }, { isDryRun: false });
  }
}

/** Makes what is missing and brings the endpoints to `advertise`; changes nothing that is right. */
export function bootstrap(context: ApiContext, advertise: ListenAddress): void {
  ensureNamespaces(context);
  ensurePriorityClasses(context);
  ensure(context, resourceOf('', 'v1', 'services'), kubernetesService(context, advertise));
  ensure(context, resourceOf('discovery.k8s.io', 'v1', 'endpointslices'), kubernetesSlice(advertise));
  ensure(context, resourceOf('', 'v1', 'endpoints'), kubernetesEndpoints(advertise));
}

function resourceOf(group: string, version: string, plural: string): Resource {
  const resource = findResource(group, version, plural);
  if (resource === undefined) throw new Error(`the registry lacks ${plural}.${group}/${version}`);
  return resource;
}

/** Creates the object, or replaces the parts of it that differ from `wanted`. */
function ensure(context: ApiContext, resource: Resource, wanted: Draft): void {
  const previous = context.store.get(resource.storage, `${NAMESPACE}/${NAME}`);
  if (previous === undefined) {
    createObject(context, resource, wanted, { isDryRun: false });
    return;
  }
  const { metadata: _metadata, spec, ...parts } = wanted;
  const draft = structuredClone(previous.object) as unknown as Draft;
  const next = {
    ...draft,
    ...parts,
    ...(spec === undefined ? {} : { spec: { ...objectOf(draft['spec']), ...objectOf(spec) } }),
  };
  if (!isSameJson(next, draft)) updateObject(context, resource, next, { previous, isDryRun: false });
}

function kubernetesService({ config }: ApiContext, { port }: ListenAddress): Draft {
  const [cidr] = config.serviceCidrs;
  const clusterIP = cidr === undefined ? {} : { clusterIP: cidrIpAt(cidr, 1) };
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: { ...clusterIP, ipFamilyPolicy: 'SingleStack', ports },
  };
}

function kubernetesSlice({ host, port }: ListenAddress): Draft {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: NAME, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': NAME } },
    addressType: `IPv${familyOf(host)}`,
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

function kubernetesEndpoints({ host, port }: ListenAddress): Draft {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [{ addresses: [{ ip: host }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}
