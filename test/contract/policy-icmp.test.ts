// ICMP and policies, by every policy backend.

import { ebpfPolicies, iptablesPolicies, nftablesPolicies } from './policy-backends.ts';
import { policyIcmpContract } from './policy-icmp.ts';

policyIcmpContract({ name: 'eBPF', makePolicies: ebpfPolicies });
policyIcmpContract({ name: 'nftables', makePolicies: nftablesPolicies });
policyIcmpContract({ name: 'iptables (nft)', makePolicies: iptablesPolicies });
