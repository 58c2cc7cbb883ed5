// The Service contract of the IPVS backend. The build machine's kernel may have no IPVS: test/vm runs it on one that has.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { ipvsServiceParts } from '../../src/backends/service-ipvs/backend.ts';
import { IPVS_DEVICE } from '../../src/backends/service-ipvs/kernel.ts';
import { openIpvs } from '../../src/sys/ipvs.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import {
  applyByParts,
  forgettingUdpFlows,
  runServiceContract,
  type ContractBackend,
} from './service-contract.ts';
import type { ServiceWorld } from './service-world.ts';

async function makeBackend(world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  const { nodeNetns } = world;
  const parts = ipvsServiceParts({ netns: nodeNetns, lifetime });
  const ipvs = lifetime.own('IPVS of the test', openIpvs(nodeNetns), (it) => it.close());
  const netlink = lifetime.own('netlink of the test', openNetlink(nodeNetns), (it) => it.close());
  return {
    isInCgroup: false,
    apply: forgettingUdpFlows(world, lifetime, applyByParts(parts)),
    damage: async () => {
      const services = await ipvs.services();
      const refused = ipvs.apply(services.map((service) => ({ kind: 'service', verb: 'delete', service })));
      assert.deepEqual(refused, new Map());
      await netlink.apply([{ kind: 'delete-link', name: IPVS_DEVICE }]);
    },
  };
}

function hasIpvs(): boolean {
  const ipvs = openIpvs();
  try {
    return ipvs.isPresent();
  } finally {
    ipvs.close();
  }
}

const OWN_ADDRESS = {
  reason: 'IPVS answers for addresses of the machine alone: a pod’s own address cannot be a frontend’s',
  tests: ['answers nobody, others stay'],
};

const REMEMBERED = {
  reason:
    'IPVS keeps a client’s place while it remembers any of its connections: closed ones for two minutes, datagrams for five',
  tests: ['affinity ends with its time'],
};

const ONE_ENDPOINT = {
  reason:
    'IPVS changes no client’s port: of one socket’s datagrams to one endpoint by two Services it cannot tell the answers',
  tests: [
    'one socket speaks to two Services of one endpoint',
    'one socket from outside speaks to two Services of one endpoint',
  ],
};

const OWN_FRAGMENTS = {
  reason:
    'to a process of the node the address is one of loopback, with its MTU: what it sends above the real path’s MTU is not in fragments, and IPVS drops it',
  tests: ['fragments of a datagram stay together, both ways'],
};

if (hasIpvs())
  runServiceContract({
    name: 'service-ipvs',
    makeBackend,
    skip: [OWN_ADDRESS, REMEMBERED, ONE_ENDPOINT, OWN_FRAGMENTS],
  });
else test('service contract: service-ipvs', { skip: 'this kernel has no IPVS' }, () => undefined);
