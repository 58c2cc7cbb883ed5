// Validation of pods and pod templates, and what of a pod may change.

import { tryParseIp } from '../../base/ip.ts';
import { isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import { validateContainers } from './container.ts';
import { validateAdditions, validateEphemeralContainers } from './ephemeral-containers.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  type FieldError,
} from './field-error.ts';
import { validateLabels } from './metadata.ts';
import { checkDnsLabel, checkDnsSubdomain } from './names.ts';
import { atLeast } from './numbers.ts';

export function validatePod(
  pod: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const spec = objectOf(pod['spec']);
  const errors = validatePodSpec(spec, 'spec');
  if (before === undefined) return [...errors, ...noEphemeral(spec, 'spec', 'cannot be set on create')];
  return [...errors, ...validateChange(spec, objectOf(before['spec']))];
}

/** A pod of which the ephemeral containers alone are written. */
export function validatePodForDebugging(
  pod: Readonly<Draft>,
  before: Readonly<Draft>,
): readonly FieldError[] {
  const spec = objectOf(pod['spec']);
  const { ephemeralContainers: known } = objectOf(before['spec']);
  return [...validatePodSpec(spec, 'spec'), ...validateAdditions(spec['ephemeralContainers'], known)];
}

function noEphemeral(spec: Readonly<Draft>, field: string, because: string): FieldError[] {
  const isEmpty = listOf(spec['ephemeralContainers']).length === 0;
  return isEmpty ? [] : [forbiddenField(`${field}.ephemeralContainers`, because)];
}

/** Checks a template and, where `restartPolicies` is given, that its pods restart as the workload needs. */
export function validateTemplate(
  template: unknown,
  field: string,
  restartPolicies: readonly string[],
): FieldError[] {
  const spec = objectOf(objectOf(template)['spec']);
  const labels = objectOf(objectOf(template)['metadata'])['labels'];
  const errors = [
    ...validateLabels(labels, `${field}.metadata.labels`),
    ...validatePodSpec(spec, `${field}.spec`),
    ...noEphemeral(spec, `${field}.spec`, 'ephemeral containers not allowed in pod template'),
  ];
  const policy = spec['restartPolicy'];
  if (!restartPolicies.includes(String(policy))) {
    errors.push(notSupported(`${field}.spec.restartPolicy`, policy, restartPolicies));
  }
  return errors;
}

function validatePodSpec(spec: Readonly<Draft>, field: string): FieldError[] {
  const volumes = validateVolumes(listOf(spec['volumes']), `${field}.volumes`);
  const pod = {
    volumes: volumes.names,
    isHostNetwork: spec['hostNetwork'] === true,
    names: new Set<string>(),
  };
  const errors = [...volumes.errors];
  if (listOf(spec['containers']).length === 0) errors.push(required(`${field}.containers`));
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    errors.push(...validateContainers(spec[list], `${field}.${list}`, pod));
  }
  errors.push(...validateEphemeralContainers(spec, `${field}.ephemeralContainers`));
  errors.push(...atLeast(`${field}.terminationGracePeriodSeconds`, spec['terminationGracePeriodSeconds'], 0));
  errors.push(...atLeast(`${field}.activeDeadlineSeconds`, spec['activeDeadlineSeconds'], 1));
  errors.push(...validateLabels(spec['nodeSelector'], `${field}.nodeSelector`));
  for (const name of ['hostname', 'subdomain'])
    errors.push(...validateName(spec[name], `${field}.${name}`, checkDnsLabel));
  for (const name of ['nodeName', 'serviceAccountName']) {
    errors.push(...validateName(spec[name], `${field}.${name}`, checkDnsSubdomain));
  }
  return [
    ...errors,
    ...validateDns(spec, field),
    ...validateTolerations(listOf(spec['tolerations']), `${field}.tolerations`),
  ];
}

function validateName(
  value: unknown,
  field: string,
  check: (name: string) => string | undefined,
): FieldError[] {
  const name = textOf(value);
  const wrong = name === undefined ? undefined : check(name);
  return wrong === undefined ? [] : [invalidValue(field, name, wrong)];
}

function validateVolumes(
  volumes: readonly unknown[],
  field: string,
): { names: ReadonlySet<string>; errors: FieldError[] } {
  const names = new Set<string>();
  const errors = volumes.flatMap((item, i) => {
    const volume = objectOf(item);
    const name = textOf(volume['name']);
    const at = `${field}[${i}]`;
    const found: FieldError[] =
      name === undefined ? [required(`${at}.name`)] : validateName(name, `${at}.name`, checkDnsLabel);
    if (name !== undefined && names.has(name)) found.push(duplicate(`${at}.name`, name));
    names.add(name ?? '');
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    if (sources.length > 1)
      found.push(forbiddenField(`${at}.${sources[1]}`, 'may not specify more than 1 volume type'));
    return found;
  });
  return { names, errors };
}

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;

function validateDns(spec: Readonly<Draft>, field: string): FieldError[] {
  const policy = spec['dnsPolicy'];
  const { nameservers, searches } = objectOf(spec['dnsConfig']);
  const errors: FieldError[] = [];
  if (!DNS_POLICIES.includes(String(policy)))
    errors.push(notSupported(`${field}.dnsPolicy`, policy, DNS_POLICIES));
  const servers = listOf(nameservers);
  if (policy === 'None' && servers.length === 0) {
    errors.push(
      required(
        `${field}.dnsConfig.nameservers`,
        'must provide at least one DNS nameserver when `dnsPolicy` is None',
      ),
    );
  }
  if (servers.length > MAX_NAMESERVERS) {
    errors.push(
      invalidValue(
        `${field}.dnsConfig.nameservers`,
        servers,
        `must not have more than ${MAX_NAMESERVERS} nameservers`,
      ),
    );
  }
  if (listOf(searches).length > MAX_SEARCHES) {
    errors.push(
      invalidValue(
        `${field}.dnsConfig.searches`,
        searches,
        `must not have more than ${MAX_SEARCHES} search paths`,
      ),
    );
  }
  for (const [i, server] of servers.entries()) {
    if (tryParseIp(String(server)) === undefined) {
      errors.push(invalidValue(`${field}.dnsConfig.nameservers[${i}]`, server, 'must be valid IP address'));
    }
  }
  return errors;
}

function validateTolerations(tolerations: readonly unknown[], field: string): FieldError[] {
  return tolerations.flatMap((item, i) => {
    const { key, operator, value, effect, tolerationSeconds } = objectOf(item);
    const at = `${field}[${i}]`;
    const errors: FieldError[] = [];
    if (textOf(key) === undefined && operator !== 'Exists') {
      errors.push(
        invalidValue(
          `${at}.operator`,
          operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (operator === 'Exists' && textOf(value) !== undefined) {
      errors.push(invalidValue(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(
        invalidValue(
          `${at}.effect`,
          effect ?? '',
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
    }
    return errors;
  });
}

const CHANGEABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A pod's specification is fixed but for images, the deadline, and further tolerations. */
function validateChange(spec: Readonly<Draft>, before: Readonly<Draft>): readonly FieldError[] {
  if (
    isSameJson(fixedPart(spec), fixedPart(before)) &&
    hasAll(listOf(spec['tolerations']), listOf(before['tolerations']))
  )
    return [];
  return [forbiddenField('spec', CHANGEABLE)];
}

function fixedPart(spec: Readonly<Draft>): Draft {
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, ...rest } = spec;
  const withoutImages = (containers: unknown): unknown =>
    listOf(containers).map((container) => {
      const { image: _image, ...fixed } = objectOf(container);
      return fixed;
    });
  return {
    ...rest,
    containers: withoutImages(rest['containers']),
    initContainers: withoutImages(rest['initContainers']),
  };
}

function hasAll(list: readonly unknown[], wanted: readonly unknown[]): boolean {
  return wanted.every((item) => list.some((other) => isSameJson(item, other)));
}
