// The slim Gateway, GatewayClass and ListenerSet: gateway.networking.k8s.io/v1, with the defaults of absent fields decided here.

import { parsePort, type Port } from '../../base/port.ts';
import type { Selector } from '../meta.ts';
import { Field } from '../slim-field.ts';
import { TELEMETRY_ANNOTATION, type GatewayMeta, type ObjectRef, type ParentRef } from './common.ts';
import { readListener, readNamespaceChoice } from './listener.ts';
import { optionalRef, readGatewayMeta, readParent, readRef, SECRET } from './references.ts';

export interface GatewayClass extends GatewayMeta {
  readonly controllerName: string;
  readonly parameters: ObjectRef | undefined;
}

export interface Gateway extends GatewayMeta {
  readonly className: string;
  readonly listeners: readonly Listener[];
  readonly addresses: readonly GatewayAddress[];
  readonly infrastructure: GatewayInfrastructure;
  /** Whose ListenerSets it takes; undefined for nobody's. */
  readonly allowedListeners: NamespaceChoice | undefined;
  /** What it shows to backends that ask for a certificate. */
  readonly backendClientCertificate: ObjectRef | undefined;
  /** How clients' certificates are judged on ports that `frontendTlsPorts` says nothing of. */
  readonly frontendValidation: FrontendValidation | undefined;
  readonly frontendTlsPorts: ReadonlyMap<Port, FrontendValidation | undefined>;
  /** The words of `fairlead.dev/telemetry`. */
  readonly telemetry: string | undefined;
}

export interface GatewayAddress {
  /** `IPAddress`, `Hostname`, or somebody's own, with a domain. */
  readonly type: string;
  /** Undefined for any address of the type. */
  readonly value: string | undefined;
}

export interface GatewayInfrastructure {
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly parameters: ObjectRef | undefined;
}

export interface FrontendValidation {
  /** ConfigMaps with `ca.crt`. */
  readonly caCertificates: readonly ObjectRef[];
  /** `insecure-fallback` lets in who shows none or a wrong one. */
  readonly mode: 'valid-only' | 'insecure-fallback';
}

/** Whose objects may attach. */
export type NamespaceChoice =
  { readonly from: 'all' | 'same' | 'none' } | { readonly from: 'selector'; readonly selector: Selector };

export type ListenerProtocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP';

/** A listener of a Gateway or of a ListenerSet. */
export interface Listener {
  readonly name: string;
  /** In lower case; undefined for every name. */
  readonly hostname: string | undefined;
  readonly port: Port;
  /** `ListenerProtocol`, or somebody's own, which is refused by a condition. */
  readonly protocol: string;
  readonly tls: ListenerTls | undefined;
  readonly allowedRoutes: AllowedRoutes;
}

export interface ListenerTls {
  readonly mode: 'terminate' | 'passthrough';
  readonly certificates: readonly ObjectRef[];
  /** Names with a domain, for us: `fairlead.dev/issuer`. */
  readonly options: ReadonlyMap<string, string>;
}

export interface AllowedRoutes {
  readonly namespaces: NamespaceChoice;
  /** Undefined for those that fit the protocol. */
  readonly kinds: readonly RouteKind[] | undefined;
}

export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

/** Listeners that somebody else than the Gateway's owner adds to it (GEP-1713). */
export interface ListenerSet extends GatewayMeta {
  readonly parent: ParentRef;
  readonly listeners: readonly Listener[];
}

/** Reads a GatewayClass; throws `invalid` naming the field. */
export function parseGatewayClass(raw: unknown): GatewayClass {
  const root = Field.root('GatewayClass', raw);
  return {
    ...readGatewayMeta(root),
    controllerName: root.at('spec.controllerName').text(),
    parameters: optionalRef(root.at('spec.parametersRef'), { namespace: '' }),
  };
}

/** Reads a Gateway; throws `invalid` naming the field. */
export function parseGateway(raw: unknown): Gateway {
  const root = Field.root('Gateway', raw);
  const meta = readGatewayMeta(root);
  const own = { namespace: meta.namespace };
  const spec = root.at('spec');
  const allowed = spec.at('allowedListeners');
  const frontend = spec.at('tls.frontend');
  return {
    ...meta,
    className: spec.at('gatewayClassName').text(),
    listeners: readListeners(spec, meta.namespace),
    addresses: spec.at('addresses').list().map(readAddress),
    infrastructure: {
      labels: spec.at('infrastructure.labels').textMap(),
      annotations: spec.at('infrastructure.annotations').textMap(),
      parameters: optionalRef(spec.at('infrastructure.parametersRef'), own),
    },
    allowedListeners: allowed.isAbsent ? undefined : readNamespaceChoice(allowed.at('namespaces'), 'none'),
    backendClientCertificate: optionalRef(spec.at('tls.backend.clientCertificateRef'), {
      ...SECRET,
      ...own,
    }),
    frontendValidation: readValidation(frontend.at('default.validation'), meta.namespace),
    frontendTlsPorts: new Map(
      frontend
        .at('perPort')
        .list()
        .map((it) => [
          it.at('port').parse(parsePort),
          readValidation(it.at('tls.validation'), meta.namespace),
        ]),
    ),
    telemetry: root.at('metadata.annotations').textMap().get(TELEMETRY_ANNOTATION),
  };
}

/** Reads a ListenerSet; throws `invalid` naming the field. */
export function parseListenerSet(raw: unknown): ListenerSet {
  const root = Field.root('ListenerSet', raw);
  const meta = readGatewayMeta(root);
  return {
    ...meta,
    parent: readParent(root.at('spec.parentRef'), meta.namespace),
    listeners: readListeners(root.at('spec'), meta.namespace),
  };
}

function readListeners(spec: Field, namespace: string): readonly Listener[] {
  return spec
    .at('listeners')
    .list()
    .map((it) => readListener(it, namespace));
}

function readAddress(field: Field): GatewayAddress {
  const value = field.at('value').optionalText();
  return { type: field.at('type').optionalText() ?? 'IPAddress', value: value === '' ? undefined : value };
}

const MODES = { AllowValidOnly: 'valid-only', AllowInsecureFallback: 'insecure-fallback' } as const;

function readValidation(field: Field, namespace: string): FrontendValidation | undefined {
  if (field.isAbsent) return undefined;
  return {
    caCertificates: field
      .at('caCertificateRefs')
      .list()
      .map((it) => readRef(it, { namespace })),
    mode: field.at('mode').choice<FrontendValidation['mode']>(MODES, 'valid-only'),
  };
}
