// Slim Ingresses in few words, and what must come of requests to them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPort } from '../../src/base/port.ts';
import type {
  Ingress,
  IngressBackend,
  IngressClass,
  IngressPath,
  IngressRule,
} from '../../src/objects/ingress.ts';
import { routeIngress, type IngressObjects } from '../../src/oracle/route-ingress.ts';
import { aWorld, metaOf } from './gateway-objects.ts';
import { requestOf, saidOf } from './gateway-table.ts';

export const CONTROLLER = 'fairlead.dev/ingress';

/** "v1", "v1:8080", "v1:http" */
export function anIngressBackend(text: string): IngressBackend {
  const [name = '', port = '8080'] = text.split(':');
  const number = Number(port);
  return { kind: 'service', name, port: isPort(number) ? number : port };
}

/** "=/exact v1", "/prefix v1", "~/own v1" for ImplementationSpecific. */
function anIngressPath(text: string): IngressPath {
  const [path = '', backend = ''] = text.split(' ');
  const type = path.startsWith('=') ? 'exact' : path.startsWith('~') ? 'implementation-specific' : 'prefix';
  return { type, path: path.replace(/^[=~]/, ''), backend: anIngressBackend(backend) };
}

/** "*" is a rule without a host. */
export function anIngressRule(host: string, paths: readonly string[]): IngressRule {
  return { host: host === '*' ? undefined : host, paths: paths.map(anIngressPath) };
}

export function anIngress(key: string, rules: readonly IngressRule[], rest: Partial<Ingress> = {}): Ingress {
  return {
    ...metaOf(key),
    className: 'fairlead',
    defaultBackend: undefined,
    rules,
    tls: [],
    annotations: new Map(),
    ...rest,
  };
}

export function anIngressClass(name: string, rest: Partial<IngressClass> = {}): IngressClass {
  return {
    ...metaOf(`/${name}`),
    controllerName: CONTROLLER,
    isDefault: false,
    parameters: undefined,
    telemetry: undefined,
    ...rest,
  };
}

/** With what `aWorld` has, and the class `fairlead`. */
export function anIngressWorld(given: Partial<IngressObjects> = {}): IngressObjects {
  const { services, endpointSlices, certificates } = aWorld();
  return {
    ingresses: [],
    ingressClasses: [anIngressClass('fairlead')],
    certificates,
    ...given,
    services: [...services, ...(given.services ?? [])],
    endpointSlices: [...endpointSlices, ...(given.endpointSlices ?? [])],
  };
}

export interface IngressRow {
  readonly name: string;
  readonly given: Partial<IngressObjects>;
  /** As for Gateways. */
  readonly asked: Readonly<Record<string, string>>;
}

export function testIngresses(title: string, rows: readonly IngressRow[]): void {
  for (const { name, given, asked } of rows)
    test(`routeIngress() ${title}: ${name}`, () => {
      const world = anIngressWorld(given);
      const said = Object.keys(asked).map((it) => [
        it,
        saidOf(routeIngress(world, CONTROLLER, requestOf(it))),
      ]);
      assert.deepEqual(Object.fromEntries(said), asked);
    });
}
