import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cidrBase,
  cidrHasCidr,
  cidrHasIp,
  cidrIpAt,
  cidrOf,
  cidrsOverlap,
  cidrSize,
  cidrSubnetAt,
  hostCidr,
  parseCidr,
  parseInterfaceAddress,
} from './cidr.ts';
import { ipFromBytes, ipToBytes, parseIp } from './ip.ts';

test('parseCidr() refuses host bits and says which prefix may be meant', () => {
  assert.throws(() => parseCidr('10.244.1.1/24'), {
    code: 'invalid',
    message: /"10\.244\.1\.0\/24" may be meant/,
  });
});

for (const text of [
  '10.0.0.0',
  '10.0.0.0/33',
  'fd00::/129',
  '10.0.0.0/08',
  '10.0.0.0/-1',
  '10.0.0/8',
  '/8',
  '10.0.0.0/8/8',
]) {
  test(`parseCidr() refuses "${text}"`, () => assert.throws(() => parseCidr(text), { code: 'invalid' }));
}

test('parseInterfaceAddress() keeps the host bits', () => {
  assert.deepEqual(parseInterfaceAddress('10.0.0.5/8'), { ip: '10.0.0.5', prefixLength: 8 });
});

const address = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((raw) => ipFromBytes(raw))
  .filter((ip) => !ip.startsWith('::ffff:'));
const prefix = fc.tuple(address, fc.nat(32)).map(([ip, length]) => cidrOf(ip, length));

test('cidrOf() holds its address, its text parses back', () => {
  fc.assert(
    fc.property(address, fc.nat(32), (ip, length) => {
      const cidr = cidrOf(ip, length);
      assert.ok(cidrHasIp(cidr, ip));
      assert.equal(parseCidr(cidr), cidr);
    }),
  );
});

test('cidrHasIp() holds an address whose own prefix of that length it is', () => {
  // Addresses that differ in one bit: others would nearly never share a long prefix.
  fc.assert(
    fc.property(address, fc.nat(128), fc.nat(127), (ip, length, bit) => {
      const bytes = ipToBytes(ip);
      const width = bytes.length * 8;
      const at = bit % width;
      const other = Uint8Array.from(bytes);
      other[at >> 3] = (other[at >> 3] ?? 0) ^ (0x80 >> (at & 7));
      const cidr = cidrOf(ip, length % (width + 1));
      assert.equal(cidrHasIp(cidr, ipFromBytes(other)), at >= length % (width + 1));
    }),
  );
  assert.ok(!cidrHasIp(parseCidr('0.0.0.0/0'), parseIp('::1')));
});

test('cidrsOverlap() means: one has the base of the other', () => {
  fc.assert(
    fc.property(prefix, prefix, (a, b) => {
      assert.equal(cidrsOverlap(a, b), cidrHasIp(a, cidrBase(b)) || cidrHasIp(b, cidrBase(a)));
      assert.equal(cidrsOverlap(a, b), cidrsOverlap(b, a));
    }),
  );
});

test('cidrSubnetAt() cuts disjoint parts that lie inside', () => {
  const whole = parseCidr('10.244.0.0/16');
  const parts = Array.from({ length: 256 }, (_, i) => cidrSubnetAt(whole, 24, i));
  assert.equal(new Set(parts).size, 256);
  assert.ok(parts.every((part) => cidrHasCidr(whole, part)));
  assert.throws(() => cidrSubnetAt(whole, 24, 256), { code: 'exhausted' });
  assert.equal(cidrSubnetAt(parseCidr('fd00:10:244::/56'), 64, 3), 'fd00:10:244:3::/64');
});

test('cidrIpAt() ends with the prefix', () => {
  const cidr = parseCidr('10.0.0.0/30');
  assert.equal(cidrSize(cidr), 4n);
  assert.equal(cidrIpAt(cidr, 3), '10.0.0.3');
  assert.throws(() => cidrIpAt(cidr, 4), { code: 'exhausted' });
  assert.equal(hostCidr(parseIp('fd00::1')), 'fd00::1/128');
});
