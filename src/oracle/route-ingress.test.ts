import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  INGRESS_BACKENDS,
  INGRESS_CLASSES,
  INGRESS_HOSTS,
  INGRESS_PATHS,
} from '../../test/support/gateway-rows/ingress.ts';
import {
  anIngress,
  anIngressClass,
  anIngressRule,
  anIngressWorld,
  CONTROLLER,
  testIngresses,
} from '../../test/support/ingress-objects.ts';
import { ingressCertificate } from './route-ingress.ts';

testIngresses('hosts', INGRESS_HOSTS);
testIngresses('paths', INGRESS_PATHS);
testIngresses('backends', INGRESS_BACKENDS);
testIngresses('classes', INGRESS_CLASSES);

test('ingressCertificate() goes by the name asked for: precise before a star, then age, then the controller’s own', () => {
  const tls = (secretName: string, ...hosts: string[]): { hosts: string[]; secretName: string } => ({
    hosts,
    secretName,
  });
  const world = anIngressWorld({
    certificates: new Set(['infra/one', 'infra/star', 'infra/new', 'shop/one', 'infra/rules']),
    ingressClasses: [anIngressClass('fairlead'), anIngressClass('other', { controllerName: 'x.io/other' })],
    ingresses: [
      anIngress('new', [], { tls: [tls('new', 'a.com', 'n.com')], createdAt: '2026-02-01T00:00:00Z' }),
      anIngress('old', [], {
        tls: [tls('star', '*.b.com'), tls('one', 'a.com', 'a.b.com'), tls('gone', 'g.com')],
      }),
      anIngress('rules', [anIngressRule('r.com', ['/ v1'])], { tls: [tls('rules')] }),
      anIngress('shop/other', [], { className: 'other', tls: [tls('one', 'o.com')] }),
    ],
  });
  const asked = [
    'a.com',
    'A.B.com',
    'c.b.com',
    'd.c.b.com',
    'b.com',
    'n.com',
    'g.com',
    'r.com',
    'o.com',
    undefined,
  ];
  assert.deepEqual(
    asked.map((it) => ingressCertificate(world, CONTROLLER, it)),
    [
      'infra/one',
      'infra/one',
      'infra/star',
      undefined,
      undefined,
      'infra/new',
      undefined,
      'infra/rules',
      undefined,
      undefined,
    ],
  );
});
