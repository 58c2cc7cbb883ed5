// Connections that stand while policies change, by every policy backend.

import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { NFTABLES_POLICIES } from '../../src/backends/policy-nftables/backend.ts';
import { IPTABLES_FLAVOURS } from '../../src/sys/iptables-flavour.ts';
import { iptablesPoliciesIn, keepersBy } from './policy-backends.ts';
import { PROGRAMS_UNTRACKED, policyEstablishedContract } from './policy-established.ts';

policyEstablishedContract({
  name: 'eBPF',
  makePolicies: keepersBy(EBPF_POLICIES),
  untracked: PROGRAMS_UNTRACKED,
});
policyEstablishedContract({ name: 'nftables', makePolicies: keepersBy(NFTABLES_POLICIES) });
for (const flavour of IPTABLES_FLAVOURS)
  policyEstablishedContract({
    name: `iptables (${flavour})`,
    makePolicies: keepersBy(iptablesPoliciesIn(flavour)),
  });
