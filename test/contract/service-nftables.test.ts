// The Service contract of the nftables backend.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { nftablesServiceParts } from '../../src/backends/service-nftables/backend.ts';
import { applyNft } from '../../src/sys/nft.ts';
import {
  applyByParts,
  forgettingUdpFlows,
  runServiceContract,
  type ContractBackend,
} from './service-contract.ts';
import type { ServiceWorld } from './service-world.ts';

async function makeBackend(world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  const netns = world.nodeNetns;
  const parts = nftablesServiceParts({ netns, lifetime });
  return Promise.resolve({
    isInCgroup: false,
    apply: forgettingUdpFlows(world, lifetime, applyByParts(parts)),
    damage: () => applyNft('flush table inet fairlead-services\n', { netns }),
  });
}

runServiceContract({ name: 'service-nftables', makeBackend });
