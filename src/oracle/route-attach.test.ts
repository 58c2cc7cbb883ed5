import { ATTACHING, BACKENDS, REFERENCES } from '../../test/support/gateway-rows/attaching.ts';
import { testRoutes } from '../../test/support/gateway-table.ts';

testRoutes('attaching', ATTACHING);
testRoutes('references', REFERENCES);
testRoutes('backends', BACKENDS);
