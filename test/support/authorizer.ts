// An authority of envoy.service.auth.v3 by gRPC, and the messages that go to and fro.

import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { parseIp } from '../../src/base/ip.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import type { Endpoint } from '../../src/gateway/server-slots.ts';

/** A message of protocol buffers: its fields by their numbers. */
export type Message = readonly (readonly [field: number, value: string | number | Buffer | Message])[];

export function encode(message: Message): Buffer {
  return Buffer.concat(
    message.flatMap(([field, value]) => {
      if (typeof value === 'number') return [varint(field << 3), varint(value)];
      const bytes = typeof value === 'string' || Buffer.isBuffer(value) ? Buffer.from(value) : encode(value);
      return [varint((field << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(number: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(number));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** All values at the end of a way of field numbers. */
export function valuesAt(bytes: Buffer, field: number, ...rest: readonly number[]): (Buffer | bigint)[] {
  const found = fieldsOf(bytes).flatMap(([number, value]) => (number === field ? [value] : []));
  const [next, ...others] = rest;
  if (next === undefined) return found;
  return found.flatMap((it) => (Buffer.isBuffer(it) ? valuesAt(it, next, ...others) : []));
}

export function textAt(bytes: Buffer, field: number, ...rest: readonly number[]): string {
  return valuesAt(bytes, field, ...rest).join('|');
}

function fieldsOf(bytes: Buffer): (readonly [number, Buffer | bigint])[] {
  const fields: (readonly [number, Buffer | bigint])[] = [];
  let at = 0;
  const next = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(next());
    const value = next();
    if ((key & 7) === 0) fields.push([key >> 3, BigInt.asIntN(64, value)]);
    else fields.push([key >> 3, bytes.subarray(at, (at += Number(value)))]);
  }
  return fields;
}

/** What is answered to a call. */
export interface Reply {
  /** Of the response's body: a message in its frame, where it is one; undefined for a response of headers alone. */
  readonly body: Buffer | undefined;
  readonly grpcStatus: string;
}

export function framed(message: Message | Buffer): Buffer {
  const bytes = Buffer.isBuffer(message) ? message : encode(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** `decide` is told the path and the CheckRequest. */
export async function openAuthorizer(
  lifetime: Lifetime,
  decide: (path: string, check: Buffer) => Reply,
): Promise<Endpoint> {
  const server = createServer();
  server.on('session', (session) => lifetime.defer('a session', () => session.destroy()));
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => {
      const { body, grpcStatus } = decide(String(headers[':path']), Buffer.concat(chunks).subarray(5));
      const status = { ':status': 200, 'content-type': 'application/grpc' };
      if (body === undefined)
        return stream.respond({ ...status, 'grpc-status': grpcStatus }, { endStream: true });
      stream.respond(status, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': grpcStatus }));
      stream.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  lifetime.defer('the authorizer', () => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.address() as AddressInfo;
  return { ip: parseIp('127.0.0.1'), port: parsePort(port) };
}
