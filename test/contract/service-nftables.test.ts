// The Service contract of the nftables backend.

import type { Lifetime } from '../../src/base/lifetime.ts';
import { nftablesServiceParts } from '../../src/backends/service-nftables/backend.ts';
import type { ServiceView } from '../../src/model/network.ts';
import { openConntrack } from '../../src/sys/conntrack.ts';
import type { TrackedFlow } from '../../src/wire/netlink/conntrack.ts';
import { applyByParts, runServiceContract, type ContractBackend } from './service-contract.ts';
import type { ServiceWorld } from './service-world.ts';

const IPPROTO_UDP = 17;

async function makeBackend(world: ServiceWorld, lifetime: Lifetime): Promise<ContractBackend> {
  const { nodeNetns } = world;
  const apply = applyByParts(nftablesServiceParts({ netns: nodeNetns, lifetime }));
  const conntrack = openConntrack(nodeNetns);
  lifetime.defer('connection tracking', () => conntrack.close());
  return {
    isInCgroup: false,
    apply: async (view) => {
      await apply(view);
      // Another part of the agent does this for every backend.
      await conntrack.forget((flow) => flow.protocol === IPPROTO_UDP && !leadsToEndpoint(flow, view));
    },
  };
}

function leadsToEndpoint({ original, reply }: TrackedFlow, view: ServiceView): boolean {
  const frontend = [...view.frontends.values()].find(
    (it) => it.protocol === 'UDP' && it.ip === original.destination && it.port === original.destinationPort,
  );
  return (
    frontend?.outside.endpoints.some((it) => it.ip === reply.source && it.port === reply.sourcePort) ?? false
  );
}

runServiceContract({ name: 'service-nftables', makeBackend });
