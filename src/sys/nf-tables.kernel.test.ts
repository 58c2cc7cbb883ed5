import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { NftElement, NftElementChange } from '../wire/netlink/nftables.ts';
import { errnoOf } from './errno.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { openNfTables, type NfTables } from './nf-tables.ts';
import { applyNft } from './nft.ts';

const TABLE = 't-sys';
let netns: Netns;
let tables: NfTables;

before(async () => {
  netns = anonymousNetns();
  tables = openNfTables(netns);
  const script = `table inet ${TABLE} {\n map a { type ipv4_addr : mark; }\n set b { type ipv4_addr; }\n chain c { accept comment "ours"; }\n}\n`;
  await applyNft(script, { netns });
});
after(() => {
  tables.close();
  netns.close();
});

function change(kind: 'add' | 'delete', set: string, ...elements: readonly NftElement[]): NftElementChange {
  return { kind, table: TABLE, set, elements };
}

function address(last: number, mark?: number): NftElement {
  const key = Uint8Array.of(10, 96, 0, last);
  return mark === undefined ? { key } : { key, data: { kind: 'value', bytes: Uint8Array.of(mark, 0, 0, 0) } };
}

async function keysOf(set: string): Promise<readonly number[] | undefined> {
  const elements = await tables.listElements(TABLE, set);
  return elements?.map((it) => it.key[3] ?? 0).toSorted((a, b) => a - b);
}

test('elements come and go in one transaction, and are listed with their values', async () => {
  assert.deepEqual(tables.apply([change('add', 'a', address(1, 5), address(2, 6)), change('add', 'b', address(3))]), []); // prettier-ignore
  assert.deepEqual(tables.apply([change('delete', 'a', address(1)), change('add', 'a', address(1, 7))]), []);
  const elements = await tables.listElements(TABLE, 'a');
  assert.deepEqual(elements?.toSorted((a, b) => (a.key[3] ?? 0) - (b.key[3] ?? 0)), [address(1, 7), address(2, 6)]); // prettier-ignore
  assert.deepEqual(await keysOf('b'), [3]);
  assert.deepEqual(tables.apply([change('delete', 'a', address(1), address(2)), change('delete', 'b', address(3))]), []); // prettier-ignore
});

test('a refusal names the set and the element, and nothing of the transaction happens', async () => {
  const [refused, ...others] = tables.apply([
    change('add', 'b', address(1)),
    change('delete', 'a', address(9)),
  ]);
  assert.deepEqual(others, []);
  assert.equal(refused?.at, 1);
  assert.equal(errnoOf(refused.error), 'ENOENT');
  assert.match(refused.error.message, /nftables set t-sys a \(delete 0a600009\)/);
  assert.deepEqual(await keysOf('b'), []);
});

test('each refusal of a transaction is told', () => {
  const refused = tables.apply([
    change('delete', 'a', address(8)),
    change('add', 'b', address(1)),
    change('add', 'nowhere', address(1), address(2)),
  ]);
  assert.deepEqual(
    refused.map((it) => it.at),
    [0, 2],
  );
  assert.match(refused[1]?.error.message ?? '', /t-sys nowhere \(add 0a600001 and 1 more\)/);
});

test('what is more than a message holds is one transaction all the same', async () => {
  const many = Array.from({ length: 3000 }, (_, at) => ({ key: Uint8Array.of(10, 97, at >> 8, at & 255) }));
  assert.equal(tables.apply([change('add', 'b', ...many), change('delete', 'a', address(9))]).length, 1);
  assert.deepEqual(await keysOf('b'), []);
  assert.deepEqual(tables.apply([change('add', 'b', ...many)]), []);
  assert.equal((await tables.listElements(TABLE, 'b'))?.length, 3000);
  assert.deepEqual(tables.apply([change('delete', 'b', ...many)]), []);
});

test('the generation counts transactions of anybody, and one that builds on an older one is refused', async () => {
  const generation = tables.generation();
  assert.equal(tables.generation(), generation);
  assert.deepEqual(tables.apply([change('add', 'b', address(1))], generation), []);
  assert.equal(tables.generation(), generation + 1);
  await applyNft(`delete element inet ${TABLE} b { 10.96.0.1 }\n`, { netns });
  assert.equal(tables.generation(), generation + 2);
  const refused = tables.apply([change('add', 'b', address(2))], generation + 1);
  assert.deepEqual(
    refused.map((it) => errnoOf(it.error)),
    ['ERESTART'],
  );
  assert.deepEqual(await keysOf('b'), []);
  assert.equal(tables.generation(), generation + 2);
});

test('chains and rules are listed; what is not there is nothing', async () => {
  assert.deepEqual(await tables.listChains(TABLE), ['c']);
  assert.deepEqual(await tables.listRules(TABLE), [{ chain: 'c', comment: 'ours' }]);
  assert.equal(await tables.listElements(TABLE, 'nowhere'), undefined);
  assert.deepEqual(await tables.listChains('nowhere'), []);
  assert.deepEqual(await tables.listRules('nowhere'), []);
});

test('counters are listed with what they have counted', async () => {
  const rules = `table inet t-counted {\n counter n { packets 3 bytes 1000 }\n counter none { }\n}\n`;
  await applyNft(rules, { netns });
  assert.deepEqual(
    new Map((await tables.listCounters('t-counted')).map((it) => [it.name, [it.packets, it.bytes]])),
    new Map([
      ['n', [3n, 1000n]],
      ['none', [0n, 0n]],
    ]),
  );
  assert.deepEqual(await tables.listCounters('t-nowhere'), []);
});
