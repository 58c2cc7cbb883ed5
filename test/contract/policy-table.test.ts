// The specification's rows, by every policy backend.

import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { policiesBy } from './policy-backends.ts';
import { policyTableContract } from './policy-table.ts';

for (const backend of POLICY_BACKENDS)
  policyTableContract({ name: backend.name, makePolicies: policiesBy(backend) });
