// The Service contract of the nftables backend.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { nftablesServiceParts } from '../../src/backends/service-nftables/backend.ts';
import { applyByParts, runServiceContract, type ContractBackend } from './service-contract.ts';
import type { ServiceWorld } from './service-world.ts';

async function makeBackend(world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  const parts = nftablesServiceParts({ netns: world.nodeNetns, lifetime });
  return { isInCgroup: false, apply: applyByParts(parts) };
}

runServiceContract({ name: 'service-nftables', makeBackend });
