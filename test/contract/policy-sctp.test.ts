// SCTP and policies, by every policy backend, on kernels that know SCTP and on those that do not.

import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { EBPF_POLICIES } from '../../src/backends/policy-ebpf/backend.ts';
import { policiesBy } from './policy-backends.ts';
import { PROGRAMS_UNTRACKED } from './policy-established.ts';
import { policySctpContract } from './policy-sctp.ts';

for (const backend of POLICY_BACKENDS)
  policySctpContract({
    name: backend.name,
    makePolicies: policiesBy(backend),
    untracked: backend === EBPF_POLICIES && PROGRAMS_UNTRACKED,
  });
