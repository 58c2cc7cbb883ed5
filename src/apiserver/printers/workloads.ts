// How kubectl shows the workloads of apps/v1 and batch/v1.

import { listOf, objectOf, textOf } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import {
  AGE,
  ageOf,
  ageSince,
  column,
  containersOf,
  humanDuration,
  integer,
  labelsText,
  NAME,
  numberOf,
  orNone,
  selectorText,
  specOf,
  statusOf,
  wide,
  type Printer,
} from './printer.ts';

export const DEPLOYMENT: Printer = {
  columns: [
    NAME,
    column('Ready'),
    integer('Up-to-date'),
    integer('Available'),
    AGE,
    wide('Containers'),
    wide('Images'),
    wide('Selector'),
  ],
  cells: (object, nowMs) => {
    const { names, images } = containersOf(specOf(object)['template']);
    const status = statusOf(object);
    return [
      object.metadata.name,
      `${numberOf(status['readyReplicas'])}/${numberOf(specOf(object)['replicas'])}`,
      numberOf(status['updatedReplicas']),
      numberOf(status['availableReplicas']),
      ageOf(object, nowMs),
      names,
      images,
      selectorText(specOf(object)['selector']),
    ];
  },
};

export const REPLICA_SET: Printer = {
  columns: [
    NAME,
    integer('Desired'),
    integer('Current'),
    integer('Ready'),
    AGE,
    wide('Containers'),
    wide('Images'),
    wide('Selector'),
  ],
  cells: (object, nowMs) => {
    const { names, images } = containersOf(specOf(object)['template']);
    const status = statusOf(object);
    return [
      object.metadata.name,
      numberOf(specOf(object)['replicas']),
      numberOf(status['replicas']),
      numberOf(status['readyReplicas']),
      ageOf(object, nowMs),
      names,
      images,
      selectorText(specOf(object)['selector']),
    ];
  },
};

export const STATEFUL_SET: Printer = {
  columns: [NAME, column('Ready'), AGE, wide('Containers'), wide('Images')],
  cells: (object, nowMs) => {
    const { names, images } = containersOf(specOf(object)['template']);
    const ready = `${numberOf(statusOf(object)['readyReplicas'])}/${numberOf(specOf(object)['replicas'])}`;
    return [object.metadata.name, ready, ageOf(object, nowMs), names, images];
  },
};

export const DAEMON_SET: Printer = {
  columns: [
    NAME,
    integer('Desired'),
    integer('Current'),
    integer('Ready'),
    integer('Up-to-date'),
    integer('Available'),
    column('Node Selector'),
    AGE,
    wide('Containers'),
    wide('Images'),
    wide('Selector'),
  ],
  cells: (object, nowMs) => {
    const template = specOf(object)['template'];
    const { names, images } = containersOf(template);
    const status = statusOf(object);
    return [
      object.metadata.name,
      numberOf(status['desiredNumberScheduled']),
      numberOf(status['currentNumberScheduled']),
      numberOf(status['numberReady']),
      numberOf(status['updatedNumberScheduled']),
      numberOf(status['numberAvailable']),
      orNone(labelsText(objectOf(objectOf(template)['spec'])['nodeSelector'])),
      ageOf(object, nowMs),
      names,
      images,
      selectorText(specOf(object)['selector']),
    ];
  },
};

export const JOB: Printer = {
  columns: [
    NAME,
    column('Status'),
    column('Completions'),
    column('Duration'),
    AGE,
    wide('Containers'),
    wide('Images'),
    wide('Selector'),
  ],
  cells: (object, nowMs) => {
    const { names, images } = containersOf(specOf(object)['template']);
    return [
      object.metadata.name,
      jobState(object),
      completions(object),
      jobDuration(object, nowMs),
      ageOf(object, nowMs),
      names,
      images,
      selectorText(specOf(object)['selector']),
    ];
  },
};

function jobState(job: KubeObject): string {
  const conditions = listOf(statusOf(job)['conditions']).map(objectOf);
  const has = (type: string): boolean =>
    conditions.some((it) => it['type'] === type && it['status'] === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  return has('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

function completions(job: KubeObject): string {
  const succeeded = numberOf(statusOf(job)['succeeded']);
  const wanted = specOf(job)['completions'];
  if (typeof wanted === 'number') return `${succeeded}/${wanted}`;
  const parallelism = numberOf(specOf(job)['parallelism']);
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: KubeObject, nowMs: number): string {
  const start = textOf(statusOf(job)['startTime']);
  if (start === undefined) return '';
  const end = textOf(statusOf(job)['completionTime']);
  return humanDuration((end === undefined ? nowMs : Date.parse(end)) - Date.parse(start));
}

export const CRON_JOB: Printer = {
  columns: [
    NAME,
    column('Schedule'),
    column('Timezone'),
    column('Suspend'),
    integer('Active'),
    column('Last Schedule'),
    AGE,
    wide('Containers'),
    wide('Images'),
    wide('Selector'),
  ],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    const job = objectOf(objectOf(spec['jobTemplate'])['spec']);
    const { names, images } = containersOf(job['template']);
    const last = statusOf(object)['lastScheduleTime'];
    return [
      object.metadata.name,
      textOf(spec['schedule']) ?? '',
      orNone(textOf(spec['timeZone']) ?? ''),
      spec['suspend'] === true ? 'True' : 'False',
      listOf(statusOf(object)['active']).length,
      last === undefined ? '<none>' : ageSince(last, nowMs),
      ageOf(object, nowMs),
      names,
      images,
      orNone(selectorText(job['selector'])),
    ];
  },
};

export const CONTROLLER_REVISION: Printer = {
  columns: [NAME, column('Controller'), integer('Revision'), AGE],
  cells: (object, nowMs) => {
    const owner = object.metadata.ownerReferences?.find((it) => it.controller === true);
    const group = owner?.apiVersion.split('/')[0] ?? '';
    const controller = owner === undefined ? '<none>' : `${owner.kind.toLowerCase()}.${group}/${owner.name}`;
    return [object.metadata.name, controller, numberOf(object['revision']), ageOf(object, nowMs)];
  },
};
