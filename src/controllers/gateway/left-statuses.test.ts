import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOf, type ClusterPart } from '../../../test/support/cluster-of.ts';
import { GATEWAY_CLASSES, GATEWAYS, HTTP_ROUTES, LISTENER_SETS } from '../../kube/resource.ts';
import { GATEWAY_CONTROLLER, GATEWAY_GROUP } from '../../objects/gateway-api/common.ts';
import type { Action } from '../action.ts';
import { leftStatusControllers } from './left-statuses.ts';

const [routes] = leftStatusControllers();

function entry(kind: string, name: string, controllerName = GATEWAY_CONTROLLER): object {
  return { controllerName, parentRef: { group: GATEWAY_GROUP, kind, namespace: 'shop', name } };
}

function reconcile(entries: readonly object[], ...parts: readonly ClusterPart[]): readonly Action[] {
  const route = { metadata: { namespace: 'shop', name: 'web' }, status: { parents: entries } };
  const cluster = clusterOf([HTTP_ROUTES, [route]], ...parts);
  return routes?.reconcile('shop/web', { cluster, nowMs: 0, failure: undefined }) ?? [];
}

function gateway(name: string, gatewayClassName = 'fairlead'): ClusterPart {
  return [GATEWAYS, [{ metadata: { namespace: 'shop', name }, spec: { gatewayClassName } }]];
}

function gatewayClass(controllerName: string): ClusterPart {
  return [GATEWAY_CLASSES, [{ metadata: { name: 'fairlead' }, spec: { controllerName } }]];
}

/** A set of the Gateway "public". */
const SETS: ClusterPart = [
  LISTENER_SETS,
  [{ metadata: { namespace: 'shop', name: 'more' }, spec: { parentRef: { name: 'public' } } }],
];

function leftOf([action]: readonly Action[]): unknown {
  assert.equal(action?.kind, 'if-absent');
  assert.equal(action.action.kind, 'patch');
  return action.action.patch['status'];
}

test('what a route says of a Gateway that is gone goes, what others said stays', () => {
  const others = entry('Gateway', 'gone', 'example.com/other');
  const stays = entry('Gateway', 'public');
  const actions = reconcile([entry('Gateway', 'gone'), others, stays], gateway('public'));
  assert.deepEqual(leftOf(actions), { parents: [others, stays] });
  // A watch that is behind takes nothing from a new Gateway.
  assert.deepEqual(actions[0]?.kind === 'if-absent' && actions[0].absent.map(({ at }) => at.name), ['gone']);
});

test('what stands is left alone, with a class that nobody knows too', () => {
  assert.deepEqual(reconcile([entry('Gateway', 'public')], gateway('public')), []);
  assert.deepEqual(
    reconcile([entry('Gateway', 'public')], gateway('public'), gatewayClass(GATEWAY_CONTROLLER)),
    [],
  );
});

test("a Gateway of another controller's class is none of ours", () => {
  const actions = reconcile(
    [entry('Gateway', 'public')],
    gateway('public'),
    gatewayClass('example.com/other'),
  );
  assert.deepEqual(leftOf(actions), { parents: [] });
});

test('a ListenerSet goes with its Gateway', () => {
  assert.deepEqual(reconcile([entry('ListenerSet', 'more')], gateway('public'), SETS), []);
  assert.deepEqual(leftOf(reconcile([entry('ListenerSet', 'more')], SETS)), { parents: [] });
  assert.deepEqual(leftOf(reconcile([entry('ListenerSet', 'more')], gateway('public'))), { parents: [] });
});
