// How kubectl shows nodes, namespaces, events, storage, access rules and the plain kinds of core/v1.

import { scalarText, listOf, objectOf, textOf } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import {
  AGE,
  ageOf,
  ageSince,
  column,
  integer,
  NAME,
  numberOf,
  orNone,
  specOf,
  statusOf,
  wide,
  type Printer,
} from './printer.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

export const NODE: Printer = {
  columns: [
    NAME,
    column('Status'),
    column('Roles'),
    AGE,
    column('Version'),
    wide('Internal-IP'),
    wide('External-IP'),
    wide('OS-Image'),
    wide('Kernel-Version'),
    wide('Container-Runtime'),
  ],
  cells: (node, nowMs) => {
    const info = objectOf(statusOf(node)['nodeInfo']);
    const text = (name: string): string => textOf(info[name]) ?? '<unknown>';
    return [
      node.metadata.name,
      nodeState(node),
      orNone(rolesOf(node)),
      ageOf(node, nowMs),
      textOf(info['kubeletVersion']) ?? '',
      nodeAddress(node, 'InternalIP'),
      nodeAddress(node, 'ExternalIP'),
      text('osImage'),
      text('kernelVersion'),
      text('containerRuntimeVersion'),
    ];
  },
};

function nodeState(node: KubeObject): string {
  const ready = listOf(statusOf(node)['conditions'])
    .map(objectOf)
    .find((it) => it['type'] === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
  return specOf(node)['unschedulable'] === true ? `${state},SchedulingDisabled` : state;
}

function rolesOf(node: KubeObject): string {
  const labels = Object.entries(node.metadata.labels ?? {});
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return [key.slice(ROLE_PREFIX.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return roles
    .filter((role) => role !== '')
    .sort()
    .join(',');
}

function nodeAddress(node: KubeObject, type: string): string {
  const address = listOf(statusOf(node)['addresses'])
    .map(objectOf)
    .find((it) => it['type'] === type);
  return orNone(textOf(address?.['address']) ?? '');
}

export const NAMESPACE: Printer = {
  columns: [NAME, column('Status'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    textOf(statusOf(object)['phase']) ?? '',
    ageOf(object, nowMs),
  ],
};

export const CONFIG_MAP: Printer = {
  columns: [NAME, integer('Data'), AGE],
  cells: (object, nowMs) => {
    const count =
      Object.keys(objectOf(object['data'])).length + Object.keys(objectOf(object['binaryData'])).length;
    return [object.metadata.name, count, ageOf(object, nowMs)];
  },
};

export const SECRET: Printer = {
  columns: [NAME, column('Type'), integer('Data'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    textOf(object['type']) ?? '',
    Object.keys(objectOf(object['data'])).length,
    ageOf(object, nowMs),
  ],
};

export const SERVICE_ACCOUNT: Printer = {
  columns: [NAME, integer('Secrets'), AGE],
  cells: (object, nowMs) => [object.metadata.name, listOf(object['secrets']).length, ageOf(object, nowMs)],
};

export const EVENT: Printer = {
  columns: [
    column('Last Seen'),
    column('Type'),
    column('Reason'),
    column('Object'),
    wide('Subobject'),
    wide('Source'),
    column('Message'),
    wide('First Seen'),
    wide('Count'),
    { name: 'Name', priority: 1 },
  ],
  cells: (event, nowMs) => {
    const series = objectOf(event['series']);
    const about = objectOf(event['involvedObject']);
    const first = textOf(event['firstTimestamp']) ?? textOf(event['eventTime']);
    const last = textOf(series['lastObservedTime']) ?? textOf(event['lastTimestamp']) ?? first;
    const name = textOf(about['name']);
    const kind = (textOf(about['kind']) ?? '').toLowerCase();
    return [
      ageSince(last, nowMs),
      textOf(event['type']) ?? '',
      textOf(event['reason']) ?? '',
      name === undefined ? kind : `${kind}/${name}`,
      textOf(about['fieldPath']) ?? '',
      sourceText(event),
      (textOf(event['message']) ?? '').trim(),
      ageSince(first, nowMs),
      numberOf(series['count'] ?? event['count'] ?? 1),
      event.metadata.name,
    ];
  },
};

function sourceText(event: KubeObject): string {
  const { component, host } = objectOf(event['source']);
  const parts = [
    textOf(component) ?? textOf(event['reportingComponent']),
    textOf(host) ?? textOf(event['reportingInstance']),
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

export const LEASE: Printer = {
  columns: [NAME, column('Holder'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    textOf(specOf(object)['holderIdentity']) ?? '',
    ageOf(object, nowMs),
  ],
};

export const DISRUPTION_BUDGET: Printer = {
  columns: [NAME, column('Min Available'), column('Max Unavailable'), integer('Allowed Disruptions'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    scalarText(specOf(object)['minAvailable'], 'N/A'),
    scalarText(specOf(object)['maxUnavailable'], 'N/A'),
    numberOf(statusOf(object)['disruptionsAllowed']),
    ageOf(object, nowMs),
  ],
};

export const CLAIM: Printer = {
  columns: [
    NAME,
    column('Status'),
    column('Volume'),
    column('Capacity'),
    column('Access Modes'),
    column('StorageClass'),
    column('VolumeAttributesClass'),
    AGE,
    wide('VolumeMode'),
  ],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    const status = statusOf(object);
    const isBound = textOf(spec['volumeName']) !== undefined;
    return [
      object.metadata.name,
      object.metadata.deletionTimestamp === undefined ? (textOf(status['phase']) ?? '') : 'Terminating',
      textOf(spec['volumeName']) ?? '',
      isBound ? (textOf(objectOf(status['capacity'])['storage']) ?? '') : '',
      isBound ? accessModes(status['accessModes']) : '',
      textOf(spec['storageClassName']) ?? '',
      textOf(spec['volumeAttributesClassName']) ?? '<unset>',
      ageOf(object, nowMs),
      textOf(spec['volumeMode']) ?? '<unset>',
    ];
  },
};

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(modes: unknown): string {
  return listOf(modes)
    .map((mode) => MODES[String(mode)] ?? String(mode))
    .join(',');
}

export const VOLUME: Printer = {
  columns: [
    NAME,
    column('Capacity'),
    column('Access Modes'),
    column('Reclaim Policy'),
    column('Status'),
    column('Claim'),
    column('StorageClass'),
    column('VolumeAttributesClass'),
    column('Reason'),
    AGE,
    wide('VolumeMode'),
  ],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    const { namespace, name } = objectOf(spec['claimRef']);
    return [
      object.metadata.name,
      textOf(objectOf(spec['capacity'])['storage']) ?? '',
      accessModes(spec['accessModes']),
      textOf(spec['persistentVolumeReclaimPolicy']) ?? '',
      object.metadata.deletionTimestamp === undefined
        ? (textOf(statusOf(object)['phase']) ?? '')
        : 'Terminating',
      name === undefined ? '' : `${scalarText(namespace)}/${scalarText(name)}`,
      textOf(spec['storageClassName']) ?? '',
      textOf(spec['volumeAttributesClassName']) ?? '<unset>',
      textOf(statusOf(object)['reason']) ?? '',
      ageOf(object, nowMs),
      textOf(spec['volumeMode']) ?? '<unset>',
    ];
  },
};

export const STORAGE_CLASS: Printer = {
  columns: [
    NAME,
    column('Provisioner'),
    column('ReclaimPolicy'),
    column('VolumeBindingMode'),
    column('AllowVolumeExpansion'),
    AGE,
  ],
  cells: (object, nowMs) => [
    object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
      ? `${object.metadata.name} (default)`
      : object.metadata.name,
    textOf(object['provisioner']) ?? '',
    textOf(object['reclaimPolicy']) ?? 'Delete',
    textOf(object['volumeBindingMode']) ?? 'Immediate',
    object['allowVolumeExpansion'] === true ? 'true' : 'false',
    ageOf(object, nowMs),
  ],
};

/** What is asked for, and limits, each with how much of it is used. */
export const RESOURCE_QUOTA: Printer = {
  columns: [NAME, column('Request'), column('Limit'), AGE],
  cells: (object, nowMs) => {
    const { hard, used } = statusOf(object);
    const names = Object.keys(objectOf(hard)).sort();
    const shown = (isLimit: boolean): string =>
      names
        .filter((it) => it.startsWith('limits.') === isLimit)
        .map((it) => `${it}: ${scalarText(objectOf(used)[it], '0')}/${scalarText(objectOf(hard)[it])}`)
        .join(', ');
    return [object.metadata.name, shown(false), shown(true), ageOf(object, nowMs)];
  },
};

export const PRIORITY_CLASS: Printer = {
  columns: [
    NAME,
    integer('Value'),
    { name: 'Global-Default', type: 'boolean' },
    AGE,
    column('PreemptionPolicy'),
  ],
  cells: (object, nowMs) => [
    object.metadata.name,
    numberOf(object['value']),
    object['globalDefault'] === true,
    ageOf(object, nowMs),
    textOf(object['preemptionPolicy']) ?? 'PreemptLowerPriority',
  ],
};

/** Roles and cluster roles print the time itself, not an age. */
export const ROLE: Printer = {
  columns: [NAME, column('Created At')],
  cells: (object) => [object.metadata.name, object.metadata.creationTimestamp],
};

export const ROLE_BINDING: Printer = {
  columns: [NAME, column('Role'), AGE, wide('Users'), wide('Groups'), wide('ServiceAccounts')],
  cells: (object, nowMs) => {
    const { kind, name } = objectOf(object['roleRef']);
    const subjects = listOf(object['subjects']).map(objectOf);
    const named = (of: string): string =>
      subjects
        .filter((it) => it['kind'] === of)
        .map((it) =>
          of === 'ServiceAccount'
            ? `${scalarText(it['namespace'])}/${scalarText(it['name'])}`
            : String(it['name']),
        )
        .join(', ');
    return [
      object.metadata.name,
      `${scalarText(kind)}/${scalarText(name)}`,
      ageOf(object, nowMs),
      named('User'),
      named('Group'),
      named('ServiceAccount'),
    ];
  },
};

/** What is shown for kinds without columns of their own. */
export const GENERIC: Printer = {
  columns: [NAME, column('Created At')],
  cells: (object) => [object.metadata.name, object.metadata.creationTimestamp],
};
