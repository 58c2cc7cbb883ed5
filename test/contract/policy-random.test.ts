// Random clusters in the kernel: every connection that the oracle allows is made, and none that it denies.

import { policyRandomContract } from './policy-contract.ts';
import { ebpfPolicies, iptablesPolicies, legacyPolicies, nftablesPolicies } from './policy-backends.ts';

policyRandomContract({ name: 'eBPF', makePolicies: ebpfPolicies });
policyRandomContract({ name: 'nftables', makePolicies: nftablesPolicies });
policyRandomContract({ name: 'iptables (nft)', makePolicies: iptablesPolicies });
policyRandomContract({ name: 'iptables (legacy)', makePolicies: legacyPolicies });
