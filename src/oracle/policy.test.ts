import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './policy.ts';
import { HOSTS, ISOLATION, PEERS } from '../../test/support/policy-rows/network-policies.ts';
import { aConnection, POLICY_WORLD, testRows } from '../../test/support/policy-table.ts';

testRows('isolation', ISOLATION);
testRows('peers', PEERS);
testRows('hosts', HOSTS);

for (const row of [
  {
    name: 'a pod that has ended',
    asked: 'a/done > a/web:80',
    message: /pod a\/done: it has no IPv4 address/,
  },
  {
    name: 'a pod that failed',
    asked: 'a/web > a/broken:80',
    message: /pod a\/broken: it has no IPv4 address/,
  },
  {
    name: 'a pod without an address',
    asked: 'a/web > a/waiting:80',
    message: /pod a\/waiting: it has no IPv4/,
  },
  {
    name: 'a pod of the other family',
    asked: 'b/six > a/web:80',
    message: /pod b\/six: it has no IPv4 address/,
  },
  { name: 'a pod that is not there', asked: 'a/web > a/nobody:80', message: /pod a\/nobody: there is none/ },
  { name: 'a node that is not there', asked: 'n9 > a/web:80', message: /node n9: there is none/ },
])
  test(`judge() refuses ${row.name}`, () => {
    assert.throws(() => judge(POLICY_WORLD, aConnection(row.asked)), row.message);
  });

test('judge() refuses an address of the other family', () => {
  const connection = aConnection('203.0.113.9 > a/web:80');
  assert.throws(
    () => judge(POLICY_WORLD, { ...connection, family: 6 }),
    /203\.0\.113\.9: it has no IPv6 address/,
  );
});
