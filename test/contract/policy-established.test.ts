// Connections that stand while policies change, by every policy backend.

import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { NFTABLES_POLICIES } from '../../src/backends/policy-nftables/backend.ts';
import { canBpfAskConntrack } from '../../src/sys/bpf-conntrack.ts';
import { keepersBy } from './policy-backends.ts';
import { policyEstablishedContract } from './policy-established.ts';

const untracked =
  !canBpfAskConntrack() &&
  'answers are judged as beginnings: this kernel’s connection tracking tells programs nothing';

policyEstablishedContract({ name: 'eBPF', makePolicies: keepersBy(EBPF_POLICIES), untracked });
policyEstablishedContract({ name: 'nftables', makePolicies: keepersBy(NFTABLES_POLICIES) });
