// Random policies over a pod network that somebody else makes.

import { ebpfPolicies } from './policy-backends.ts';
import { buildChainedWorld } from './policy-chained-world.ts';
import { policyRandomContract } from './policy-contract.ts';

policyRandomContract({
  name: 'eBPF, links by ptp',
  makePolicies: ebpfPolicies,
  buildWorld: buildChainedWorld,
});
