// What policies deny is told: the direction, both ends, the port. In the kernel, by every policy backend.

import { ebpfPolicies, iptablesPolicies, legacyPolicies, nftablesPolicies } from './policy-backends.ts';
import { policyDeniedContract } from './policy-denied.ts';

policyDeniedContract({ name: 'eBPF', makePolicies: ebpfPolicies });
policyDeniedContract({ name: 'nftables', makePolicies: nftablesPolicies });
policyDeniedContract({ name: 'iptables (nft)', makePolicies: iptablesPolicies });
policyDeniedContract({ name: 'iptables (legacy)', makePolicies: legacyPolicies });
