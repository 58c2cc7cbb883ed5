import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topRows, type PodTally } from './dns-top-rows.ts';

function aTally(pod: string, parts: Partial<PodTally> = {}): PodTally {
  const tally = {
    asked: 10,
    inKernel: 0,
    codes: { NOERROR: 7, NXDOMAIN: 3 },
    wasted: 3,
    meanMs: 0.5,
    maxMs: 12,
  };
  const name = { name: 'web.shop.svc.cluster.local', type: 'A', ...tally, atMostOver: 0 };
  return { client: '10.244.1.2', node: 'n1', pod, ...tally, completed: 2, names: [name], ...parts };
}

const PODS = [aTally('shop/pod/a'), aTally('shop/pod/b', { asked: 30, codes: { NOERROR: 30 }, names: [] })];

test('topRows() by pod: the busiest first, with what is not as it should be', () => {
  assert.deepEqual(topRows(PODS, 'pod', 20), [
    ['POD', 'NODE', 'ASKED', 'KERNEL', 'CODES', 'WASTED', 'SAVED', 'MEAN', 'MAX', 'MOST ASKED'],
    ['shop/pod/b', 'n1', '30', '0', '-', '3', '2', '0.50ms', '12ms', '-'],
    ['shop/pod/a', 'n1', '10', '0', 'NXDOMAIN 3', '3', '2', '0.50ms', '12ms', 'web.shop.svc.cluster.local'],
  ]);
});

test('topRows() by name sums what pods asked, and weighs their times', () => {
  const other = aTally('shop/pod/c');
  const slow = other.names.map((it) => ({ ...it, asked: 30, meanMs: 2.5, maxMs: 90 }));
  const pods = [aTally('shop/pod/a'), { ...other, names: slow }];
  const [, row] = topRows(pods, 'name', 20);
  assert.deepEqual(row, [
    'web.shop.svc.cluster.local',
    'A',
    '40',
    '0',
    'NXDOMAIN 6',
    '6',
    '2.00ms',
    '90ms',
    '2',
  ]);
});

test('topRows() says how much the kernel answered, and times of what it did not', () => {
  const [pod] = [aTally('shop/pod/a', { inKernel: 10, meanMs: 0, maxMs: 0, names: [] })];
  assert.deepEqual(topRows([pod], 'pod', 1)[1]?.slice(2, 9), ['10', '10', 'NXDOMAIN 3', '3', '2', '-', '-']);
  const other = aTally('shop/pod/b');
  const fast = other.names.map((it) => ({ ...it, asked: 100, inKernel: 70, meanMs: 2.5, maxMs: 90 }));
  const [, row] = topRows([aTally('shop/pod/a'), { ...other, names: fast }], 'name', 20);
  assert.deepEqual(row?.slice(2, 8), ['110', '70', 'NXDOMAIN 6', '6', '2.00ms', '90ms']);
});

test('topRows() by code, and no more rows than wanted', () => {
  assert.deepEqual(topRows(PODS, 'code', 20).slice(1), [
    ['NOERROR', '37', '2'],
    ['NXDOMAIN', '3', '1'],
  ]);
  assert.equal(topRows(PODS, 'pod', 1).length, 2);
});
