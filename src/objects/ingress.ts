// The slim Ingress and IngressClass: networking.k8s.io/v1, with the defaults of absent fields decided here.

import { parsePort, type Port } from '../base/port.ts';
import { TELEMETRY_ANNOTATION, type GatewayMeta, type ObjectRef } from './gateway-api/common.ts';
import { optionalLowerCase, readGatewayMeta, texts } from './gateway-api/references.ts';
import { Field } from './slim-field.ts';

export interface IngressClass extends GatewayMeta {
  readonly controllerName: string;
  readonly isDefault: boolean;
  readonly parameters: ObjectRef | undefined;
  /** The words of `fairlead.dev/telemetry`. */
  readonly telemetry: string | undefined;
}

export interface Ingress extends GatewayMeta {
  /** `spec.ingressClassName`, or the older annotation `kubernetes.io/ingress.class`; undefined for the default class. */
  readonly className: string | undefined;
  readonly defaultBackend: IngressBackend | undefined;
  readonly rules: readonly IngressRule[];
  readonly tls: readonly { readonly hosts: readonly string[]; readonly secretName: string | undefined }[];
  /** All of them, whole names: what other controllers' users ask for stands here. */
  readonly annotations: ReadonlyMap<string, string>;
}

/** `host` undefined for every name; "*." stands for exactly one label. */
export interface IngressRule {
  readonly host: string | undefined;
  readonly paths: readonly IngressPath[];
}

export interface IngressPath {
  readonly type: 'exact' | 'prefix' | 'implementation-specific';
  readonly path: string;
  readonly backend: IngressBackend;
}

export type IngressBackend =
  | { readonly kind: 'service'; readonly name: string; readonly port: Port | string }
  | { readonly kind: 'resource'; readonly ref: ObjectRef };

/** Older than `spec.ingressClassName`, and still heeded. */
export const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
/** On an IngressClass: Ingresses that name no class are of this one. */
export const DEFAULT_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

/** Reads an IngressClass; throws `invalid` naming the field. */
export function parseIngressClass(raw: unknown): IngressClass {
  const root = Field.root('IngressClass', raw);
  const parameters = root.at('spec.parameters');
  const annotations = root.at('metadata.annotations').textMap();
  return {
    ...readGatewayMeta(root),
    controllerName: root.at('spec.controller').text(),
    isDefault: annotations.get(DEFAULT_CLASS_ANNOTATION) === 'true',
    parameters: parameters.isAbsent ? undefined : readTypedRef(parameters, ''),
    telemetry: annotations.get(TELEMETRY_ANNOTATION),
  };
}

/** Reads an Ingress; throws `invalid` naming the field. */
export function parseIngress(raw: unknown): Ingress {
  const root = Field.root('Ingress', raw);
  const meta = readGatewayMeta(root);
  const spec = root.at('spec');
  const annotations = root.at('metadata.annotations').textMap();
  const defaultBackend = spec.at('defaultBackend');
  return {
    ...meta,
    className: spec.at('ingressClassName').optionalText() ?? annotations.get(CLASS_ANNOTATION),
    defaultBackend: defaultBackend.isAbsent ? undefined : readBackend(defaultBackend, meta.namespace),
    rules: spec
      .at('rules')
      .list()
      .map((it) => readRule(it, meta.namespace)),
    tls: spec.at('tls').list().map(readTls),
    annotations,
  };
}

function readTls(field: Field): Ingress['tls'][number] {
  const secretName = field.at('secretName').optionalText();
  return {
    hosts: texts(field.at('hosts')).map((it) => it.toLowerCase()),
    secretName: secretName === '' ? undefined : secretName,
  };
}

function readRule(field: Field, namespace: string): IngressRule {
  const host = optionalLowerCase(field.at('host'));
  return {
    host: host === '' ? undefined : host,
    paths: field
      .at('http.paths')
      .list()
      .map((it) => readPath(it, namespace)),
  };
}

const PATH_TYPES = {
  Exact: 'exact',
  Prefix: 'prefix',
  ImplementationSpecific: 'implementation-specific',
} as const;

function readPath(field: Field, namespace: string): IngressPath {
  const path = field.at('path').optionalText() ?? '';
  return {
    type: field.at('pathType').choice<IngressPath['type']>(PATH_TYPES),
    path: path === '' ? '/' : path,
    backend: readBackend(field.at('backend'), namespace),
  };
}

function readBackend(field: Field, namespace: string): IngressBackend {
  const [service, resource] = [field.at('service'), field.at('resource')];
  if (service.isAbsent === resource.isAbsent) return field.fail('must have a service or a resource');
  if (service.isAbsent) return { kind: 'resource', ref: readTypedRef(resource, namespace) };
  return { kind: 'service', name: service.at('name').text(), port: readPort(service.at('port')) };
}

function readPort(field: Field): Port | string {
  const name = field.at('name').optionalText() ?? '';
  return name === '' ? field.at('number').parse(parsePort) : name;
}

/** References of networking.k8s.io call the group `apiGroup`. */
function readTypedRef(field: Field, namespace: string): ObjectRef {
  return {
    group: field.at('apiGroup').optionalText() ?? '',
    kind: field.at('kind').text(),
    namespace: field.at('namespace').optionalText() ?? namespace,
    name: field.at('name').text(),
  };
}

/** What IngressClasses of ours name. */
export const INGRESS_CONTROLLER = 'fairlead.dev/ingress-controller';

/**
 * The class that an Ingress without a name for one is of: the newest that is marked as default, as the API server of Kubernetes would have written it into the
 * Ingress. Where none is marked, the only class there is: on a cluster that has but one, an Ingress of the simplest form works; where somebody else's class
 * stands beside, nothing is taken that was not given.
 */
export function defaultClassName(
  classes: Iterable<Pick<IngressClass, 'name' | 'createdAt' | 'isDefault'>>,
): string | undefined {
  const all = [...classes];
  const marked = all.filter((it) => it.isDefault).sort(newestFirst);
  return marked[0]?.name ?? (all.length === 1 ? all[0]?.name : undefined);
}

function newestFirst(
  a: Pick<IngressClass, 'name' | 'createdAt'>,
  b: Pick<IngressClass, 'name' | 'createdAt'>,
): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
