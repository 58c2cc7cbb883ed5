// The two messages of grpc.health.v1.Health/Check, in protobuf and gRPC framing (one flag byte, length in four bytes).

import { FairleadError } from '../../base/errors.ts';

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

export type GrpcHealth = (typeof STATUSES)[number];

/** HealthCheckRequest: field 1 is the service's name; absent when empty. */
export function grpcHealthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length > 127)
    throw new FairleadError('invalid', 'Cannot ask gRPC health: service name is too long');
  return frame(name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]));
}

/** HealthCheckResponse: field 1 is the status. */
export function grpcHealthAnswer(status: GrpcHealth): Buffer {
  const number = STATUSES.indexOf(status);
  return frame(number === 0 ? Buffer.alloc(0) : Buffer.from([0x08, number]));
}

/** Throws `invalid` for what is no framed HealthCheckResponse. */
export function parseGrpcHealthAnswer(bytes: Uint8Array): GrpcHealth {
  const [flag, , , , length] = bytes;
  const body = bytes.subarray(5);
  const isFramed = bytes.length >= 5 && flag === 0 && body.length === length;
  const status = body.length === 0 ? 'UNKNOWN' : STATUSES[body[1] ?? 0xff];
  if (!isFramed || (body.length !== 0 && (body.length !== 2 || body[0] !== 0x08)) || status === undefined) {
    throw new FairleadError('invalid', 'Cannot read gRPC health answer');
  }
  return status;
}

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
