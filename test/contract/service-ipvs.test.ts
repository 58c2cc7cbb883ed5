// The Service contract of the IPVS backend. The build machine's kernel may have no IPVS: test/vm runs it on one that has.

import { test } from 'node:test';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { ipvsServiceParts } from '../../src/backends/service-ipvs/backend.ts';
import { openIpvs } from '../../src/sys/ipvs.ts';
import { runServiceContract, type ContractBackend } from './service-contract.ts';
import { applyWithDraining } from './draining.ts';
import type { ServiceWorld } from './service-world.ts';

async function makeBackend({ nodeNetns }: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  return {
    isInCgroup: false,
    apply: applyWithDraining(ipvsServiceParts({ netns: nodeNetns, lifetime })),
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

if (hasIpvs()) runServiceContract({ name: 'service-ipvs', makeBackend, skip: [OWN_ADDRESS] });
else test('service contract: service-ipvs', { skip: 'this kernel has no IPVS' }, () => undefined);
