import { HOSTS, ISOLATION } from '../../test/support/gateway-rows/hosts.ts';
import { MATCHING, PRECEDENCE } from '../../test/support/gateway-rows/matching.ts';
import { testRoutes } from '../../test/support/gateway-table.ts';

testRoutes('matching', MATCHING);
testRoutes('precedence', PRECEDENCE);
testRoutes('hosts', HOSTS);
testRoutes('isolation', ISOLATION);
