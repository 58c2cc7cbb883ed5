import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import type { Frontend } from '../../model/network.ts';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { renderFrontend, type IpvsContext } from './render.ts';
import { isSameRow, type IpvsRow } from './row.ts';
import { refuseUnknownScheduler, schedulerProblem } from './schedulers.ts';

const CONTEXT: IpvsContext = {
  node: 'node-a',
  nodeIps: [parseIp('192.0.2.1')],
  serviceCidrs: [parseCidr('10.96.0.0/16')],
  ownPodCidrs: [parseCidr('10.244.1.0/24')],
  podCidrs: [parseCidr('10.244.0.0/16')],
  nodeLocalIps: [parseIp('10.96.0.53')],
  scheduler: 'rr',
};
const A = '10.244.1.2:8080';
const B = '10.244.2.2:8080';
const C = '10.244.3.2:8080';

function rowOf(frontend: Frontend): IpvsRow {
  const row = renderFrontend(frontend, CONTEXT);
  assert.ok(row);
  return row;
}

function withNode(frontend: Frontend, node: string): Frontend {
  const choice = (it: Frontend['inside']): Frontend['inside'] => ({
    ...it,
    endpoints: it.endpoints.map((endpoint) => ({ ...endpoint, node })),
  });
  return { ...frontend, inside: choice(frontend.inside), outside: choice(frontend.outside) };
}

test('renderFrontend() of a ClusterIP: an exclusive address, one service, outside clients hidden', () => {
  const row = rowOf(withNode(aFrontend([B, C], { affinityTimeoutS: 60 }), 'node-b'));
  assert.equal(row.address, 'exclusive');
  assert.equal(row.outside, undefined);
  assert.deepEqual(row.inside, {
    scheduler: 'rr',
    persistenceS: 60,
    destinations: [
      { ip: '10.244.2.2', port: 8080, weight: 1 },
      { ip: '10.244.3.2', port: 8080, weight: 1 },
    ],
  });
  assert.deepEqual(row.elements, ['outside4 10.96.0.5 . tcp . 80 : goto hidden']);
});

test('renderFrontend(): endpoints of this node may be their own clients', () => {
  const row = rowOf(withNode(aFrontend([A]), 'node-a'));
  assert.ok(row.elements.includes('hairpins4 10.96.0.5 . tcp . 80 . 10.244.1.2 . 10.244.1.2'));
});

test('renderFrontend(): an endpoint with a pod address of this node may be its own client, whatever node its slice names', () => {
  const row = rowOf(withNode(aFrontend([A, B]), 'node-b'));
  assert.deepEqual(
    row.elements.filter((it) => it.startsWith('hairpins')),
    ['hairpins4 10.96.0.5 . tcp . 80 . 10.244.1.2 . 10.244.1.2'],
  );
});

test('renderFrontend(): outside clients with other endpoints have a service of their own', () => {
  const row = rowOf(aFrontend([A, B], { outside: aChoice(A), masqueradesOutside: false }));
  assert.deepEqual(row.outside?.destinations, [{ ip: '10.244.1.2', port: 8080, weight: 1 }]);
  assert.ok(row.elements.includes('outside4 10.96.0.5 . tcp . 80 : goto separate4'));
});

test('renderFrontend(): who finds no endpoint is answered by the table', () => {
  const row = rowOf(aFrontend([], { outside: { endpoints: [], whenEmpty: 'drop' } }));
  assert.deepEqual(row.elements, [
    'inside4 10.96.0.5 . tcp . 80 : goto refuse',
    'outside4 10.96.0.5 . tcp . 80 : drop',
  ]);
});

test('renderFrontend(): source ranges without those that others hold; the node counts with its addresses', () => {
  const sourceRanges = ['198.51.100.0/24', '198.51.100.7/32', '203.0.113.9/32', 'fd00::/8'].map(parseCidr);
  const row = rowOf(withNode(aFrontend([B], { sourceRanges }), 'node-b'));
  assert.deepEqual(row.elements, [
    'node4 10.96.0.5 . tcp . 80 : drop',
    'outside4 10.96.0.5 . tcp . 80 : goto hidden',
    'ranges4 10.96.0.5 . tcp . 80 . 198.51.100.0/24',
    'ranges4 10.96.0.5 . tcp . 80 . 203.0.113.9',
    'restricted4 10.96.0.5 . tcp . 80',
  ]);
  const open = rowOf(aFrontend([B], { sourceRanges: [parseCidr('0.0.0.0/0')] }));
  assert.ok(!open.elements.some((it) => it.startsWith('restricted')));
});

test('renderFrontend(): addresses of the node are not carried, external ones are not exclusive, node-local ones have no row', () => {
  const nodePort = aFrontend([A], { scope: 'node-port', ip: parseIp('192.0.2.1') });
  assert.equal(rowOf(nodePort).address, 'not carried');
  assert.equal(rowOf(aFrontend([A], { ip: parseIp('10.96.0.53') })).address, 'not carried');
  const external = aFrontend([A], { scope: 'external-ip', ip: parseIp('198.51.100.1') });
  assert.equal(rowOf(external).address, 'carried');
  assert.equal(rowOf({ ...external, ip: parseIp('10.244.2.2') }).address, 'not carried');
  assert.equal(renderFrontend(aFrontend([A], { kind: 'node-local' }), CONTEXT), undefined);
});

test('renderFrontend() takes the Service’s scheduler before the cluster’s', () => {
  const context = { ...CONTEXT, scheduler: 'lc' };
  const options = { ipvsScheduler: 'sh', isMaglev: false, isDirectReturn: false };
  assert.equal(renderFrontend(aFrontend([A]), context)?.inside?.scheduler, 'lc');
  assert.equal(renderFrontend(aFrontend([A], { options }), context)?.inside?.scheduler, 'sh');
});

test('schedulerProblem() says what is known', () => {
  assert.equal(schedulerProblem(undefined), undefined);
  assert.equal(schedulerProblem('mh'), undefined);
  assert.match(schedulerProblem('best') ?? '', /no IPVS scheduler "best"; known are rr, lc, dh, sh/);
});

test('refuseUnknownScheduler() names the Service and what is known', () => {
  const options = { ipvsScheduler: 'best', isMaglev: false, isDirectReturn: false };
  assert.throws(
    () => refuseUnknownScheduler(rowOf(aFrontend([A], { options }))),
    /Cannot balance Service default\/web: no IPVS scheduler "best", known are rr, lc, dh, sh, wrr/,
  );
  for (const ipvsScheduler of ['rr', 'lc', 'dh', 'sh', 'wrr', 'wlc', 'sed', 'nq', 'mh'])
    refuseUnknownScheduler(rowOf(aFrontend([A], { options: { ...options, ipvsScheduler } })));
});

test('isSameRow(): a destination that left is no difference while it has connections', () => {
  const desired = rowOf(aFrontend([A]));
  const left = rowOf(aFrontend([B])).inside!.destinations.map((it) => ({ ...it, weight: 0 }));
  const withLeft = (connections: number): IpvsRow => ({
    ...desired,
    inside: {
      ...desired.inside!,
      destinations: [...desired.inside!.destinations, ...left.map((it) => ({ ...it, connections }))],
    },
  });
  assert.ok(isSameRow(desired, desired));
  assert.ok(isSameRow(desired, withLeft(1)));
  assert.ok(!isSameRow(desired, withLeft(0)));
  assert.ok(!isSameRow(rowOf(aFrontend([A, B])), withLeft(1)));
  assert.ok(!isSameRow(desired, { ...desired, address: 'carried' }));
  assert.ok(!isSameRow(desired, { ...desired, elements: [] }));
});
