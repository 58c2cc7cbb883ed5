// Where a reference of a rule leads: a port of a Service with its endpoints, or nowhere, and why.

import { GATEWAY_GROUP, type BackendRef } from '../objects/gateway-api/common.ts';
import type { Gateway } from '../objects/gateway-api/gateway.ts';
import type { Service, ServicePort } from '../objects/service.ts';
import type { Backend, BackendTrust, GatewayObjects } from './route-objects.ts';
import { certificateFault } from './route-listener.ts';
import { compareTexts } from './route-precedence.ts';
import { permits, type Referrer } from './route-reference.ts';

export type Resolved =
  | { readonly kind: 'backend'; readonly backend: Backend }
  /** The Service has no endpoint that serves. */
  | { readonly kind: 'empty' }
  /** A BackendTLSPolicy wants what nobody has. */
  | { readonly kind: 'untrusted' }
  /** `reason` of the condition ResolvedRefs. */
  | { readonly kind: 'invalid'; readonly reason: string };

/** How a route speaks; `isPassed` where TLS goes on as it came, so that nobody adds any. */
export interface Speech {
  readonly kind: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute' | 'UDPRoute';
  readonly isPassed: boolean;
}

export function resolveBackend(
  objects: GatewayObjects,
  gateway: Gateway,
  { speech, namespace }: { readonly speech: Speech; readonly namespace: string },
  ref: BackendRef,
): Resolved {
  if (ref.group !== '' || ref.kind !== 'Service') return { kind: 'invalid', reason: 'InvalidKind' };
  const from: Referrer = { group: GATEWAY_GROUP, kind: speech.kind, namespace };
  if (!permits(objects.grants, from, ref)) return { kind: 'invalid', reason: 'RefNotPermitted' };
  const service = objects.services.find((it) => it.namespace === ref.namespace && it.name === ref.name);
  const transport = speech.kind === 'UDPRoute' ? 'UDP' : 'TCP';
  const port = service?.ports.find((it) => it.port === ref.port && it.protocol === transport);
  // An ExternalName is no place of the cluster: whoever may write a Service could send a Gateway anywhere.
  if (service === undefined || port === undefined || service.type === 'ExternalName')
    return { kind: 'invalid', reason: 'BackendNotFound' };
  const policy = speech.isPassed || speech.kind === 'UDPRoute' ? undefined : policyOf(objects, service, port);
  const protocol = protocolOf(speech.kind, port, policy !== undefined);
  if (protocol === undefined) return { kind: 'invalid', reason: 'UnsupportedProtocol' };
  const tls = policy === undefined ? undefined : trustOf(objects, gateway, policy);
  if (tls === 'none') return { kind: 'untrusted' };
  const endpoints = endpointsOf(objects, service, port);
  if (endpoints.length === 0) return { kind: 'empty' };
  return {
    kind: 'backend',
    backend: {
      namespace: service.namespace,
      service: service.name,
      port: port.port,
      protocol,
      tls,
      endpoints,
    },
  };
}

const PLAIN = new Set(['', 'http', 'ws', 'kubernetes.io/ws']);
const H2C = new Set(['h2c', 'grpc', 'kubernetes.io/h2c']);
const TLS = new Set(['https', 'wss', 'kubernetes.io/wss']);

export function isH2c({ appProtocol = '' }: ServicePort): boolean {
  return H2C.has(appProtocol);
}

/** Undefined where a route of the kind cannot speak what the port says of itself: TLS without a policy that says whom to trust is none of ours. */
function protocolOf(
  kind: Speech['kind'],
  port: ServicePort,
  isTls: boolean,
): Backend['protocol'] | undefined {
  if (kind === 'UDPRoute') return 'udp';
  if (kind === 'TCPRoute' || kind === 'TLSRoute') return 'tcp';
  const { appProtocol = '' } = port;
  const isKnown = PLAIN.has(appProtocol) || isH2c(port) || (isTls && TLS.has(appProtocol));
  if (!isKnown) return undefined;
  return kind === 'GRPCRoute' || isH2c(port) ? 'h2c' : 'http';
}

/** "A policy that names a port goes before one for the whole Service"; then the older, then the one first by name. */
function policyOf(
  { tlsPolicies }: GatewayObjects,
  service: Service,
  { name }: ServicePort,
): GatewayObjects['tlsPolicies'][number] | undefined {
  const of = (sectionName: string | undefined): GatewayObjects['tlsPolicies'][number] | undefined =>
    tlsPolicies
      .filter((it) => it.namespace === service.namespace)
      .filter(({ targets }) =>
        targets.some(
          (it) =>
            it.group === '' &&
            it.kind === 'Service' &&
            it.name === service.name &&
            it.sectionName === sectionName,
        ),
      )
      .sort((a, b) => compareTexts(a.createdAt, b.createdAt) || compareTexts(a.name, b.name))[0];
  return (name === '' ? undefined : of(name)) ?? of(undefined);
}

/** 'none' where not one authority can be used ("the client MUST receive an HTTP 5xx error response"), or its names can not be looked for. */
function trustOf(
  objects: GatewayObjects,
  gateway: Gateway,
  policy: GatewayObjects['tlsPolicies'][number],
): BackendTrust | 'none' {
  const usable = policy.caCertificates.filter(
    (it) =>
      it.group === '' && it.kind === 'ConfigMap' && objects.authorities.has(`${policy.namespace}/${it.name}`),
  );
  if (usable.length === 0 && !(policy.usesSystemAuthorities && policy.caCertificates.length === 0))
    return 'none';
  if (!isHostnameNamed(policy)) return 'none';
  return {
    policy: `${policy.namespace}/${policy.name}`,
    hostname: policy.hostname,
    clientCertificate: clientCertificateOf(objects, gateway),
  };
}

/** What a proxy here can look for in a certificate is the name that it asks for, nothing else. */
export function isHostnameNamed({
  hostname,
  subjectAltNames,
}: GatewayObjects['tlsPolicies'][number]): boolean {
  if (subjectAltNames.length === 0) return true;
  return subjectAltNames.some(({ type, value }) => type === 'hostname' && value === hostname);
}

function clientCertificateOf(objects: GatewayObjects, gateway: Gateway): string | undefined {
  const ref = gateway.backendClientCertificate;
  if (ref === undefined || clientCertificateFault(objects, gateway) !== undefined) return undefined;
  return `${ref.namespace}/${ref.name}`;
}

export function clientCertificateFault(objects: GatewayObjects, gateway: Gateway): string | undefined {
  const ref = gateway.backendClientCertificate;
  if (ref === undefined) return undefined;
  const from = { group: GATEWAY_GROUP, kind: 'Gateway', namespace: gateway.namespace };
  return certificateFault(objects, from, ref, 'InvalidClientCertificateRef');
}

export interface KnownEndpoint {
  /** "ip port" */
  readonly at: string;
  readonly isReady: boolean;
  /** It serves its last: it is about to end. */
  readonly isLast: boolean;
}

/** All that the slices have for a port, ready or not. */
export function knownEndpoints(
  { endpointSlices }: Pick<GatewayObjects, 'endpointSlices'>,
  service: Service,
  { name, protocol }: ServicePort,
): readonly KnownEndpoint[] {
  return endpointSlices
    .filter((it) => it.namespace === service.namespace && it.service === service.name)
    .flatMap((slice) =>
      slice.ports
        .filter((it) => it.name === name && it.protocol === protocol)
        .flatMap(({ port }) =>
          slice.endpoints.flatMap(({ addresses: [ip], isReady, isServing, isTerminating }) =>
            ip === undefined || port === undefined
              ? []
              : [{ at: `${ip} ${port}`, isReady, isLast: isServing && isTerminating }],
          ),
        ),
    );
}

/** Those that are ready, or else those that serve their last (KEP-1669), as Services have them. */
export function endpointsOf(
  objects: Pick<GatewayObjects, 'endpointSlices'>,
  service: Service,
  port: ServicePort,
): readonly string[] {
  const found = knownEndpoints(objects, service, port);
  const ready = found.filter((it) => it.isReady);
  const last = found.filter((it) => it.isLast);
  return [...new Set((ready.length > 0 ? ready : last).map((it) => it.at))].sort();
}
