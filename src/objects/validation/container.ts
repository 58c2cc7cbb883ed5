// Validation of containers: names, ports, environment, mounts, probes, resources.

import { isObject, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { duplicate, invalidValue, required, type FieldError } from './field-error.ts';
import { checkDnsLabel, checkPortName } from './names.ts';
import { tryParseQuantity } from '../quantity.ts';
import { atLeast, portNumber, portReference } from './numbers.ts';

export interface PodFacts {
  /** Names of the pod's volumes. */
  readonly volumes: ReadonlySet<string>;
  readonly isHostNetwork: boolean;
}

/** Checks one list of containers; `names` collects the names of all lists of the pod. */
export function validateContainers(
  containers: unknown,
  field: string,
  pod: PodFacts & { readonly names: Set<string> },
): FieldError[] {
  return listOf(containers).flatMap((item, i) => {
    const container = objectOf(item);
    const at = `${field}[${i}]`;
    const name = textOf(container['name']);
    const errors: FieldError[] = [];
    const wrong = name === undefined ? undefined : checkDnsLabel(name);
    if (name === undefined) errors.push(required(`${at}.name`));
    else if (wrong !== undefined) errors.push(invalidValue(`${at}.name`, name, wrong));
    else if (pod.names.has(name)) errors.push(duplicate(`${at}.name`, name));
    pod.names.add(name ?? '');
    if (textOf(container['image']) === undefined) errors.push(required(`${at}.image`));
    return [
      ...errors,
      ...validatePorts(listOf(container['ports']), `${at}.ports`, pod),
      ...validateEnv(listOf(container['env']), `${at}.env`),
      ...validateMounts(listOf(container['volumeMounts']), `${at}.volumeMounts`, pod),
      ...validateProbes(container, at),
      ...validateResources(objectOf(container['resources']), `${at}.resources`),
    ];
  });
}

function validatePorts(ports: readonly unknown[], field: string, { isHostNetwork }: PodFacts): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((item, i) => {
    const { name, containerPort, hostPort } = objectOf(item);
    const at = `${field}[${i}]`;
    const errors: FieldError[] = portNumber(`${at}.containerPort`, containerPort);
    const text = textOf(name);
    const wrong = text === undefined ? undefined : checkPortName(text);
    if (wrong !== undefined) errors.push(invalidValue(`${at}.name`, name, wrong));
    if (text !== undefined && names.has(text)) errors.push(duplicate(`${at}.name`, text));
    names.add(text ?? '');
    if (hostPort !== undefined && hostPort !== 0) {
      errors.push(...portNumber(`${at}.hostPort`, hostPort));
      if (isHostNetwork && hostPort !== containerPort) {
        errors.push(
          invalidValue(`${at}.hostPort`, hostPort, 'must match `containerPort` when `hostNetwork` is true'),
        );
      }
    }
    return errors;
  });
}

/** Any printable ASCII but "=", as since Kubernetes 1.32. */
const ENV_NAME = /^[\x20-\x3c\x3e-\x7e]+$/;

function validateEnv(variables: readonly unknown[], field: string): FieldError[] {
  return variables.flatMap((item, i) => {
    const { name, value, valueFrom } = objectOf(item);
    const at = `${field}[${i}]`;
    const text = textOf(name);
    const errors: FieldError[] = [];
    if (text === undefined) errors.push(required(`${at}.name`));
    else if (!ENV_NAME.test(text)) {
      errors.push(
        invalidValue(
          `${at}.name`,
          text,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      );
    }
    if (!isObject(valueFrom)) return errors;
    const sources = Object.keys(valueFrom).length;
    if (textOf(value) !== undefined)
      errors.push(invalidValue(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    if (sources === 0) {
      errors.push(
        invalidValue(
          `${at}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
        ),
      );
    }
    if (sources > 1)
      errors.push(
        invalidValue(`${at}.valueFrom`, '', 'may not have more than one field specified at a time'),
      );
    return errors;
  });
}

function validateMounts(mounts: readonly unknown[], field: string, { volumes }: PodFacts): FieldError[] {
  const paths = new Set<string>();
  return mounts.flatMap((item, i) => {
    const { name, mountPath } = objectOf(item);
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    const volume = textOf(name);
    const path = textOf(mountPath);
    if (volume === undefined) errors.push(required(`${at}.name`));
    else if (!volumes.has(volume)) {
      errors.push({
        reason: 'FieldValueNotFound',
        field: `${at}.name`,
        message: `Not found: ${JSON.stringify(volume)}`,
      });
    }
    if (path === undefined) errors.push(required(`${at}.mountPath`));
    else if (paths.has(path)) errors.push(invalidValue(`${at}.mountPath`, path, 'must be unique'));
    paths.add(path ?? '');
    return errors;
  });
}

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'];
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc'];

function validateProbes(container: Readonly<Draft>, at: string): FieldError[] {
  return PROBES.flatMap((name) => {
    const probe = container[name];
    if (!isObject(probe)) return [];
    const field = `${at}.${name}`;
    const errors = [
      'initialDelaySeconds',
      'timeoutSeconds',
      'periodSeconds',
      'successThreshold',
      'failureThreshold',
    ].flatMap((number) => atLeast(`${field}.${number}`, probe[number], 0));
    if (name !== 'readinessProbe' && probe['successThreshold'] !== 1) {
      errors.push(invalidValue(`${field}.successThreshold`, probe['successThreshold'], 'must be 1'));
    }
    return [...errors, ...validateHandler(probe, field)];
  });
}

function validateHandler(handler: Readonly<Draft>, field: string): FieldError[] {
  const given = HANDLERS.filter((name) => isObject(handler[name]));
  if (given.length === 0) return [required(field, 'must specify a handler type')];
  if (given.length > 1) {
    const [, ...more] = given;
    return more.map((name) => ({
      reason: 'FieldValueForbidden' as const,
      field: `${field}.${name}`,
      message: 'Forbidden: may not specify more than 1 handler type',
    }));
  }
  const [name = ''] = given;
  const { port, command } = objectOf(handler[name]);
  if (name !== 'exec')
    return port === undefined
      ? [required(`${field}.${name}.port`)]
      : portReference(`${field}.${name}.port`, port);
  return listOf(command).length === 0 ? [required(`${field}.exec.command`)] : [];
}

function validateResources({ requests, limits }: Readonly<Draft>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const upper = objectOf(limits);
  for (const [list, amounts] of [
    ['limits', upper],
    ['requests', objectOf(requests)],
  ] as const) {
    for (const [name, amount] of Object.entries(amounts)) {
      const number = tryParseQuantity(amount);
      if (number !== undefined && number < 0) {
        errors.push(invalidValue(`${field}.${list}[${name}]`, amount, 'must be greater than or equal to 0'));
      }
      const limit = list === 'requests' ? tryParseQuantity(upper[name] ?? 'none') : undefined;
      if (number !== undefined && limit !== undefined && number > limit) {
        errors.push(
          invalidValue(
            `${field}.requests`,
            amount,
            `must be less than or equal to ${name} limit of ${String(upper[name])}`,
          ),
        );
      }
    }
  }
  return errors;
}
