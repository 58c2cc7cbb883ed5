// Connections that stand while policies change, by every policy backend.

import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { NFTABLES_POLICIES } from '../../src/backends/policy-nftables/backend.ts';
import { iptablesPoliciesIn, keepersBy } from './policy-backends.ts';
import { PROGRAMS_UNTRACKED, policyEstablishedContract } from './policy-established.ts';

policyEstablishedContract({
  name: 'eBPF',
  makePolicies: keepersBy(EBPF_POLICIES),
  untracked: PROGRAMS_UNTRACKED,
});
policyEstablishedContract({ name: 'nftables', makePolicies: keepersBy(NFTABLES_POLICIES) });
policyEstablishedContract({ name: 'iptables', makePolicies: keepersBy(iptablesPoliciesIn('nft')) });
