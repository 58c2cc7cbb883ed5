// Random Ingresses, small enough that hosts and paths meet often, and requests that mostly come near.

import fc from 'fast-check';
import type { Ingress, IngressBackend, IngressPath, IngressRule } from '../../src/objects/ingress.ts';
import type { HttpRequest } from '../../src/oracle/route-objects.ts';
import type { IngressObjects } from '../../src/oracle/route-ingress.ts';
import { aService, aServicePort, aSlice } from '../support/gateway-objects.ts';
import { anIngress, anIngressBackend, anIngressClass, anIngressWorld } from '../support/ingress-objects.ts';

const HOSTS = [undefined, '*.example.com', 'a.example.com', '*.a.example.com', 'b.org'];
const ASKED_HOSTS = [
  'a.example.com',
  'c.example.com',
  'b.a.example.com',
  'B.org:8080',
  'example.com',
  undefined,
];
const PATHS = ['/', '/a', '/a/', '/a/b', '/ab'];
const ASKED_PATHS = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/A'];
const BACKENDS = ['v1', 'v2', 'v3', 'web:http', 'web:80', 'empty', 'nobody', 'v1:81'];
const AGES = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'];

const backend: fc.Arbitrary<IngressBackend> = fc.constantFrom(...BACKENDS).map(anIngressBackend);

const path: fc.Arbitrary<IngressPath> = fc.record({
  type: fc.constantFrom('exact', 'prefix', 'prefix', 'implementation-specific'),
  path: fc.constantFrom(...PATHS),
  backend,
});

const rule: fc.Arbitrary<IngressRule> = fc.record({
  host: fc.constantFrom(...HOSTS),
  paths: fc.array(path, { maxLength: 3 }),
});

const ingress: fc.Arbitrary<(name: string) => Ingress> = fc
  .record({
    namespace: fc.constantFrom('infra', 'infra', 'shop'),
    createdAt: fc.constantFrom(...AGES),
    className: fc.constantFrom('fairlead', 'fairlead', 'fairlead', undefined, 'other'),
    defaultBackend: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: backend },
    ),
    rules: fc.array(rule, { maxLength: 3 }),
  })
  .map(
    ({ namespace, rules, ...rest }) =>
      (name) =>
        anIngress(`${namespace}/${name}`, rules, rest),
  );

const anyIngresses: fc.Arbitrary<IngressObjects> = fc
  .record({ ingresses: fc.array(ingress, { minLength: 1, maxLength: 4 }), isDefault: fc.boolean() })
  .map(({ ingresses, isDefault }) =>
    anIngressWorld({
      ingresses: ingresses.map((it, at) => it(`i${at}`)),
      ingressClasses: [
        anIngressClass('fairlead', { isDefault }),
        anIngressClass('other', { controllerName: 'x.io/other', isDefault: !isDefault }),
      ],
      services: [
        aService('web', [aServicePort(80, { name: 'http', appProtocol: 'kubernetes.io/h2c' })]),
        aService('shop/v1'),
      ],
      endpointSlices: [aSlice('web', ['10.1.0.1'], { name: 'http' }), aSlice('shop/v1', ['10.2.0.1'])],
    }),
  );

const anyRequest: fc.Arbitrary<HttpRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  host: fc.constantFrom(...ASKED_HOSTS),
  path: fc.constantFrom(...ASKED_PATHS),
  query: fc.constantFrom(undefined, 'x=y'),
  headers: fc.constant([]),
});

export const anyIngressCase: fc.Arbitrary<{
  readonly objects: IngressObjects;
  readonly request: HttpRequest;
}> = fc.record({ objects: anyIngresses, request: anyRequest });
