// Validation of the workloads of apps/v1 and batch/v1, and what of them may change.

import { isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { forbiddenField, invalidValue, required, tooLong, type FieldError } from './field-error.ts';
import { atLeast, countOrPercent } from './numbers.ts';
import { validateTemplate } from './pod.ts';
import { validateOwnSelector } from './selectors.ts';

type Before = Readonly<Draft> | undefined;

const ALWAYS = ['Always'];
const ENDING = ['OnFailure', 'Never'];

function immutable(field: string, spec: Readonly<Draft>, before: Before): FieldError[] {
  if (before === undefined) return [];
  const value = spec[field];
  return isSameJson(value, objectOf(before['spec'])[field])
    ? []
    : [invalidValue(`spec.${field}`, value, 'field is immutable')];
}

function validateCommon(object: Readonly<Draft>, before: Before): FieldError[] {
  const spec = objectOf(object['spec']);
  return [
    ...validateOwnSelector(spec),
    ...immutable('selector', spec, before),
    ...atLeast('spec.replicas', spec['replicas'], 0),
    ...atLeast('spec.minReadySeconds', spec['minReadySeconds'], 0),
    ...atLeast('spec.revisionHistoryLimit', spec['revisionHistoryLimit'], 0),
    ...validateTemplate(spec['template'], 'spec.template', ALWAYS),
  ];
}

export function validateDeployment(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const spec = objectOf(object['spec']);
  const { type, rollingUpdate } = objectOf(spec['strategy']);
  const errors = validateCommon(object, before);
  if (type === 'Recreate' && rollingUpdate !== undefined) {
    errors.push(
      forbiddenField(
        'spec.strategy.rollingUpdate',
        "may not be specified when strategy `type` is 'Recreate'",
      ),
    );
  }
  errors.push(...validateRolling(rollingUpdate, 'spec.strategy.rollingUpdate'));
  const deadline = spec['progressDeadlineSeconds'];
  if (typeof deadline === 'number' && deadline <= Number(spec['minReadySeconds'] ?? 0)) {
    errors.push(
      invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'),
    );
  }
  return errors;
}

function validateRolling(rolling: unknown, field: string): FieldError[] {
  const { maxSurge, maxUnavailable } = objectOf(rolling);
  const errors = [
    ...countOrPercent(`${field}.maxSurge`, maxSurge),
    ...countOrPercent(`${field}.maxUnavailable`, maxUnavailable),
  ];
  const isZero = (value: unknown): boolean => value === 0 || value === '0%';
  if (isZero(maxSurge) && isZero(maxUnavailable)) {
    errors.push(invalidValue(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return errors;
}

export function validateReplicaSet(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  return validateCommon(object, before);
}

export function validateDaemonSet(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const { type, rollingUpdate } = objectOf(objectOf(object['spec'])['updateStrategy']);
  const errors = validateCommon(object, before);
  return type === 'RollingUpdate'
    ? [...errors, ...validateRolling(rollingUpdate, 'spec.updateStrategy.rollingUpdate')]
    : errors;
}

const STATEFUL_CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

export function validateStatefulSet(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const errors = validateCommon(object, undefined);
  if (before === undefined) return errors;
  const fixed = (spec: unknown): unknown =>
    Object.fromEntries(Object.entries(objectOf(spec)).filter(([key]) => !STATEFUL_CHANGEABLE.includes(key)));
  if (isSameJson(fixed(object['spec']), fixed(before['spec']))) return errors;
  const detail = `updates to statefulset spec for fields other than ${STATEFUL_CHANGEABLE.slice(0, -1)
    .map((name) => `'${name}'`)
    .join(', ')} and 'minReadySeconds' are forbidden`;
  return [...errors, forbiddenField('spec', detail)];
}

export function validateJob(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const spec = objectOf(object['spec']);
  return [
    ...validateJobSpec(spec, 'spec'),
    ...immutable('selector', spec, before),
    ...immutable('template', spec, before),
    ...immutable('completionMode', spec, before),
    ...(spec['completionMode'] === 'Indexed' ? [] : immutable('completions', spec, before)),
  ];
}

function validateJobSpec(spec: Readonly<Draft>, field: string): FieldError[] {
  const counts = ['parallelism', 'completions', 'backoffLimit', 'ttlSecondsAfterFinished'];
  const errors = counts.flatMap((name) => atLeast(`${field}.${name}`, spec[name], 0));
  errors.push(...atLeast(`${field}.activeDeadlineSeconds`, spec['activeDeadlineSeconds'], 0));
  if (spec['completionMode'] === 'Indexed' && spec['completions'] === undefined) {
    errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
  }
  const policy = textOf(objectOf(objectOf(spec['template'])['spec'])['restartPolicy']);
  // "Always" is what an author gets who says nothing: the answer must say what to write.
  if (policy === 'Always') {
    errors.push(
      invalidValue(`${field}.template.spec.restartPolicy`, policy, 'must be set to "OnFailure" or "Never"'),
    );
    return [...errors, ...validateTemplate(spec['template'], `${field}.template`, [...ENDING, 'Always'])];
  }
  return [...errors, ...validateTemplate(spec['template'], `${field}.template`, ENDING)];
}

/** Names of the jobs carry eleven more characters. */
const MAX_CRON_JOB_NAME = 52;
const CRON_FIELD =
  /^(\*|\?|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(\/\d+)?(,(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(\/\d+)?)*$/;
const CRON_MACRO = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/;

export function validateCronJob(object: Readonly<Draft>): readonly FieldError[] {
  const spec = objectOf(object['spec']);
  const schedule = textOf(spec['schedule']);
  const errors = validateJobSpec(objectOf(objectOf(spec['jobTemplate'])['spec']), 'spec.jobTemplate.spec');
  const name = textOf(objectOf(object['metadata'])['name']) ?? '';
  if (name.length > MAX_CRON_JOB_NAME) errors.push(tooLong('metadata.name', MAX_CRON_JOB_NAME));
  if (schedule === undefined) errors.push(required('spec.schedule'));
  else {
    const fields = schedule.trim().split(/\s+/);
    const isValid =
      CRON_MACRO.test(schedule) || (fields.length === 5 && fields.every((it) => CRON_FIELD.test(it)));
    if (!isValid)
      errors.push(
        invalidValue(
          'spec.schedule',
          schedule,
          `expected exactly 5 fields, found ${fields.length}: ${JSON.stringify(fields)}`,
        ),
      );
  }
  return errors;
}

export function validateDisruptionBudget(object: Readonly<Draft>): readonly FieldError[] {
  const { minAvailable, maxUnavailable } = objectOf(object['spec']);
  const errors = [
    ...countOrPercent('spec.minAvailable', minAvailable),
    ...countOrPercent('spec.maxUnavailable', maxUnavailable),
  ];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalidValue('spec', '', 'minAvailable and maxUnavailable cannot be both set'));
  }
  return errors;
}

/** A revision is a record: its content never changes. */
export function validateRevision(object: Readonly<Draft>, before: Before): readonly FieldError[] {
  const errors = atLeast('revision', object['revision'], 0);
  if (before === undefined || isSameJson(object['data'], before['data'])) return errors;
  return [...errors, invalidValue('data', listOf(undefined), 'field is immutable')];
}
