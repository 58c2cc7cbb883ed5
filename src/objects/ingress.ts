// The slim Ingress and IngressClass: networking.k8s.io/v1, with the defaults of absent fields decided here.

import type { Port } from '../base/port.ts';
import type { GatewayMeta, ObjectRef } from './gateway-api/common.ts';

export interface IngressClass extends GatewayMeta {
  readonly controllerName: string;
  readonly isDefault: boolean;
  readonly parameters: ObjectRef | undefined;
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
