// The Service contract of the iptables backend in a flavour; each has a test file, for each takes its time.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { iptablesServiceParts } from '../../src/backends/service-iptables/backend.ts';
import { CHAINS } from '../../src/backends/service-iptables/names.ts';
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
    const apply = applyByParts(iptablesServiceParts({ netns, iptablesFlavour: flavour }));
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

export function runIptablesContract(flavour: IptablesFlavour, only?: RegExp): void {
  const name = `service-iptables (${flavour})`;
  runServiceContract({ name, makeBackend: backend(flavour), ...(only === undefined ? {} : { only }) });
}
