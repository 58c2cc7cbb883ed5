// The objects of the bench: one Gateway with two listeners, and thousands of routes to Services of two endpoints each.

import { GATEWAY_CONTROLLER } from '../../src/objects/gateway-api/common.ts';
import type { TestCertificate } from '../../test/support/certificates.ts';

/** Routes of a Service, and of a host. */
const ROUTES_OF_SERVICE = 5;
const ROUTES_OF_HOST = 10;
/** Where everything answers, whatever the address. */
export const ANSWER_PORT = 9000;
export const NAMESPACE = 'default';
export const GATEWAY = 'gw';
export const HTTP_PORT = 80;
export const HTTPS_PORT = 443;
const GATEWAY_API = 'gateway.networking.k8s.io/v1';

const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const GATEWAYS = `/apis/${GATEWAY_API}/namespaces/${NAMESPACE}`;
export const URLS = {
  classes: `/apis/${GATEWAY_API}/gatewayclasses`,
  gateways: `${GATEWAYS}/gateways`,
  routes: `${GATEWAYS}/httproutes`,
  services: `${CORE}/services`,
  slices: `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`,
  secrets: `${CORE}/secrets`,
};

export function hostOf(route: number): string {
  return `h${Math.floor(route / ROUTES_OF_HOST)}.example`;
}

export function pathOf(route: number): string {
  return `/r${route}`;
}

export function servicesOf(routes: number): number {
  return Math.max(8, Math.ceil(routes / ROUTES_OF_SERVICE));
}

export function serviceOf(route: number): string {
  return serviceName(Math.floor(route / ROUTES_OF_SERVICE));
}

export function serviceName(service: number): string {
  return `s${service}`;
}

/** Of a Service, one of the two that it has from the start, or a later one. */
export function addressOf(service: number, endpoint: number): string {
  return `10.${16 + (endpoint % 128)}.${service >> 8}.${service & 255}`;
}

export function gatewayClass(): object {
  return {
    apiVersion: GATEWAY_API,
    kind: 'GatewayClass',
    metadata: { name: 'fairlead' },
    spec: { controllerName: GATEWAY_CONTROLLER },
  };
}

/** `ports`: of more listeners, that only a reload can open. */
export function gatewaySpec(ports: readonly number[] = []): object {
  return {
    gatewayClassName: 'fairlead',
    listeners: [
      { name: 'http', port: HTTP_PORT, protocol: 'HTTP' },
      { name: 'https', port: HTTPS_PORT, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'tls' }] } },
      ...ports.map((port) => ({ name: `more-${port}`, port, protocol: 'HTTP' })),
    ],
  };
}

export function gateway(): object {
  return { apiVersion: GATEWAY_API, kind: 'Gateway', metadata: { name: GATEWAY }, spec: gatewaySpec() };
}

export function secretData({ certificate, key }: TestCertificate): object {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return { 'tls.crt': base64(certificate), 'tls.key': base64(key) };
}

export function secret(certificate: TestCertificate): object {
  const data = secretData(certificate);
  return { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: 'tls' }, data };
}

export function service(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: serviceName(index) },
    spec: { ports: [{ name: 'http', port: 80, targetPort: ANSWER_PORT }] },
  };
}

export function slice(index: number): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${serviceName(index)}-1`,
      labels: { 'kubernetes.io/service-name': serviceName(index) },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: ANSWER_PORT, protocol: 'TCP' }],
    endpoints: endpoints([addressOf(index, 0), addressOf(index, 1)]),
  };
}

export function endpoints(addresses: readonly string[]): readonly object[] {
  return addresses.map((it) => ({ addresses: [it], conditions: { ready: true } }));
}

/** Services by name, each with its weight. */
export function rules(index: number, weights: Readonly<Record<string, number>>): readonly object[] {
  const backendRefs = Object.entries(weights).map(([name, weight]) => ({ name, port: 80, weight }));
  return [{ matches: [{ path: { type: 'PathPrefix', value: pathOf(index) } }], backendRefs }];
}

export function route(index: number): object {
  return {
    apiVersion: GATEWAY_API,
    kind: 'HTTPRoute',
    metadata: { name: `r${index}` },
    spec: {
      parentRefs: [{ name: GATEWAY }],
      hostnames: [hostOf(index)],
      rules: rules(index, { [serviceOf(index)]: 1 }),
    },
  };
}
