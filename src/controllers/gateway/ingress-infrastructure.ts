// Makes for every IngressClass of ours that has Ingresses the one proxy that serves them, and takes it away after the last one.

import {
  DEPLOYMENTS,
  INGRESS_CLASSES,
  INGRESSES,
  SERVICE_ACCOUNTS,
  SERVICES,
  type ResourceRef,
} from '../../kube/resource.ts';
import { INGRESS_ROLE } from '../../objects/access/fairlead-roles.ts';
import {
  defaultClassName,
  INGRESS_CONTROLLER,
  parseIngress,
  parseIngressClass,
  type Ingress,
  type IngressClass,
} from '../../objects/ingress.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { apiVersionOf } from '../../objects/resources.ts';
import { objectKey } from '../../objects/slim-meta.ts';
import { deleteAction, type Action } from '../action.ts';
import { source, type ClusterReader, type Controller, type ReconcileContext } from '../controller.ts';
import { keptObject } from './kept-object.ts';
import { keptAccess } from './proxy-access.ts';
import {
  deploymentOf,
  serviceAccountOf,
  serviceOf,
  workloadName,
  type GatewayPodSettings,
  type PortOfProxy,
  type ProxyWorkload,
  type WorkloadDraft,
} from './proxy-pods.ts';

const INGRESS_NAMESPACE = 'kube-system';
const CLASS_LABEL = 'fairlead.dev/ingress-class';
const PORTS: readonly PortOfProxy[] = [80, 443].map((port) => ({ port, protocol: 'TCP' }));

export function ingressInfrastructureController(settings: GatewayPodSettings): Controller {
  return {
    name: 'ingress-controller',
    // Which class an Ingress is of may change with any class, and there are few.
    sources: [
      source(INGRESS_CLASSES, (_, cluster) => classNames(cluster)),
      source(INGRESSES, (_, cluster) => classNames(cluster)),
      ...[DEPLOYMENTS, SERVICES, SERVICE_ACCOUNTS].map((resource) => ofClass(resource)),
    ],
    reconcile: (key, context) => reconcileIngressClass(key, settings, context),
  };
}

export function reconcileIngressClass(
  name: string,
  settings: GatewayPodSettings,
  { cluster }: Pick<ReconcileContext, 'cluster'>,
): readonly Action[] {
  const object = cluster.of(INGRESS_CLASSES).get(name);
  // What it owned goes with a class, by the owner references.
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return [];
  const parsed = parsedClass(object);
  if (parsed?.controllerName !== INGRESS_CONTROLLER) return [];
  const workload = workloadOfClass(parsed);
  const account = serviceAccountOf(workload);
  const kinds: readonly (readonly [ResourceRef, WorkloadDraft])[] = [
    [DEPLOYMENTS, deploymentOf(workload, settings, PORTS)],
    [SERVICES, serviceOf(workload, PORTS)],
  ];
  if (isServed(name, objectKey(workload), cluster))
    return [
      ...keptObject(SERVICE_ACCOUNTS, account, object, cluster),
      ...keptAccess(workload, INGRESS_ROLE, cluster),
      ...kinds.flatMap(([resource, wanted]) => keptObject(resource, wanted, object, cluster)),
    ];
  return [SERVICE_ACCOUNTS, ...kinds.map(([resource]) => resource)].flatMap((resource) => {
    const found = cluster.of(resource).get(objectKey(workload));
    const isOurs = (found?.metadata.ownerReferences ?? []).some((it) => it.uid === object.metadata.uid);
    return found !== undefined && isOurs ? [deleteAction(resource, found)] : [];
  });
}

/**
 * While Ingresses are of the class, and while one that has left it still has the Service's addresses in its status: the proxy's own process takes them away, and
 * nobody else would know that they were its.
 */
function isServed(className: string, serviceKey: string, cluster: ClusterReader): boolean {
  const inherited = defaultClassName([...cluster.of(INGRESS_CLASSES).values()].flatMap(parsedClassList));
  const service = cluster.of(SERVICES).get(serviceKey);
  const own = JSON.stringify(addressesIn(service));
  return [...cluster.of(INGRESSES).values()].some((it) => {
    const parsed = parsedIngress(it);
    if (parsed !== undefined && (parsed.className ?? inherited) === className) return true;
    const shown = addressesIn(it);
    return shown.length > 0 && JSON.stringify(shown) === own;
  });
}

function addressesIn(object: KubeObject | undefined): readonly (string | undefined)[] {
  const status = object?.['status'] as
    { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } } | undefined;
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
}

function workloadOfClass({ name, uid }: IngressClass): ProxyWorkload {
  const selector = { [CLASS_LABEL]: name };
  const { kind } = INGRESS_CLASSES;
  return {
    // "fairlead-ingress"
    name: workloadName(`${name}-ingress`),
    namespace: INGRESS_NAMESPACE,
    labels: selector,
    annotations: {},
    selector,
    owner: {
      apiVersion: apiVersionOf(INGRESS_CLASSES),
      kind,
      name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    },
    subject: ['--ingress-class', name],
  };
}

/** An object that cannot be read is nobody's. */
function parsedClass(object: KubeObject): IngressClass | undefined {
  try {
    return parseIngressClass(object);
  } catch {
    return undefined;
  }
}

function parsedClassList(object: KubeObject): readonly IngressClass[] {
  const parsed = parsedClass(object);
  return parsed === undefined ? [] : [parsed];
}

function parsedIngress(object: KubeObject): Ingress | undefined {
  try {
    return parseIngress(object);
  } catch {
    return undefined;
  }
}

function classNames(cluster: ClusterReader): readonly string[] {
  return [...cluster.of(INGRESS_CLASSES).keys()];
}

function ofClass(resource: ResourceRef): ReturnType<typeof source> {
  return source(resource, ({ before, after }) =>
    [before, after].flatMap((it) => it?.metadata.labels?.[CLASS_LABEL] ?? []),
  );
}
