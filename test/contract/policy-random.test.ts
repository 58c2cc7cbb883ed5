// Random clusters in the kernel: every connection that the oracle allows is made, and none that it denies.

import { policyRandomContract } from './policy-contract.ts';
import { ebpfPolicies, nftablesPolicies } from './policy-backends.ts';

policyRandomContract({ name: 'eBPF', makePolicies: ebpfPolicies });
policyRandomContract({ name: 'nftables', makePolicies: nftablesPolicies });
