import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePort } from '../base/port.ts';
import type { ObjectRef } from '../objects/gateway-api/common.ts';
import type { FrontendValidation, Listener } from '../objects/gateway-api/gateway.ts';
import {
  aGateway,
  aGrant,
  aGrpcRoute,
  aGrpcRule,
  aListener,
  aListenerSet,
  anHttpRoute,
  aParent,
  aRule,
} from '../../test/support/gateway-objects.ts';
import { statusOf, told } from '../../test/support/gateway-status.ts';

const REFS = (name: string, namespace = 'infra', kind = 'Secret', group = ''): Partial<Listener> => ({
  tls: { mode: 'terminate', certificates: [{ group, kind, namespace, name }], options: new Map() },
});
const ROUTE = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' };
const allowing = (...kinds: { group: string; kind: string }[]): Partial<Listener> => ({
  allowedRoutes: { namespaces: { from: 'all' }, kinds },
});

for (const { name, listeners, expected, given = {}, kinds } of [
  { name: 'all well', listeners: [aListener('a HTTP 80')], expected: ['Accepted, ResolvedRefs'] },
  {
    name: 'a protocol of somebody’s own',
    listeners: [aListener('a x.io/own 80')],
    expected: ['!Accepted UnsupportedProtocol, ResolvedRefs'],
    kinds: [[]],
  },
  {
    name: 'one name twice',
    listeners: [aListener('a HTTP 80 x.com'), aListener('b HTTP 80 x.com'), aListener('c HTTP 80 y.com')],
    expected: [
      '!Accepted, Conflicted HostnameConflict, ResolvedRefs',
      '!Accepted, Conflicted HostnameConflict, ResolvedRefs',
      'Accepted, ResolvedRefs',
    ],
  },
  {
    name: 'HTTPS and TLS of one name',
    listeners: [aListener('a HTTPS 443'), aListener('b TLS 443')],
    expected: [
      '!Accepted, Conflicted ProtocolConflict, ResolvedRefs',
      '!Accepted, Conflicted ProtocolConflict, ResolvedRefs',
    ],
    kinds: [['HTTPRoute', 'GRPCRoute'], ['TLSRoute']],
  },
  {
    name: 'TCP beside HTTP',
    listeners: [aListener('a TCP 80'), aListener('b HTTP 80 x.com'), aListener('c UDP 80')],
    expected: [
      '!Accepted, Conflicted ProtocolConflict, ResolvedRefs',
      '!Accepted, Conflicted ProtocolConflict, ResolvedRefs',
      'Accepted, ResolvedRefs',
    ],
    kinds: [['TCPRoute'], ['HTTPRoute', 'GRPCRoute'], ['UDPRoute']],
  },
  {
    name: 'names of TLS that overlap',
    listeners: [
      aListener('a HTTPS 443 *.x.com'),
      aListener('b HTTPS 443 foo.x.com'),
      aListener('c HTTPS 443 foo.y.com'),
      aListener('d HTTPS 8443 foo.x.com'),
    ],
    expected: [
      'Accepted, ResolvedRefs, OverlappingTLSConfig OverlappingHostnames|OverlappingCertificates',
      'Accepted, ResolvedRefs, OverlappingTLSConfig OverlappingHostnames|OverlappingCertificates',
      'Accepted, ResolvedRefs',
      'Accepted, ResolvedRefs',
    ],
  },
  {
    name: 'certificates that are not there, of another kind, not permitted, and permitted',
    listeners: [
      aListener('a HTTPS 1', REFS('gone')),
      aListener('b HTTPS 2', REFS('tls', 'infra', 'Pod')),
      aListener('c HTTPS 3', REFS('tls', 'shop')),
      aListener('d HTTPS 4', REFS('tls', 'blue')),
      aListener('e HTTPS 5', { tls: undefined }),
    ],
    expected: [
      'Accepted, !ResolvedRefs InvalidCertificateRef',
      'Accepted, !ResolvedRefs InvalidCertificateRef',
      'Accepted, !ResolvedRefs RefNotPermitted',
      'Accepted, ResolvedRefs',
      'Accepted, !ResolvedRefs InvalidCertificateRef',
    ],
    given: {
      certificates: new Set(['infra/tls', 'shop/tls', 'blue/tls']),
      grants: [aGrant('Gateway infra > Secret blue/tls'), aGrant('ListenerSet infra > Secret shop')],
    },
  },
  {
    name: 'kinds of routes that do not fit',
    listeners: [
      aListener('a HTTP 1', allowing(ROUTE)),
      aListener('b HTTP 2', allowing(ROUTE, { ...ROUTE, kind: 'TCPRoute' })),
      aListener('c HTTP 3', allowing({ ...ROUTE, group: 'x.io' })),
      aListener('d HTTP 4', allowing()),
    ],
    expected: [
      'Accepted, ResolvedRefs',
      'Accepted, !ResolvedRefs InvalidRouteKinds',
      'Accepted, !ResolvedRefs InvalidRouteKinds',
      'Accepted, ResolvedRefs',
    ],
    kinds: [['HTTPRoute'], ['HTTPRoute'], [], ['HTTPRoute', 'GRPCRoute']],
  },
])
  test(`attachments() says of listeners: ${name}`, () => {
    const status = statusOf({ ...given, gateways: [aGateway('gw', listeners)] });
    assert.deepEqual(
      status.listeners.map((it) => told(it.conditions)),
      expected,
    );
    if (kinds !== undefined)
      assert.deepEqual(
        status.listeners.map((it) => it.supportedKinds.map(({ kind }) => kind)),
        kinds,
      );
  });

test('attachments() says of listeners whose authorities for clients cannot be used', () => {
  const ref = (name: string, kind = 'ConfigMap', namespace = 'infra'): ObjectRef => ({
    group: '',
    kind,
    namespace,
    name,
  });
  const validation = (...refs: ObjectRef[]): FrontendValidation => ({
    caCertificates: refs,
    mode: 'insecure-fallback',
  });
  const status = statusOf({
    gateways: [
      aGateway(
        'gw',
        [1, 2, 3, 4].map((port) => aListener(`p${port} HTTPS ${port}`)),
        {
          frontendValidation: validation(ref('ca')),
          frontendTlsPorts: new Map([
            [parsePort(2), validation(ref('gone'), ref('ca'))],
            [parsePort(3), validation(ref('ca', 'Pod'), ref('ca', 'ConfigMap', 'shop'))],
            [parsePort(4), undefined],
          ]),
        },
      ),
    ],
  });
  assert.deepEqual(
    status.listeners.map((it) => told(it.conditions)),
    [
      'Accepted, ResolvedRefs',
      'Accepted, !ResolvedRefs InvalidCACertificateRef',
      '!Accepted NoValidCACertificate, !ResolvedRefs InvalidCACertificateKind|RefNotPermitted',
      'Accepted, ResolvedRefs',
    ],
  );
  assert.equal(
    told(status.conditions),
    'Accepted ListenersNotValid, !ResolvedRefs ListenersNotResolved, InsecureFrontendValidationMode ConfigurationChanged',
  );
});

test('attachments() asks for authorities where clients speak HTTPS, and nowhere else', () => {
  const gone = { group: '', kind: 'ConfigMap', namespace: 'infra', name: 'gone' };
  const listeners = [aListener('a HTTP 80'), aListener('b TLS 443'), aListener('c HTTPS 8443')];
  const frontendValidation = { caCertificates: [gone], mode: 'valid-only' } as const;
  const status = statusOf({ gateways: [aGateway('gw', listeners, { frontendValidation })] });
  assert.deepEqual(
    status.listeners.map((it) => told(it.conditions)),
    [
      'Accepted, ResolvedRefs',
      'Accepted, ResolvedRefs',
      '!Accepted NoValidCACertificate, !ResolvedRefs InvalidCACertificateRef',
    ],
  );
});

test('attachments() accepts no ListenerSet of a Gateway that is not accepted', () => {
  const listeners = [aListener('a HTTP 80'), aListener('b HTTP 80')];
  const { listenerSets } = statusOf({
    gateways: [aGateway('gw', listeners, { allowedListeners: { from: 'same' } })],
    listenerSets: [aListenerSet('more', [aListener('a HTTP 81')])],
  });
  assert.deepEqual(
    listenerSets.map((it) => told(it.conditions)),
    ['!Accepted ParentNotAccepted'],
  );
});

test('attachments() does not accept a Gateway without a listener that is accepted', () => {
  const listeners = [aListener('a HTTP 80'), aListener('b HTTP 80')];
  assert.equal(
    told(statusOf({ gateways: [aGateway('gw', listeners)] }).conditions),
    '!Accepted ListenersNotValid, ResolvedRefs',
  );
});

test('attachments() says what the Gateway’s own certificate lacks', () => {
  const backendClientCertificate = { group: '', kind: 'Secret', namespace: 'infra', name: 'gone' };
  const listeners = [aListener('a HTTP 80')];
  const { conditions } = statusOf({ gateways: [aGateway('gw', listeners, { backendClientCertificate })] });
  assert.equal(told(conditions), 'Accepted, !ResolvedRefs InvalidClientCertificateRef');
});

test('attachments() counts the routes of a listener that are accepted, whatever the listener is', () => {
  const { listeners } = statusOf({
    gateways: [
      aGateway('gw', [
        aListener('a HTTP 80 *.x.com'),
        aListener('b HTTPS 443 y.com', REFS('gone')),
        aListener('c TCP 81'),
      ]),
    ],
    httpRoutes: [
      anHttpRoute('both', [aRule([], ['nobody'])]),
      anHttpRoute('one', [aRule([], ['v1'])], { hostnames: ['a.x.com'] }),
      anHttpRoute('none', [aRule([], ['v1'])], { hostnames: ['x.com'] }),
      anHttpRoute('unread', [aRule(['~('], ['v1'])]),
      anHttpRoute('twice', [aRule([], ['v1'])], { parents: [aParent('gw#b'), aParent('gw:443')] }),
    ],
    grpcRoutes: [aGrpcRoute('grpc', [aGrpcRule([], ['v1'])], { parents: [aParent('gw#b')] })],
  });
  assert.deepEqual(
    listeners.map((it) => it.attachedRoutes),
    [2, 3, 0],
  );
});

test('attachments() says of ListenerSets what precedence leaves them', () => {
  const NEW = { createdAt: '2026-02-01T00:00:00Z' };
  const status = statusOf({
    gateways: [aGateway('gw', [aListener('a HTTP 80')], { allowedListeners: { from: 'same' } })],
    listenerSets: [
      aListenerSet('lost', [aListener('a TCP 80')], NEW),
      aListenerSet('half', [aListener('a HTTP 81'), aListener('b HTTP 82')], NEW),
      aListenerSet('first', [aListener('a HTTP 81')]),
      aListenerSet('shop/out', [aListener('a HTTP 83')], { parent: aParent('gw') }),
      aListenerSet('other', [aListener('a HTTP 84')], { parent: aParent('shop/gw') }),
    ],
  });
  assert.deepEqual(
    status.listenerSets.map((it) => [
      it.name,
      told(it.conditions),
      it.listeners?.map((one) => told(one.conditions)),
    ]),
    [
      [
        'lost',
        '!Accepted ListenersNotValid',
        ['!Accepted, Conflicted ProtocolConflict|ListenerConflict, ResolvedRefs'],
      ],
      [
        'half',
        'Accepted Accepted|ListenersNotValid',
        ['!Accepted, Conflicted HostnameConflict|ListenerConflict, ResolvedRefs', 'Accepted, ResolvedRefs'],
      ],
      ['first', 'Accepted', ['Accepted, ResolvedRefs']],
      ['out', '!Accepted NotAllowed', undefined],
    ],
  );
  assert.equal(status.attachedListenerSets, 2);
  assert.equal(told(status.conditions), 'Accepted, ResolvedRefs');
});
