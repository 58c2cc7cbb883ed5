import { CONNECTIONS, MISDIRECTED, STREAMS } from '../../test/support/gateway-rows/connections.ts';
import { testRoutes } from '../../test/support/gateway-table.ts';

testRoutes('connections', CONNECTIONS);
testRoutes('misdirected requests', MISDIRECTED);
testRoutes('streams', STREAMS);
