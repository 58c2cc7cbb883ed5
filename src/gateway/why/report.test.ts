// Reports as people read them: what comes of requests, and why.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { readAsked } from './asked.ts';
import { gatewayReport } from './gateway-report.ts';
import { ingressReport } from './ingress-report.ts';
import { reportText } from './report-text.ts';
import { readRouteWorld, type RawObject } from './route-world.ts';
import { chooseSubject } from './subject.ts';

const API = 'apiVersion: gateway.networking.k8s.io/v1';

function gateway(name: string, listeners: string): string {
  return `{${API}, kind: Gateway, metadata: {namespace: a, name: ${name}}, spec: {gatewayClassName: x, listeners: [${listeners}]}}`;
}

function httpRoute(name: string, spec: string): string {
  return `{${API}, kind: HTTPRoute, metadata: {namespace: a, name: ${name}}, spec: {parentRefs: [{name: gw}], ${spec}}}`;
}

function service(name: string, more = ''): string {
  return `{apiVersion: v1, kind: Service, metadata: {namespace: a, name: ${name}}, spec: {ports: [{port: 80${more}}]}}`;
}

function slice(name: string, ...endpoints: readonly string[]): string {
  return `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {namespace: a, name: ${name}-1, labels: {kubernetes.io/service-name: ${name}}}, addressType: IPv4, ports: [{port: 8080, protocol: TCP}], endpoints: [${endpoints.join(', ')}]}`;
}

const READY = '{addresses: [10.0.0.1]}';
const STARTING = '{addresses: [10.0.0.2], conditions: {ready: false}}';
const HTTP = '{name: http, port: 80, protocol: HTTP}';
const TWO_NAMES = ['one', 'two']
  .map(
    (it) =>
      `{name: ${it}, port: 443, protocol: HTTPS, hostname: ${it}.example, tls: {certificateRefs: [{name: tls}]}}`,
  )
  .join(', ');

interface Row {
  readonly name: string;
  readonly objects: readonly string[];
  readonly isLive?: boolean;
  readonly url: string;
  readonly headers?: readonly string[];
  /** Lines without what stands before and behind them. */
  readonly said: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    name: 'endpoints with their states, and what the backend gets',
    objects: [
      gateway('gw', HTTP),
      httpRoute(
        'r',
        'rules: [{matches: [{path: {value: /v1}}], filters: [{type: URLRewrite, urlRewrite: {hostname: in.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}}], timeouts: {request: 5s}, backendRefs: [{name: web, port: 80}]}]',
      ),
      service('web'),
      slice('web', READY, STARTING),
    ],
    url: 'http://a.example/v1/x?y=z',
    said: [
      'GET http://a.example/v1/x?y=z: Service a/web:80',
      'at        Gateway a/gw',
      'listener  http, port 80 HTTP',
      'rule      HTTPRoute a/r rule 0: path prefix /v1',
      'filters   rewrite: the host becomes in.example, the matched prefix becomes /v2',
      'timeout: 5000 ms for the whole',
      'to        Service a/web:80  HTTP/1.1, as in.example/v2/x?y=z, 1 ready: 10.0.0.1:8080, 1 not ready: 10.0.0.2:8080',
    ],
  },
  {
    name: 'why shares lead nowhere',
    objects: [
      gateway('gw', HTTP),
      httpRoute(
        'r',
        'rules: [{backendRefs: [{name: web, port: 80, weight: 2}, {name: gone, port: 80}, {name: b, namespace: b, port: 80}, {name: web, port: 81}, {name: starts, port: 80}, {name: odd, port: 80}, {name: none, port: 80, weight: 0}]}]',
      ),
      service('web'),
      service('starts'),
      slice('starts', STARTING),
      service('odd', ', appProtocol: https'),
    ],
    url: 'http://a.example/',
    said: [
      'GET http://a.example/: 28.6% Service a/web:80, 14.3% 500, 14.3% 500, 14.3% 500, 14.3% 503, 14.3% 500',
      'at        Gateway a/gw',
      'listener  http, port 80 HTTP',
      'rule      HTTPRoute a/r rule 0: path prefix /',
      'to        28.6% Service a/web:80     HTTP/1.1, endpoints unknown (no manifest has them)',
      '14.3% Service a/gone:80    500: BackendNotFound: no manifest has that Service',
      '14.3% Service b/b:80       500: RefNotPermitted: no ReferenceGrant of namespace b lets HTTPRoutes of namespace a name it',
      '14.3% Service a/web:81     500: BackendNotFound: the Service has no port 81 of TCP, but 80',
      '14.3% Service a/starts:80  503: none of its endpoints is ready: 10.0.0.2:8080',
      '14.3% Service a/odd:80     500: UnsupportedProtocol: appProtocol https needs a BackendTLSPolicy, or is not spoken here',
    ],
  },
  {
    name: 'a request that came to the wrong name, by 421',
    objects: [gateway('gw', TWO_NAMES)],
    url: 'https://one.example/',
    headers: ['Host: two.example'],
    said: [
      'GET https://one.example/ (Host: two.example): 421, the name asked for by TLS is of listener one, the host of listener two',
      'at        Gateway a/gw',
      'listener  two, port 443 HTTPS, two.example',
      'TLS       one.example of listener one ends here, by Secret a/tls',
      'note: Secret a/tls is in no manifest: it is taken to be there',
    ],
  },
  {
    name: 'a listener of a cluster whose certificate is not there',
    objects: [gateway('gw', TWO_NAMES)],
    isLive: true,
    url: 'https://one.example/',
    said: [
      'GET https://one.example/: no connection, no listener is served at port 443 of TCP',
      'at        Gateway a/gw',
      'listeners one, port 443 HTTPS, one.example: not served (InvalidCertificateRef)',
      'two, port 443 HTTPS, two.example: not served (InvalidCertificateRef)',
      "note: its class x is nobody's: there is no such GatewayClass",
    ],
  },
  {
    name: 'TLS that is handed on',
    objects: [
      gateway('gw', '{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}}'),
      `{${API}, kind: TLSRoute, metadata: {namespace: a, name: t}, spec: {parentRefs: [{name: gw}], hostnames: [db.example], rules: [{backendRefs: [{name: web, port: 80}]}]}}`,
      service('web'),
    ],
    url: 'tls://db.example',
    said: [
      'tls://db.example:443: Service a/web:80',
      'at        Gateway a/gw',
      'listener  tls, port 443 TLS',
      'TLS       db.example is handed on as it comes: the backend ends TLS',
      'rule      TLSRoute a/t rule 0',
      'to        Service a/web:80  TCP, endpoints unknown (no manifest has them)',
    ],
  },
  {
    name: 'what a status says against it',
    objects: [
      gateway('gw', HTTP).replace(
        /}$/,
        ', status: {conditions: [{type: Programmed, status: "False", reason: AddressNotUsable, message: none is left}, {type: Accepted, status: "True"}]}}',
      ),
    ],
    url: 'http://a.example/',
    said: [
      'GET http://a.example/: 404, no rule has it',
      'at        Gateway a/gw',
      'listener  http, port 80 HTTP',
      'note: Gateway a/gw: Programmed is False (AddressNotUsable): none is left',
    ],
  },
  {
    name: 'an Ingress, and what came near',
    objects: [
      '{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {namespace: a, name: i, annotations: {nginx.ingress.kubernetes.io/rewrite-target: /}}, spec: {ingressClassName: x, defaultBackend: {service: {name: gone, port: {number: 80}}}, rules: [{host: a.example, http: {paths: [{path: /b, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}, {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}, {host: b.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}',
      service('web'),
    ],
    url: 'http://a.example/bc',
    said: [
      'GET http://a.example/bc: Service a/web:80',
      'at        IngressClass x',
      'rule      Ingress a/i rule 0 path 1: a.example, path prefix /',
      'to        Service a/web:80  HTTP/1.1, endpoints unknown (no manifest has them)',
      'others, the nearest first',
      'Ingress a/i default backend  it has the request, too, but paths go before default backends',
      'Ingress a/i rule 0 path 0    path /bc is not /b exactly',
      'and 1 more, which -o json has',
      'note: IngressClass x is in no manifest: it is taken to be of Fairlead',
      'note: not judged, and may change all of this: Ingress a/i has the annotations rewrite-target',
    ],
  },
];

function worldOf(objects: readonly string[], isLive = false) {
  return readRouteWorld(
    objects.flatMap((it) => parseAllDocuments(it)).map((it) => it.toJS() as RawObject),
    isLive,
  );
}

for (const { name, objects, isLive, url, headers = [], said } of ROWS)
  test(`reportText() tells ${name}`, () => {
    const world = worldOf(objects, isLive);
    const asked = readAsked({ method: 'GET', url, headers });
    const [gateway] = world.objects.gateways;
    const [ingressClass] = world.objects.ingressClasses;
    const report =
      gateway === undefined
        ? ingressClass && ingressReport(world, ingressClass, asked, () => undefined)
        : gatewayReport(world, gateway, asked, () => undefined);
    assert.ok(report);
    const lines = reportText(report).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((it) => it.trim()),
      said,
    );
  });

test('chooseSubject() takes the one that has the request, and asks where several have', () => {
  const listener = (host: string): string => `{name: h, port: 80, protocol: HTTP, hostname: ${host}}`;
  const world = worldOf([
    gateway('gw', listener('a.example')),
    gateway('two', listener('b.example')),
    gateway('three', listener('b.example')),
  ]);
  const choose = (url: string, names = {}): string => {
    const subject = chooseSubject(world, readAsked({ method: 'GET', url, headers: [] }), names);
    return subject.kind === 'gateway' ? subject.gateway.name : subject.ingressClass.name;
  };
  assert.equal(choose('http://a.example/'), 'gw');
  assert.equal(choose('http://b.example/', { gateway: 'a/two' }), 'two');
  assert.throws(
    () => choose('http://b.example/'),
    /Gateway a\/two, Gateway a\/three have it: name one by --gateway/,
  );
  assert.throws(() => choose('http://c.example/'), /listen there, and none has it/);
  assert.throws(
    () => choose('http://a.example:81/'),
    /nobody listens there: Gateway a\/gw \(80 HTTP a\.example\);/,
  );
  assert.throws(
    () => choose('http://a.example/', { address: '10.0.0.1' }),
    /Cannot find who has the address 10\.0\.0\.1/,
  );
});
