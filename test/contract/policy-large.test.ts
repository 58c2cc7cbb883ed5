// A very large policy, by every policy backend.

import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { policiesBy } from './policy-backends.ts';
import { policyLargeContract } from './policy-large.ts';

for (const backend of POLICY_BACKENDS)
  policyLargeContract({ name: backend.name, makePolicies: policiesBy(backend) });
