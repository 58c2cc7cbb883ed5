// The contracts of policies over pod networks that somebody else makes. What nothing keeps is refused: `test/kernel/chained-cni.test.ts`.

import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { NFTABLES_POLICIES } from '../../src/backends/policy-nftables/backend.ts';
import type { PolicyBackend } from '../../src/backends/shared-node/policy-backend.ts';
import { iptablesPoliciesIn, keepersBy, policiesBy } from './policy-backends.ts';
import { chainedWorldBy, type ChainedPlugin } from './policy-chained-world.ts';
import { policyRandomContract } from './policy-contract.ts';
import { PROGRAMS_UNTRACKED, policyEstablishedContract } from './policy-established.ts';
import { policyIcmpContract } from './policy-icmp.ts';

const CHAINS: readonly (readonly [ChainedPlugin, PolicyBackend])[] = [
  ['ptp', EBPF_POLICIES],
  ['ptp', NFTABLES_POLICIES],
  ['ptp', iptablesPoliciesIn('nft')],
  ['bridge', EBPF_POLICIES],
];

for (const [plugin, backend] of CHAINS) {
  const contract = {
    name: `${backend.name}, links by ${plugin}`,
    makePolicies: policiesBy(backend),
    buildWorld: chainedWorldBy(plugin),
  };
  policyRandomContract(contract);
  // Random states show what a link is to netfilter; all of the contract is shown by the backend that keeps every chain.
  if (backend !== EBPF_POLICIES) continue;
  policyIcmpContract(contract);
  policyEstablishedContract({
    ...contract,
    makePolicies: keepersBy(backend),
    untracked: PROGRAMS_UNTRACKED,
  });
}
