import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp, type Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import { AddressBook } from './addresses.ts';
import { BlockIndex } from './blocks.ts';
import { NamedBook } from './named.ts';
import { PeerBook } from './peers.ts';
import type { NamesMatch } from './rules.ts';

const PATTERNS = ['*.example.com', 'www.example.com', 'example.org'];

function aBook(): NamedBook {
  const book = new NamedBook();
  book.setPatterns(PATTERNS);
  return book;
}

function matching(book: NamedBook, ...names: readonly string[]): ReadonlySet<number> {
  const match: NamesMatch = { kind: 'names', names };
  return book.index.matching(match);
}

test('NamedBook has the sets that one name can have before any address is learned', () => {
  const book = aBook();
  const index = book.index;
  const [wild, www, org] = [['a.b.example.com'], ['www.example.com'], ['example.org']].map((it) =>
    book.enter(it),
  );
  book.settle();
  assert.equal(book.index, index);
  assert.deepEqual(matching(book, '*.example.com'), new Set([wild, www]));
  assert.deepEqual(matching(book, 'www.example.com'), new Set([www]));
  assert.deepEqual(matching(book, 'example.org', 'nobody.net'), new Set([org]));
  assert.equal(book.enter(['example.com', 'example.net']), undefined);
});

test('NamedBook has a set of several names as long as an address has it', () => {
  const book = aBook();
  const alone = book.index;
  const names = ['www.example.com', 'example.org'];
  const number = book.enter(names);
  assert.equal(book.enter(names.toReversed()), number);
  book.settle();
  assert.notEqual(book.index, alone);
  assert.ok(number !== undefined && matching(book, 'example.org').has(number));
  book.leave(number);
  book.settle();
  assert.ok(matching(book, 'example.org').has(number), 'another address has it');
  book.leave(number);
  book.settle();
  assert.ok(!matching(book, 'example.org').has(number));
});

test('NamedBook is the same while patterns are, and begins anew with others', () => {
  const book = aBook();
  const { index } = book;
  assert.equal(book.setPatterns(PATTERNS.toReversed()), false);
  assert.equal(book.index, index);
  assert.equal(book.setPatterns(['example.org']), true);
  assert.deepEqual(matching(book, '*.example.com'), new Set());
});

const LEARNED = new Map<Ip, ReadonlySet<string>>(
  ['198.51.100.1', '203.0.113.1', '10.244.9.9', '192.0.2.1', '192.0.2.2', '10.96.0.10'].map((ip) => [
    parseIp(ip),
    new Set(['www.example.com']),
  ]),
);

/** Who has the learned addresses. */
function peersOf(addresses: AddressBook): Readonly<Record<string, number | undefined>> {
  return Object.fromEntries(
    [...LEARNED.keys()].map((ip) => [ip, addresses.addresses.get(parseCidr(`${ip}/32`))?.peer]),
  );
}

test('AddressBook gives names to what is outside alone: not to nodes, the cluster’s DNS, or what pods may have', () => {
  const named = aBook();
  const number = named.enter(['www.example.com']);
  const addresses = new AddressBook(new PeerBook(), named);
  const block = parseCidr('203.0.113.0/24');
  const blocks = new BlockIndex([block]);
  const fixed = {
    podPrefixes: [parseCidr('10.244.0.0/16')],
    nodes: new Map([[parseCidr('192.0.2.2/32'), PEERS.firstNode + 7]]),
    ownNode: [parseCidr('192.0.2.1/32')],
    clusterDns: [parseCidr('10.96.0.10/32')],
  };
  const expected = {
    '198.51.100.1': number,
    '203.0.113.1': number,
    '10.244.9.9': undefined,
    '192.0.2.1': PEERS.host,
    '192.0.2.2': PEERS.firstNode + 7,
    '10.96.0.10': PEERS.clusterDns,
  };
  addresses.rebuild({ fixed, blocks }, [], LEARNED);
  assert.deepEqual(peersOf(addresses), expected);
  assert.equal(addresses.addresses.get(parseCidr('203.0.113.1/32'))?.block, blocks.blockOf(block));
  addresses.rebuild({ fixed, blocks }, [], new Map());
  const changed = addresses.follow([], { names: LEARNED, changed: LEARNED.keys() });
  assert.deepEqual(peersOf(addresses), expected);
  assert.deepEqual(changed, new Set(['198.51.100.1/32', '203.0.113.1/32']));
});
