import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compareIps,
  familyOf,
  ipFromBigInt,
  ipFromBytes,
  ipFromMappedBytes,
  ipToBigInt,
  ipToBytes,
  parseIp,
  tryParseIp,
  writeMappedIp,
  type Ip,
} from './ip.ts';

for (const [text, canonical] of [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
] as const) {
  test(`parseIp() writes ${text} as ${canonical}`, () => assert.equal(parseIp(text), canonical));
}

for (const text of [
  '',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '0x1.2.3.4',
  '1e2.0.0.1',
  ' 1.2.3.4',
  '256.1.1.1',
  '1..2.3',
  ':::',
  '1::2::3',
  '12345::',
  '::1%eth0',
  '[::1]',
  '1:2:3:4:5:6:7:8:9',
  '1.2.3.4::',
  '::1.2.3',
]) {
  test(`tryParseIp() refuses "${text}"`, () => assert.equal(tryParseIp(text), undefined));
}

test('parseIp() names what it could not read', () => {
  assert.throws(() => parseIp('nonsense'), { code: 'invalid', message: /"nonsense"/ });
});

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

test('every address survives text, bytes, numbers and mapped bytes', () => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const ip = ipFromBytes(raw);
      assert.equal(parseIp(ip), ip);
      assert.deepEqual(ipToBytes(ip), raw);
      assert.equal(ipFromBigInt(ipToBigInt(ip), familyOf(ip)), ip);
      assert.ok(isIP(ip));
    }),
  );
});

/** As they are written into the middle of other bytes. */
function mappedBytesOf(ip: Ip): Uint8Array {
  const memory = new Uint8Array(20);
  writeMappedIp(ip, memory, 2);
  assert.deepEqual([...memory.subarray(0, 2), ...memory.subarray(18)], [0, 0, 0, 0]);
  return memory.subarray(2, 18);
}

test('ipFromMappedBytes() inverts writeMappedIp() for IPv4 and for IPv6 that is not mapped', () => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const ip = ipFromBytes(raw);
      fc.pre(!ip.startsWith('::ffff:'));
      assert.equal(ipFromMappedBytes(mappedBytesOf(ip)), ip);
    }),
  );
});

test('compareIps() agrees with the numbers of any two addresses of a family', () => {
  const anyOf = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((raw) => ipFromBytes(raw));
  const aPair = fc.oneof(fc.tuple(anyOf(4), anyOf(4)), fc.tuple(anyOf(16), anyOf(16)));
  fc.assert(
    fc.property(aPair, fc.boolean(), ([a, other], isSame) => {
      const b = isSame ? a : other;
      const [x, y] = [ipToBigInt(a), ipToBigInt(b)];
      assert.equal(Math.sign(compareIps(a, b)), x < y ? -1 : x > y ? 1 : 0);
    }),
  );
});

test('tryParseIp() agrees with the platform on random text', () => {
  const text = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef:.')), maxLength: 24 });
  fc.assert(
    fc.property(text, (it) => assert.equal(tryParseIp(it) !== undefined, isIP(it) !== 0)),
    { numRuns: 2000 },
  );
});

test('compareIps() puts IPv4 first and orders by value', () => {
  const sorted = ['10.0.0.10', '::1', '9.0.0.1', 'fd00::1', '10.0.0.9'].map(parseIp).sort(compareIps);
  assert.deepEqual(sorted, ['9.0.0.1', '10.0.0.9', '10.0.0.10', '::1', 'fd00::1']);
});

test('writeMappedIp() puts the four bytes of an IPv4 address behind ::ffff:', () => {
  for (const text of ['0.0.0.0', '255.255.255.255', '10.96.0.1', '1.20.100.9', '203.0.113.128'])
    assert.deepEqual(
      [...mappedBytesOf(parseIp(text))],
      [...new Uint8Array(10), 0xff, 0xff, ...text.split('.').map(Number)],
    );
});
