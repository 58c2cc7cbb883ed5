import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { RTPROT_FAIRLEAD, type Route } from '../../sys/netlink-types.ts';
import { chooseIndex, refuseClashes } from './host-routes.ts';

function aRoute(destination: string, link: string): Route {
  return {
    family: 4,
    destination: parseCidr(destination),
    gateway: undefined,
    link,
    source: undefined,
    table: 254,
    isOnlink: false,
    protocol: RTPROT_FAIRLEAD,
    mtuBytes: undefined,
    type: 'unicast',
  };
}

test('chooseIndex() passes over ranges that clusters have, the host routes or the cluster asks for, and ports of others', async () => {
  assert.equal(await chooseIndex({ routes: [], taken: new Set() }), 0);
  assert.equal(await chooseIndex({ routes: [], taken: new Set([0, 1]) }), 2);
  const routes = [aRoute('10.89.0.0/23', 'eth1')];
  assert.equal(await chooseIndex({ routes, taken: new Set([2]) }), 3);
  const own = [parseCidr('10.89.2.0/23')];
  assert.equal(await chooseIndex({ routes, taken: new Set(), own }), 4);
  const isPortFree = (index: number): Promise<boolean> => Promise.resolve(index > 5);
  assert.equal(await chooseIndex({ routes, taken: new Set(), own, isPortFree }), 6);
});

test('chooseIndex() says what is in the way where nothing is free', async () => {
  await assert.rejects(chooseIndex({ routes: [aRoute('10.0.0.0/8', 'vpn0')], taken: new Set() }), {
    code: 'exhausted',
    message: /10\.0\.0\.0\/8 by vpn0/,
  });
});

test('refuseClashes() names both ranges and the link', () => {
  const routes = [aRoute('10.244.7.0/24', 'docker0')];
  assert.throws(() => refuseClashes('pod', [parseCidr('10.244.0.0/16')], routes), {
    code: 'conflict',
    message: /10\.244\.0\.0\/16 for pods: the host routes 10\.244\.7\.0\/24 by "docker0"/,
  });
  refuseClashes('service', [parseCidr('10.96.0.0/16')], routes);
});
