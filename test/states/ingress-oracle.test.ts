// What must hold of every answer about Ingresses, whatever they are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ingressesOf, routeIngress } from '../../src/oracle/route-ingress.ts';
import { saidOf } from '../support/gateway-table.ts';
import { anIngress, anIngressRule, CONTROLLER } from '../support/ingress-objects.ts';
import { anyIngressCase } from './arbitrary-ingress.ts';

const RUNS = { numRuns: 500 };

test('random requests to Ingresses reach every sort of answer', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyIngressCase, ({ objects, request }) => {
      const answer = routeIngress(objects, CONTROLLER, request);
      seen.add(saidOf(answer));
      if (answer.kind === 'rule' && answer.rule.endsWith('default backend')) seen.add('default');
    }),
    { numRuns: 1000 },
  );
  assert.deepEqual([...seen].sort(), [
    '404',
    '500 or 503',
    '503',
    'default',
    'shop/v1',
    'v1',
    'v2',
    'v3',
    'web',
  ]);
});

test('routeIngress() does not depend on the order of objects', () => {
  fc.assert(
    fc.property(anyIngressCase, ({ objects, request }) => {
      const other = {
        ...objects,
        ingresses: objects.ingresses.toReversed(),
        ingressClasses: objects.ingressClasses.toReversed(),
        services: objects.services.toReversed(),
        endpointSlices: objects.endpointSlices.toReversed(),
      };
      assert.deepEqual(routeIngress(other, CONTROLLER, request), routeIngress(objects, CONTROLLER, request));
    }),
    RUNS,
  );
});

test('Ingresses of other controllers change nothing', () => {
  fc.assert(
    fc.property(anyIngressCase, ({ objects, request }) => {
      const own = { ...objects, ingresses: ingressesOf(objects, CONTROLLER) };
      assert.deepEqual(routeIngress(own, CONTROLLER, request), routeIngress(objects, CONTROLLER, request));
    }),
    RUNS,
  );
});

test('a path that matches less never takes a request from one that has it', () => {
  fc.assert(
    fc.property(anyIngressCase, ({ objects, request }) => {
      const before = routeIngress(objects, CONTROLLER, request);
      const last = anIngress('zzz', [anIngressRule('*', ['/ v1'])], { createdAt: '2026-12-31T00:00:00Z' });
      const after = routeIngress(
        { ...objects, ingresses: [last, ...objects.ingresses] },
        CONTROLLER,
        request,
      );
      // Default backends of whoever has no rule for the host stand behind every rule.
      if (before.kind === 'rule' && !before.rule.endsWith('default backend')) assert.deepEqual(after, before);
      else
        assert.ok(saidOf(after) === saidOf(before) || (after.kind === 'rule' && after.rule.includes('zzz')));
    }),
    RUNS,
  );
});
