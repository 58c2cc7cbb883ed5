// The Service contract of the iptables backend, in both flavours: nf_tables beneath, and the kernel's own ip_tables.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { iptablesServiceParts } from '../../src/backends/service-iptables/backend.ts';
import { CHAINS } from '../../src/backends/service-iptables/names.ts';
import { IPTABLES_FLAVOURS } from '../../src/sys/iptables-flavour.ts';
import { restoreIptables, type IptablesFlavour } from '../../src/sys/iptables.ts';
import {
  applyByParts,
  forgettingUdpFlows,
  runServiceContract,
  type ContractBackend,
} from './service-contract.ts';
import type { ServiceWorld } from './service-world.ts';

function backend(flavour: IptablesFlavour) {
  return async (world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> => {
    const netns = world.nodeNetns;
    const apply = applyByParts(iptablesServiceParts({ netns }, flavour));
    return {
      isInCgroup: false,
      apply: forgettingUdpFlows(world, lifetime, apply),
      damage: async () => {
        // The dispatch chain is emptied, and what hides clients is gone.
        const script = `*nat\n:${CHAINS.services} - [0:0]\n:${CHAINS.postrouting} - [0:0]\nCOMMIT\n`;
        for (const family of [4, 6] as const) await restoreIptables(script, { netns, flavour, family });
      },
    };
  };
}

for (const flavour of IPTABLES_FLAVOURS)
  runServiceContract({ name: `service-iptables (${flavour})`, makeBackend: backend(flavour) });
