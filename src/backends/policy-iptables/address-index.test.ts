import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidrHasIp, cidrLength, parseCidr, type Cidr } from '../../base/cidr.ts';
import { parseIp, type Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { PolicyAddress } from '../../model/policy.ts';
import { addressChanges, AddressIndex, type PeerFilter } from './address-index.ts';
import { prefixElements } from './prefix-elements.ts';

/** Few prefixes, that many lie in each other. */
const PREFIXES: readonly Cidr[] = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.1.0/24',
  '10.1.1.1/32',
  '10.1.1.2/32',
  '10.1.2.1/32',
  '10.2.0.1/32',
  '203.0.113.0/24',
  '203.0.113.7/32',
].map(parseCidr);
const IPS = [
  '10.1.1.1',
  '10.1.1.2',
  '10.1.1.3',
  '10.1.2.1',
  '10.1.9.9',
  '10.2.0.1',
  '10.3.0.1',
  '203.0.113.7',
  '203.0.113.8',
  '192.0.2.1',
].map(parseIp);

const somePeer = fc.constantFrom(PEERS.outside, PEERS.unknownPod, 300, 301);
const someAddresses = fc
  .array(fc.option(somePeer, { nil: undefined }), { minLength: PREFIXES.length, maxLength: PREFIXES.length })
  .map(
    (peers) =>
      new Map(
        PREFIXES.flatMap((prefix, at): readonly (readonly [Cidr, PolicyAddress])[] => {
          const peer = cidrLength(prefix) === 0 ? PEERS.outside : peers[at];
          return peer === undefined ? [] : [[prefix, { peer, block: 0 }]];
        }),
      ),
  );
const someFilter = fc
  .subarray([PEERS.outside, PEERS.unknownPod, 300, 301])
  .map((peers): PeerFilter => ({ text: peers.join(), has: (peer) => peers.includes(peer) }));

/** What the kernel's set says: the longest prefix, unless it is taken out. */
function isInSet(elements: Iterable<string>, ip: Ip): boolean {
  const found = [...elements]
    .map((text) => {
      const [prefix = '', ...out] = text.split(' ');
      return { prefix: parseCidr(prefix.includes('/') ? prefix : `${prefix}/32`), isIn: out.length === 0 };
    })
    .filter(({ prefix }) => cidrHasIp(prefix, ip))
    .toSorted((a, b) => cidrLength(b.prefix) - cidrLength(a.prefix));
  return found[0]?.isIn ?? false;
}

function longest<T>(prefixes: Iterable<readonly [Cidr, T]>, ip: Ip): T | undefined {
  const holding = [...prefixes].filter(([prefix]) => cidrHasIp(prefix, ip));
  return holding.toSorted(([a], [b]) => cidrLength(b) - cidrLength(a))[0]?.[1];
}

test('AddressIndex: a set holds the addresses of the peers that are meant, and no others', () => {
  fc.assert(
    fc.property(someAddresses, someFilter, (addresses, filter) => {
      const index = new AddressIndex(4, addresses);
      const elements = index.elements(filter);
      for (const ip of IPS) {
        const peer = longest(addresses, ip)?.peer ?? PEERS.outside;
        assert.equal(index.peerAt(ip), peer, ip);
        assert.equal(isInSet(elements, ip), filter.has(peer), ip);
      }
    }),
  );
});

test('AddressIndex: single addresses that change change their own elements, each address from what it was to what it is', () => {
  fc.assert(
    fc.property(someAddresses, someAddresses, someFilter, (some, others, filter) => {
      const isSingle = ([prefix]: readonly [Cidr, PolicyAddress]): boolean => cidrLength(prefix) === 32;
      const next = new Map([
        ...[...some].filter((it) => !isSingle(it)),
        ...[...others].filter((it) => isSingle(it)),
      ]);
      const before = new AddressIndex(4, some);
      const after = before.after(next);
      const changes = addressChanges(some, next);
      const elements = before.elements(filter);
      const changed = after.elementsAfter(elements, filter, changes);
      assert.deepEqual(changed, new AddressIndex(4, next).elements(filter));
      assert.equal(changed === elements, elements.size === changed.size && elements.isSubsetOf(changed));
      assert.deepEqual(before.wideElements(filter), after.wideElements(filter));
    }),
  );
});

test('prefixElements(): the longest prefix tells, a prefix of everything too', () => {
  const somePrefixes = fc
    .subarray([...PREFIXES])
    .chain((prefixes) =>
      fc
        .array(fc.boolean(), { minLength: prefixes.length, maxLength: prefixes.length })
        .map((signs) => prefixes.map((prefix, at) => [prefix, signs[at] ?? false] as const)),
    );
  fc.assert(
    fc.property(somePrefixes, fc.boolean(), (prefixes, otherwise) => {
      const elements = prefixElements(4, prefixes, otherwise);
      for (const ip of IPS) assert.equal(isInSet(elements, ip), longest(prefixes, ip) ?? otherwise, ip);
      assert.equal(
        elements.some((it) => it.includes('/0')),
        false,
      );
    }),
  );
});
