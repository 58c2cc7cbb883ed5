import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aRecord, anAddress } from '../../test/support/dns-messages.ts';
import { parseIp } from '../base/ip.ts';
import type { ResourceRecord } from '../wire/dns/message.ts';
import { parseDnsName } from '../wire/dns/name.ts';
import { answeredAddresses } from './answered-addresses.ts';
import { MAX_ANSWER_ADDRESSES } from './learn-protocol.ts';

function anAlias(name: string, ttlS: number, target: string): ResourceRecord {
  return aRecord(name, ttlS, { kind: 'cname', target: parseDnsName(target) });
}

function six(name: string, ttlS: number, ip: string): ResourceRecord {
  return aRecord(name, ttlS, { kind: 'aaaa', ip: parseIp(ip) });
}

const MANY = Array.from({ length: MAX_ANSWER_ADDRESSES + 9 }, (_, i) => `192.0.${2 + (i >> 8)}.${i & 255}`);

const ROWS: readonly {
  readonly name: string;
  readonly answers: readonly ResourceRecord[];
  /** "address ttl". */
  readonly expected: readonly string[];
}[] = [
  {
    name: 'its own addresses of both families, in whatever case',
    answers: [anAddress('WWW.Example.com', 30, '192.0.2.1'), six('www.example.com', 20, '2001:db8::1')],
    expected: ['192.0.2.1 30', '2001:db8::1 20'],
  },
  {
    name: 'those at the end of its aliases, as long as the shortest of the way',
    answers: [
      anAddress('edge.net', 60, '192.0.2.1'),
      anAlias('cdn.net', 5, 'edge.net'),
      anAlias('www.example.com', 300, 'CDN.net'),
    ],
    expected: ['192.0.2.1 5'],
  },
  {
    name: 'none of names that no alias leads to',
    answers: [anAddress('www.example.com', 9, '192.0.2.1'), anAddress('other.example.com', 9, '192.0.2.2')],
    expected: ['192.0.2.1 9'],
  },
  { name: 'none of an alias alone', answers: [anAlias('www.example.com', 9, 'cdn.net')], expected: [] },
  {
    name: 'none of a circle of aliases but those in it',
    answers: [
      anAlias('www.example.com', 9, 'a.net'),
      anAlias('a.net', 9, 'www.example.com'),
      anAddress('a.net', 3, '192.0.2.1'),
    ],
    expected: ['192.0.2.1 3'],
  },
  {
    name: 'none that is this host, the link, a group, or IPv4 in the dress of IPv6',
    answers: [
      ...['127.0.0.1', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255'].map((ip) =>
        anAddress('www.example.com', 9, ip),
      ),
      ...['::1', '::', 'fe80::1', 'ff02::1', '::ffff:192.0.2.1'].map((ip) => six('www.example.com', 9, ip)),
      anAddress('www.example.com', 9, '10.0.0.1'),
    ],
    expected: ['10.0.0.1 9'],
  },
  {
    name: 'one address once, and for a day at most',
    answers: [
      anAddress('www.example.com', 2_000_000_000, '192.0.2.1'),
      anAddress('www.example.com', 9, '192.0.2.1'),
    ],
    expected: ['192.0.2.1 86400'],
  },
  {
    name: 'no more than are of use',
    answers: MANY.map((ip) => anAddress('www.example.com', 9, ip)),
    expected: MANY.slice(0, MAX_ANSWER_ADDRESSES).map((ip) => `${ip} 9`),
  },
];

for (const { name, answers, expected } of ROWS)
  test(`answeredAddresses() gives a name ${name}`, () => {
    const found = answeredAddresses(parseDnsName('www.example.com'), answers);
    assert.deepEqual(
      found.map(({ ip, ttlS }) => `${ip} ${ttlS}`),
      expected,
    );
  });

test('answeredAddresses() costs what the answer is long, however its aliases stand', () => {
  const chain = Array.from({ length: 4000 }, (_, i) => anAlias(`n${i}.net`, 9, `n${i + 1}.net`)).toReversed();
  assert.deepEqual(answeredAddresses(parseDnsName('n0.net'), chain), []);
});
