// The struct codec: round trips, bytes as C lays them out, and refusals.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipFromBytes, parseIp } from '../base/ip.ts';
import { macFromBytes, parseMac } from '../base/mac.ts';
import { defineStruct } from './bpf-maps-struct.ts';

const SAMPLE = defineStruct('sample', [
  { name: 'big', kind: 'u64' },
  { name: 'client', kind: 'ip' },
  { name: 'port', kind: 'be16' },
  { name: 'mac', kind: 'mac' },
  { name: 'ips', kind: 'ips', count: 2 },
  { name: 'halves', kind: 'u16s', count: 4 },
  { name: 'small', kind: 'u8' },
  { name: 'gap', kind: 'pad', count: 1 },
  { name: 'half', kind: 'u16' },
  { name: 'word', kind: 'u32' },
]);

const anIp = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map(ipFromBytes),
  // An IPv4-mapped address is read back as IPv4 by design, an all-zero one ends a list.
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ipFromBytes(bytes.with(0, 0xfd))),
);

const aSample = fc.record(
  {
    big: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    client: anIp,
    port: fc.nat(0xffff),
    mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes),
    ips: fc.array(anIp, { maxLength: 2 }),
    halves: fc.uint16Array({ minLength: 4, maxLength: 4 }),
    small: fc.nat(0xff),
    half: fc.nat(0xffff),
    word: fc.nat(0xffffffff),
  },
  { noNullPrototype: true },
);

test('decode() is the inverse of encode()', () => {
  fc.assert(fc.property(aSample, (value) => assert.deepEqual(SAMPLE.decode(SAMPLE.encode(value)), value)));
});

test('encodeAll() puts one behind the other what encode() gives', () => {
  fc.assert(
    fc.property(fc.array(aSample, { maxLength: 5 }), (values) => {
      const apart = Buffer.concat(values.map((it) => SAMPLE.encode(it)));
      assert.deepEqual(Buffer.from(SAMPLE.encodeAll(values)), apart);
    }),
  );
});

test('encode() lays fields out as C does, numbers little endian, ports and addresses in network order', () => {
  const bytes = SAMPLE.encode({
    big: 0x0102030405060708n,
    client: parseIp('10.0.0.1'),
    port: 0x1234,
    mac: parseMac('02:00:00:00:00:07'),
    ips: [parseIp('fd00::1')],
    halves: Uint16Array.of(1, 2, 3, 0x0a0b),
    small: 9,
    half: 0x0a0b,
    word: 0x01020304,
  });
  const expected =
    '0807060504030201' +
    '00000000000000000000ffff0a000001' +
    '1234' +
    '020000000007' +
    'fd000000000000000000000000000001' +
    '00000000000000000000000000000000' +
    '0100020003000b0a' +
    '0900' +
    '0b0a' +
    '04030201';
  assert.equal(Buffer.from(bytes).toString('hex'), expected);
});

test('decode() refuses a short array and reads from the middle of a buffer', () => {
  assert.throws(() => SAMPLE.decode(new Uint8Array(SAMPLE.sizeBytes - 1)), /Cannot read sample/);
  fc.assert(
    fc.property(aSample, fc.nat(7), (it, offset) => {
      const buffer = new Uint8Array(SAMPLE.sizeBytes + 8);
      buffer.set(SAMPLE.encode(it), offset);
      assert.deepEqual(SAMPLE.decode(buffer.subarray(offset)), it);
    }),
  );
});

test('defineStruct() refuses what C would pad by itself', () => {
  assert.throws(() =>
    defineStruct('x', [
      { name: 'a', kind: 'u8' },
      { name: 'b', kind: 'u32' },
    ]),
  );
  assert.throws(() =>
    defineStruct('x', [
      { name: 'a', kind: 'u32' },
      { name: 'b', kind: 'u8' },
    ]),
  );
});

test('an array of numbers is written whole or not at all', () => {
  const numbers = defineStruct('numbers', [{ name: 'halves', kind: 'u16s', count: 2 }]);
  assert.throws(() => numbers.encode({ halves: Uint16Array.of(1) }), /halves takes 4 bytes, not 2/);
});

test('more addresses than the field holds are refused', () => {
  const ips = Array.from({ length: 3 }, () => parseIp('10.0.0.1'));
  const value = { ...fc.sample(aSample, 1)[0]!, ips };
  assert.throws(() => SAMPLE.encode(value), /it holds 2/);
});
