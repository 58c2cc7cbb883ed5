import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidrHasIp, cidrLength, cidrOf, parseCidr, type Cidr } from '../../base/cidr.ts';
import { ipFromBigInt, ipToBigInt, type Ip } from '../../base/ip.ts';
import { disjointRanges } from './disjoint-ranges.ts';

function textOf(prefixes: Readonly<Record<string, number>>): readonly string[] {
  const ranges = disjointRanges(Object.entries(prefixes).map(([text, value]) => [parseCidr(text), value]));
  return ranges.map(({ first, last, value }) => `${first}-${last} ${value}`);
}

for (const { name, prefixes, expected } of [
  { name: 'nothing of nothing', prefixes: {}, expected: [] },
  { name: 'one prefix', prefixes: { '10.0.0.0/8': 1 }, expected: ['10.0.0.0-10.255.255.255 1'] },
  {
    name: 'a hole in the middle, at the start and at the end',
    prefixes: {
      '10.0.0.0/24': 1,
      '10.0.0.64/26': 2,
      '10.0.1.0/24': 3,
      '10.0.1.0/25': 4,
      '10.0.2.0/24': 5,
      '10.0.2.128/25': 6,
    },
    expected: [
      '10.0.0.0-10.0.0.63 1',
      '10.0.0.64-10.0.0.127 2',
      '10.0.0.128-10.0.0.255 1',
      '10.0.1.0-10.0.1.127 4',
      '10.0.1.128-10.0.1.255 3',
      '10.0.2.0-10.0.2.127 5',
      '10.0.2.128-10.0.2.255 6',
    ],
  },
  {
    name: 'neighbours of one value as one',
    prefixes: { '10.0.0.0/25': 1, '10.0.0.128/25': 1, '10.0.1.0/24': 2 },
    expected: ['10.0.0.0-10.0.0.255 1', '10.0.1.0-10.0.1.255 2'],
  },
  {
    name: 'everything, of both families',
    prefixes: { '0.0.0.0/0': 1, '255.255.255.255/32': 2, '::/0': 3 },
    expected: [
      '0.0.0.0-255.255.255.254 1',
      '255.255.255.255-255.255.255.255 2',
      '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3',
    ],
  },
] as const) {
  test(`disjointRanges() makes ${name}`, () => assert.deepEqual(textOf(prefixes), expected));
}

test('disjointRanges() says of every address what the longest prefix around it says, once', () => {
  const prefix = fc
    .record({ ip: fc.nat(255), length: fc.integer({ min: 24, max: 32 }) })
    .map(({ ip, length }) => cidrOf(`10.0.0.${ip}` as Ip, length));
  fc.assert(
    fc.property(fc.dictionary(prefix, fc.nat(3), { maxKeys: 12 }), (prefixes) => {
      const entries = Object.entries(prefixes) as [Cidr, number][];
      const ranges = disjointRanges(entries);
      for (let i = 0; i < 256; i++) {
        const ip = ipFromBigInt(ipToBigInt('10.0.0.0' as Ip) + BigInt(i), 4);
        const longest = entries
          .filter(([cidr]) => cidrHasIp(cidr, ip))
          .toSorted(([a], [b]) => cidrLength(b) - cidrLength(a))[0];
        const found = ranges.filter(
          ({ first, last }) => ipToBigInt(first) <= ipToBigInt(ip) && ipToBigInt(ip) <= ipToBigInt(last),
        );
        assert.deepEqual(
          found.map(({ value }) => value),
          longest === undefined ? [] : [longest[1]],
        );
      }
    }),
  );
});
