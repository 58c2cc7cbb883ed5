// The Service contract of the reference: the rows can be met, by rules that a reader can check.

import { applyNft, deleteNftTable } from '../../src/sys/nft.ts';
import { forgettingUdpFlows, runServiceContract } from './service-contract.ts';
import { REFERENCE_TABLE, referenceScript } from './service-reference.ts';

runServiceContract({
  name: 'reference',
  makeBackend: async (world, lifetime) => {
    const place = { netns: world.nodeNetns };
    return {
      isInCgroup: false,
      apply: forgettingUdpFlows(world, lifetime, (view) => applyNft(referenceScript(view), place)),
      damage: () => deleteNftTable({ family: 'inet', name: REFERENCE_TABLE }, place),
    };
  },
  skip: [
    {
      reason: 'every view is a new table, which forgets its clients',
      tests: ['a client with affinity leaves an endpoint that is none any more'],
    },
  ],
});
