// What the server itself decides about objects when they are written, kind by kind: status at creation, addresses, selectors of jobs.

import { DEFINITION_MESSAGE } from '../../objects/custom/definition.ts';
import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import type { Resource } from '../../objects/resources.ts';
import type { FieldError } from '../../objects/validation/field-error.ts';
import type { ApiContext } from '../context.ts';
import { admitDefinition } from '../custom/admit-definition.ts';
import { metadataOf, partOf } from '../writes/draft.ts';
import { pendingStatus } from './pending-status.ts';
import { allocateNodePorts } from './node-ports.ts';
import { admitPriorityClass } from './priority.ts';
import { qosClassOf } from './qos-class.ts';
import { keepServiceAccountVolume } from './service-account-volume.ts';
import { allocateAddresses } from './service-addresses.ts';
import { carryOver, loadBalancerStatus } from './service-carry-over.ts';

/** Status of these is written with the object itself: kubelets create their node whole. */
const STATUS_AT_CREATION = ['core.Node'];

/** Completes a draft that has its defaults and identity; gives what cannot be had. */
export function prepareCreate(context: ApiContext, resource: Resource, draft: Draft): readonly FieldError[] {
  const hasStatus = resource.subresources.some(({ name }) => name === 'status');
  if (hasStatus && !STATUS_AT_CREATION.includes(resource.message)) delete draft['status'];
  switch (resource.message) {
    case 'core.Pod':
      draft['status'] = { phase: 'Pending', qosClass: qosClassOf(objectOf(draft['spec'])) };
      return [];
    case 'core.Namespace':
      draft['spec'] = { finalizers: ['kubernetes'] };
      draft['status'] = { phase: 'Active' };
      return [];
    case 'core.PersistentVolumeClaim':
    case 'core.PersistentVolume':
      draft['status'] = { phase: 'Pending' };
      return [];
    case 'core.Service':
      draft['status'] = { loadBalancer: {} };
      return allocate(context, draft, undefined);
    case DEFINITION_MESSAGE:
      admitDefinition(context, resource, draft);
      return [];
    case 'scheduling.PriorityClass':
      admitPriorityClass(context, resource, draft);
      return [];
    case 'batch.Job':
      selectPodsOfJob(draft);
      return [];
    default: {
      const status = pendingStatus(resource.message);
      if (status !== undefined) draft['status'] = status;
      return [];
    }
  }
}

/** The same for an update of the main resource; `current` is the stored object. */
export function prepareUpdate(
  context: ApiContext,
  resource: Resource,
  draft: Draft,
  current: KubeObject,
): readonly FieldError[] {
  const hasStatus = resource.subresources.some(({ name }) => name === 'status');
  if (hasStatus) keep(draft, current, 'status');
  switch (resource.message) {
    case 'core.Pod':
      keepServiceAccountVolume(draft, current);
      return [];
    case 'core.Namespace':
      // Finalizers of a namespace change by its finalize subresource alone.
      keep(draft, current, 'spec');
      return [];
    case 'core.Service':
      carryOver(partOf(draft, 'spec'), objectOf(current['spec']));
      draft['status'] = loadBalancerStatus(partOf(draft, 'spec'), draft['status']);
      return allocate(context, draft, current);
    case 'scheduling.PriorityClass':
      admitPriorityClass(context, resource, draft);
      return [];
    case 'batch.Job':
      keepSelectorOfJob(draft, current);
      return [];
    default:
      return [];
  }
}

/** The field as it is stored. */
export function keep(draft: Draft, current: KubeObject, field: string): void {
  if (current[field] === undefined) delete draft[field];
  else draft[field] = current[field];
}

function allocate(context: ApiContext, draft: Draft, current: KubeObject | undefined): readonly FieldError[] {
  const spec = partOf(draft, 'spec');
  const before = current === undefined ? undefined : objectOf(current['spec']);
  const errors = allocateAddresses(context, spec, before);
  if (errors.length > 0) return errors;
  const { namespace, name } = metadataOf(draft);
  return allocateNodePorts(context, spec, `${String(namespace)}/${String(name)}`);
}

const JOB_UID_LABEL = 'batch.kubernetes.io/controller-uid';

/** A job's pods are selected by the job's own uid, unless the author selects by hand. */
function selectPodsOfJob(draft: Draft): void {
  const spec = partOf(draft, 'spec');
  if (spec['manualSelector'] === true) return;
  const { uid, name } = metadataOf(draft);
  const template = partOf(spec, 'template');
  const metadata = partOf(template, 'metadata');
  metadata['labels'] = {
    ...objectOf(metadata['labels']),
    'controller-uid': uid,
    'job-name': name,
    [JOB_UID_LABEL]: uid,
    'batch.kubernetes.io/job-name': name,
  };
  spec['selector'] ??= { matchLabels: { [JOB_UID_LABEL]: uid } };
}

/** Clients send back the job as they made it: what was generated stays. */
function keepSelectorOfJob(draft: Draft, current: KubeObject): void {
  const before = objectOf(current['spec']);
  const spec = partOf(draft, 'spec');
  spec['selector'] ??= before['selector'];
  const template = partOf(spec, 'template');
  const labels = objectOf(objectOf(objectOf(before['template'])['metadata'])['labels']);
  const metadata = partOf(template, 'metadata');
  if (objectOf(metadata['labels'])[JOB_UID_LABEL] === undefined && labels[JOB_UID_LABEL] !== undefined) {
    metadata['labels'] = { ...objectOf(metadata['labels']), ...labels };
  }
}

/** True while the object waits for its finalizers (or, a namespace, for its content). */
export function hasFinalizers(object: Readonly<Draft>): boolean {
  const { finalizers } = objectOf(object['metadata']);
  if (listOf(finalizers).length > 0) return true;
  return object['kind'] === 'Namespace' && listOf(objectOf(object['spec'])['finalizers']).length > 0;
}

/** Seconds that a pod may take to end; 0 where it never ran or runs no more. */
export function graceOfPod(pod: KubeObject, asked: number | undefined): number {
  const spec = objectOf(pod['spec']);
  const phase = textOf(objectOf(pod['status'])['phase']);
  if (textOf(spec['nodeName']) === undefined || phase === 'Succeeded' || phase === 'Failed') return 0;
  const seconds = asked ?? spec['terminationGracePeriodSeconds'];
  return typeof seconds === 'number' ? Math.max(seconds, 0) : 30;
}
