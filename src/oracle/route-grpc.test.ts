import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aGrpcRoute, aGrpcRule, aWorld } from '../../test/support/gateway-objects.ts';
import { GRPC_ROWS } from '../../test/support/gateway-rows/grpc.ts';
import { forwardOf, testRoutes } from '../../test/support/gateway-table.ts';

testRoutes('gRPC', GRPC_ROWS);

test('route() speaks h2c to the backends of GRPCRoutes', () => {
  const world = aWorld({ grpcRoutes: [aGrpcRoute('r', [aGrpcRule([], ['v1'])])] });
  const { backend } = forwardOf(world, 'POST a.com/x.S/M | content-type: application/grpc');
  assert.equal(backend.protocol, 'h2c');
});
