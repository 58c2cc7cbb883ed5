// What runs pods: one end of the questions about policies, whatever number of replicas it has. From the objects that carry a pod template.

import type { RawContainerPort, RawPod } from '../oracle/raw-objects.ts';
import { listOf, objectOf, textOf } from '../objects/json.ts';
import { namespaceOf, type PlacedObject } from './placed-object.ts';

/** Where the pod's own fields stand in each kind; of several names of a kind the first is its own. */
const TEMPLATES: Readonly<
  Record<string, { readonly field: string; readonly shortNames: readonly string[] }>
> = {
  Pod: { field: '', shortNames: ['po'] },
  Deployment: { field: 'spec.template', shortNames: ['deploy'] },
  StatefulSet: { field: 'spec.template', shortNames: ['sts'] },
  DaemonSet: { field: 'spec.template', shortNames: ['ds'] },
  ReplicaSet: { field: 'spec.template', shortNames: ['rs'] },
  Job: { field: 'spec.template', shortNames: [] },
  CronJob: { field: 'spec.jobTemplate.spec.template', shortNames: ['cj'] },
};

export interface Workload {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly placed: PlacedObject;
  /** "spec.template", empty of a Pod: where `metadata.labels` and `spec` of its pods stand. */
  readonly templateField: string;
  /** One of its pods: named "Kind/name", so that no two workloads share a name; without an address where none is known. */
  readonly pod: RawPod;
}

/** "shop/Deployment/web". */
export function nameOfWorkload({ namespace, kind, name }: Workload): string {
  return `${namespace}/${kind}/${name}`;
}

/** The kind that a word stands for ("deploy", "deployments", "Deployment"); undefined of none that runs pods. */
export function workloadKindOf(word: string): string | undefined {
  const asked = word.toLowerCase();
  return Object.entries(TEMPLATES).find(([kind, { shortNames }]) => {
    const own = kind.toLowerCase();
    return own === asked || `${own}s` === asked || shortNames.includes(asked);
  })?.[0];
}

/** The workload that an object is; undefined where it runs no pods, or what it runs has ended. */
export function workloadOf(placed: PlacedObject): Workload | undefined {
  const { kind } = placed.object;
  const templateField = Object.hasOwn(TEMPLATES, kind) ? TEMPLATES[kind]?.field : undefined;
  if (templateField === undefined) return undefined;
  const template = fieldOf(placed.object, templateField);
  const [namespace, name] = [namespaceOf(placed), placed.object.metadata.name];
  const status = kind === 'Pod' ? objectOf(placed.object['status']) : {};
  if (status['phase'] === 'Succeeded' || status['phase'] === 'Failed') return undefined;
  const labels = { ...labelsIn(template), ...(kind === 'Job' ? labelsOfJob(name) : {}) };
  const metadata = { namespace, name: `${kind}/${name}`, labels };
  const pod = { metadata, spec: specOf(objectOf(template['spec'])), status: { podIPs: ipsOf(status) } };
  return { kind, namespace, name, placed, templateField, pod };
}

/** True of what another object of the set made: that one stands for it. */
export function isOwnedBy(placed: PlacedObject, all: ReadonlySet<string>): boolean {
  const controller = controllerOf(placed);
  return controller !== undefined && all.has(controller);
}

/** The key of what made the object and keeps it; undefined of what somebody made by hand. */
export function controllerOf(placed: PlacedObject): string | undefined {
  const owners = listOf(objectOf(placed.object.metadata)['ownerReferences']).map(objectOf);
  const controller = owners.find((it) => it['controller'] === true);
  return controller && ownerKey(namespaceOf(placed), controller['kind'], controller['name']);
}

export function ownerKey(namespace: string, kind: unknown, name: unknown): string {
  return `${namespace}/${textOf(kind) ?? ''}/${textOf(name) ?? ''}`;
}

function fieldOf(object: PlacedObject['object'], field: string): Found {
  let value: Found = object;
  for (const step of field === '' ? [] : field.split('.')) value = objectOf(value[step]);
  return value;
}

type Found = Readonly<Record<string, unknown>>;

/** Read field by field: dumps hold much that is nobody's affair here, in shapes of newer versions too. */
function specOf(spec: Found): RawPod['spec'] {
  const nodeName = textOf(spec['nodeName']);
  return {
    hostNetwork: spec['hostNetwork'] === true,
    ...(nodeName === undefined ? {} : { nodeName }),
    containers: listOf(spec['containers']).map((it) => ({ ports: portsOf(objectOf(it)) })),
    initContainers: listOf(spec['initContainers'])
      .map(objectOf)
      .map((it) => ({ restartPolicy: textOf(it['restartPolicy']) ?? '', ports: portsOf(it) })),
  };
}

function portsOf(container: Found): readonly RawContainerPort[] {
  return listOf(container['ports']).map((it) => {
    const { name, containerPort, protocol } = objectOf(it);
    return {
      name: textOf(name) ?? '',
      containerPort: Number(containerPort),
      protocol: textOf(protocol) ?? 'TCP',
    };
  });
}

function ipsOf(status: Found): readonly { readonly ip: string }[] {
  return listOf(status['podIPs']).flatMap((it) => {
    const ip = textOf(objectOf(it)['ip']);
    return ip === undefined ? [] : [{ ip }];
  });
}

function labelsIn(template: Found): Readonly<Record<string, string>> {
  const labels = objectOf(objectOf(template['metadata'])['labels']);
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
}

/** What the controller of Jobs writes on every pod of one. */
function labelsOfJob(name: string): Readonly<Record<string, string>> {
  return { 'job-name': name, 'batch.kubernetes.io/job-name': name };
}
