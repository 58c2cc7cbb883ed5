import { BLOCKS, PORTS } from '../../test/support/policy-rows/blocks-and-ports.ts';
import { testRows } from '../../test/support/policy-table.ts';

testRows('blocks', BLOCKS);
testRows('ports', PORTS);
