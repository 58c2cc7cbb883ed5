// The environment of a container: Services of the namespace, envFrom, env with its sources, in the order that later ones win.

import { FairleadError } from '../../base/errors.ts';
import type { Container, Pod, Service } from '../../objects/api-types.ts';
import type { ClusterApi } from './cluster-api.ts';
import { expandVariables } from './expand-variables.ts';
import { podField } from './pod-field.ts';
import { resourceField } from './resource-field.ts';

export interface EnvInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly api: Pick<ClusterApi, 'configMap' | 'secret' | 'services'>;
  readonly hostname: string;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** Used by resourceFieldRef where a limit is absent. */
  readonly capacity: { readonly cpu: string; readonly memory: string };
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Throws `not-found` naming the missing ConfigMap, Secret or key (the container then waits with CreateContainerConfigError). */
export function containerEnv(input: EnvInput): Readonly<Record<string, string>> {
  const values = new Map<string, string>([
    ['PATH', DEFAULT_PATH],
    ['HOSTNAME', input.hostname],
    ...serviceVariables(input),
  ]);
  for (const source of input.container.envFrom ?? []) {
    for (const [name, value] of envFrom(input, source)) values.set(name, value);
  }
  for (const variable of input.container.env ?? []) {
    const value = valueOf(input, variable, values);
    if (value !== undefined) values.set(variable.name, value);
  }
  if (!values.has('HOME')) values.set('HOME', '/root');
  return Object.fromEntries(values);
}

type EnvVar = NonNullable<Container['env']>[number];
type EnvFrom = NonNullable<Container['envFrom']>[number];

function valueOf(input: EnvInput, variable: EnvVar, values: ReadonlyMap<string, string>): string | undefined {
  const from = variable.valueFrom;
  if (from === undefined) return expandVariables(variable.value ?? '', values);
  if (from.fieldRef !== undefined) return podField(input, from.fieldRef.fieldPath);
  if (from.resourceFieldRef !== undefined) {
    return resourceField(
      input.pod,
      { ...from.resourceFieldRef, container: input.container.name },
      input.capacity,
    );
  }
  const { configMapKeyRef, secretKeyRef } = from;
  const namespace = input.pod.metadata.namespace ?? 'default';
  if (configMapKeyRef !== undefined) {
    const map = input.api.configMap(namespace, configMapKeyRef.name ?? '');
    return keyOrThrow('configmap', configMapKeyRef, map === undefined ? undefined : (map.data ?? {}));
  }
  if (secretKeyRef !== undefined) {
    const secret = input.api.secret(namespace, secretKeyRef.name ?? '');
    return keyOrThrow('secret', secretKeyRef, secret === undefined ? undefined : decoded(secret.data ?? {}));
  }
  return undefined;
}

interface KeyRef {
  readonly name?: string | undefined;
  readonly key: string;
  readonly optional?: boolean | undefined;
}

function keyOrThrow(
  kind: string,
  ref: KeyRef,
  data: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const value = data?.[ref.key];
  if (value !== undefined) return value;
  if (ref.optional === true) return undefined;
  const name = ref.name ?? '';
  throw data === undefined
    ? new FairleadError('not-found', `${kind} "${name}" not found`)
    : new FairleadError('not-found', `couldn't find key ${ref.key} in ${kind} "${name}"`);
}

function envFrom(input: EnvInput, source: EnvFrom): readonly (readonly [string, string])[] {
  const namespace = input.pod.metadata.namespace ?? 'default';
  const ref = source.configMapRef ?? source.secretRef;
  if (ref === undefined) return [];
  const name = ref.name ?? '';
  const kind = source.configMapRef === undefined ? 'secret' : 'configmap';
  const data =
    kind === 'configmap'
      ? wholeData(input.api.configMap(namespace, name))
      : mapSome(input.api.secret(namespace, name), (it) => decoded(it.data ?? {}));
  if (data === undefined) {
    if (ref.optional === true) return [];
    throw new FairleadError('not-found', `${kind} "${name}" not found`);
  }
  return Object.entries(data).map(([key, value]) => [`${source.prefix ?? ''}${key}`, value] as const);
}

function wholeData(
  map: { readonly data?: Readonly<Record<string, string>> } | undefined,
): Readonly<Record<string, string>> | undefined {
  return mapSome(map, (it) => it.data ?? {});
}

function mapSome<T, U>(value: T | undefined, map: (value: T) => U): U | undefined {
  return value === undefined ? undefined : map(value);
}

/** Secret values are base64 in the API. */
export function decoded(data: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

/** The variables that kubelet derives from Services: those of the pod's namespace, and always the API server's. */
function serviceVariables(input: EnvInput): readonly (readonly [string, string])[] {
  const namespace = input.pod.metadata.namespace ?? 'default';
  const hasLinks = input.pod.spec?.enableServiceLinks !== false;
  const isMaster = (it: Service): boolean =>
    it.metadata.namespace === 'default' && it.metadata.name === 'kubernetes';
  const chosen = input.api
    .services()
    .filter((it) => isMaster(it) || (hasLinks && it.metadata.namespace === namespace))
    .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  return chosen.flatMap(variablesOf);
}

function variablesOf(service: Service): readonly (readonly [string, string])[] {
  const ip = service.spec?.clusterIP;
  const ports = service.spec?.ports ?? [];
  const first = ports[0];
  if (ip === undefined || ip === '' || ip === 'None' || first === undefined) return [];
  const prefix = service.metadata.name.toUpperCase().replaceAll('-', '_');
  const url = (port: { protocol?: string; port: number }): string =>
    `${(port.protocol ?? 'TCP').toLowerCase()}://${ip.includes(':') ? `[${ip}]` : ip}:${port.port}`;
  return [
    [`${prefix}_SERVICE_HOST`, ip],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports
      .filter((it) => it.name !== undefined && it.name !== '')
      .map(
        (it) =>
          [
            `${prefix}_SERVICE_PORT_${(it.name ?? '').toUpperCase().replaceAll('-', '_')}`,
            String(it.port),
          ] as const,
      ),
    [`${prefix}_PORT`, url(first)],
    ...ports.flatMap((it) => {
      const protocol = it.protocol ?? 'TCP';
      const base = `${prefix}_PORT_${it.port}_${protocol}`;
      return [
        [base, url(it)],
        [`${base}_PROTO`, protocol.toLowerCase()],
        [`${base}_PORT`, String(it.port)],
        [`${base}_ADDR`, ip],
      ] as const;
    }),
  ];
}
