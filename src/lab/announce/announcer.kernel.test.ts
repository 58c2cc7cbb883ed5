// The host's routes to load balancers' addresses on the real kernel.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clusterOf } from '../../../test/support/cluster-of.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../../../test/support/leaks.ts';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import type { ClusterReader } from '../../controllers/controller.ts';
import { NODES, SERVICES } from '../../kube/resource.ts';
import type { Netlink } from '../../sys/netlink-types.ts';
import { openNetlink } from '../../sys/netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../sys/netns.ts';
import { announce } from './announcer.ts';
import { ownName } from '../../../test/support/own-name.ts';

const PREFIX = ownName('announce');
const [HOST, FAR] = [`/run/netns/${PREFIX}-host`, `/run/netns/${PREFIX}-far`] as const;
const LINK = 'cluster';

let snapshot: LeakSnapshot;
let netlink: Netlink;

before(async () => {
  snapshot = await takeSnapshot({ prefix: PREFIX });
  createNetns(HOST);
  createNetns(FAR);
  netlink = openNetlink(HOST);
  const far = openNetns(FAR);
  await netlink.apply([
    { kind: 'add-veth', name: LINK, mtuBytes: 1500, peer: { name: 'peer', mtuBytes: 1500, netns: far } },
    { kind: 'add-address', link: LINK, ip: parseIp('10.89.0.1'), prefixLength: 24 },
    { kind: 'add-address', link: LINK, ip: parseIp('fd00:10:89::1'), prefixLength: 64 },
    { kind: 'set-link', name: LINK, isUp: true },
    { kind: 'replace-route', destination: parseCidr('10.90.0.0/24'), link: LINK },
  ]);
  far.close();
});
after(async () => {
  netlink.close();
  for (const path of [HOST, FAR]) await deleteNetns(path);
  await assertNoLeaks(snapshot, { prefix: PREFIX });
});

function cluster(node: number, ips: readonly string[]): ClusterReader {
  const addresses = [`10.89.0.${node}`, `fd00:10:89::${node}`].map((address) => ({
    type: 'InternalIP',
    address,
  }));
  const status = { addresses, conditions: [{ type: 'Ready', status: 'True' }] };
  const service = {
    metadata: { namespace: 'shop', name: 'web' },
    spec: { type: 'LoadBalancer' as const },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  };
  return clusterOf([NODES, [{ metadata: { name: `node-${node}` }, status }]], [SERVICES, [service]]);
}

async function routes(): Promise<Record<string, unknown>> {
  const all = await netlink.routes({ table: 254, link: LINK });
  return Object.fromEntries(
    all.flatMap((it) => (it.gateway === undefined ? [] : [[it.destination, it.gateway]])),
  );
}

test('announce() leads addresses to their node, moves them with it, and takes back what nobody has', async () => {
  await announce({ link: LINK, netlink, cluster: cluster(11, ['10.90.0.1', 'fd00:10:90::1']) });
  assert.deepEqual(await routes(), { '10.90.0.1/32': '10.89.0.11', 'fd00:10:90::1/128': 'fd00:10:89::11' });
  await announce({ link: LINK, netlink, cluster: cluster(12, ['10.90.0.1', 'fd00:10:90::1']) });
  assert.deepEqual(await routes(), { '10.90.0.1/32': '10.89.0.12', 'fd00:10:90::1/128': 'fd00:10:89::12' });
  await announce({ link: LINK, netlink, cluster: cluster(12, ['fd00:10:90::1']) });
  assert.deepEqual(await routes(), { 'fd00:10:90::1/128': 'fd00:10:89::12' });
  await announce({ link: LINK, netlink, cluster: cluster(12, []) });
  assert.deepEqual(await routes(), {});
  const left = (await netlink.routes({ table: 254, link: LINK })).map(({ destination }) => destination);
  assert.ok(left.includes(parseCidr('10.90.0.0/24')), 'the route of the whole prefix is none of its routes');
});
