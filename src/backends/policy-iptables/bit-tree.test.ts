import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidrHasIp, hostCidr } from '../../base/cidr.ts';
import { ipFromBigInt, ipToBigInt, type Ip } from '../../base/ip.ts';
import { addressTree, MARK_TREE, treeRules, type TreeRule } from './bit-tree.ts';
import { ChainBook } from './chain-book.ts';
import type { PolicyRule } from './rule.ts';

const END: readonly PolicyRule[] = [{ end: { kind: 'goto', chain: 'none' } }];

/** Where a packet ends, and how many rules it was held against. */
function walk(
  book: ChainBook,
  first: readonly PolicyRule[],
  matches: (rule: PolicyRule) => boolean,
): { readonly chain: string; readonly steps: number } {
  let steps = 0;
  for (let rules = first; ;) {
    const at = rules.findIndex(matches);
    const end = rules[at]?.end;
    assert.equal(end?.kind, 'goto');
    steps += at + 1;
    const next = book.chains.get(end.chain)?.rules;
    if (next === undefined) return { chain: end.chain, steps };
    rules = next;
  }
}

test('treeRules() by marks: each leads to its own end, all others to the last rule, after few rules', () => {
  const someMarks = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 });
  fc.assert(
    fc.property(someMarks, fc.integer({ min: 0, max: 0xffff }), (marks, other) => {
      const book = new ChainBook();
      const rules = marks.map((value): TreeRule => ({
        bits: BigInt(value),
        rule: { mark: { value, mask: 0xffff }, end: { kind: 'goto', chain: `mark ${value}` } },
      }));
      const first = treeRules(rules, { ...MARK_TREE, book, kind: 'M', end: END });
      for (const packet of [...marks, other]) {
        const has = ({ mark }: PolicyRule): boolean =>
          mark === undefined || (packet & mark.mask) === mark.value;
        const { chain, steps } = walk(book, first, has);
        assert.equal(chain, marks.includes(packet) ? `mark ${packet}` : 'none');
        assert.ok(steps <= 9 * 6, `${steps} rules`);
      }
    }),
  );
});

test('treeRules() by addresses of both families: each leads to its own end, all others to the last rule', () => {
  for (const [family, base, span] of [
    [4, 0x0af4_0000n, 0xffffn],
    [6, 0xfd00_0244_0000_0000_0000_0000_0000_0000n, 0xffff_ffff_ffffn],
  ] as const) {
    const someIp = fc.bigInt({ min: base, max: base + span }).map((it) => ipFromBigInt(it, family));
    fc.assert(
      fc.property(fc.uniqueArray(someIp, { maxLength: 120 }), someIp, (ips: readonly Ip[], other) => {
        const book = new ChainBook();
        const plan = { ...addressTree(family, 'source'), book, kind: 'F' as const, end: END };
        const rules = ips.map((ip): TreeRule => ({
          bits: ipToBigInt(ip),
          rule: { source: hostCidr(ip), end: { kind: 'goto', chain: ip } },
        }));
        const first = treeRules(rules, plan);
        for (const ip of [...ips, other]) {
          const has = ({ source }: PolicyRule): boolean => source === undefined || cidrHasIp(source, ip);
          assert.equal(walk(book, first, has).chain, ips.includes(ip) ? ip : 'none');
        }
      }),
    );
  }
});

test('treeRules(): one rule more changes the chains on its way alone', () => {
  const chainsOf = (count: number): ReadonlySet<string> => {
    const book = new ChainBook();
    const rules = Array.from({ length: count }, (_, at): TreeRule => {
      const value = 256 + at;
      return { bits: BigInt(value), rule: { mark: { value, mask: 0xffff }, end: { kind: 'return' } } };
    });
    treeRules(rules, { ...MARK_TREE, book, kind: 'M', end: END });
    return new Set(book.chains.keys());
  };
  const [before, after] = [chainsOf(500), chainsOf(501)];
  assert.ok(before.size > 60);
  assert.ok(after.difference(before).size <= 3);
});
