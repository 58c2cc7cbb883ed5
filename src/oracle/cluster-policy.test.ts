import { CLUSTER, TIERS } from '../../test/support/policy-rows/cluster-policies.ts';
import { testRows } from '../../test/support/policy-table.ts';

testRows('tiers', TIERS);
testRows('cluster policies', CLUSTER);
