// Full matrices of thirty pods, by every policy backend.

import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { policiesBy } from './policy-backends.ts';
import { policyMatrixContract } from './policy-matrix.ts';

for (const backend of POLICY_BACKENDS)
  policyMatrixContract({ name: backend.name, makePolicies: policiesBy(backend) });
