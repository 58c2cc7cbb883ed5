import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { concatenated } from '../wire/netlink/nftables.ts';
import { anonymousNetns, type Netns } from './netns.ts';
import { openNfTables, type NfTables } from './nf-tables.ts';
import { applyNft } from './nft.ts';

const TABLE = 't-elements';
const KEY = concatenated(Uint8Array.of(10, 0, 0, 1), Uint8Array.of(0, 80));

let netns: Netns;
let tables: NfTables;
before(async () => {
  netns = anonymousNetns();
  await applyNft(
    `table inet ${TABLE} {
      chain out { }
      set ips { type ipv4_addr; }
      map verdicts { type ipv4_addr . inet_service : verdict; }
    }\n`,
    { netns },
  );
  tables = openNfTables(netns);
});
after(() => {
  tables.close();
  netns.close();
});

it('nf_tables: one element is asked for by its key', async () => {
  const other = concatenated(Uint8Array.of(10, 0, 0, 2), Uint8Array.of(0, 80));
  const elements = [
    { key: KEY, data: { kind: 'goto', chain: 'out' } },
    { key: other, data: { kind: 'drop' } },
  ] as const;
  assert.deepEqual(tables.apply([{ kind: 'add', table: TABLE, set: 'verdicts', elements }]), []);
  for (const element of elements)
    assert.deepEqual(await tables.element(TABLE, 'verdicts', element.key), element);
  assert.equal(
    await tables.element(
      TABLE,
      'verdicts',
      KEY.map((it) => it + 1),
    ),
    undefined,
  );
  assert.equal(await tables.element(TABLE, 'no-set', KEY), undefined);
  assert.equal((await tables.listElements(TABLE, 'verdicts'))?.length, 2);
});

it('nf_tables: to add and delete in one transaction removes an element, whether it was there or not', async () => {
  const change = { table: TABLE, set: 'ips', elements: [{ key: Uint8Array.of(10, 0, 0, 9) }] };
  const [add, remove] = [{ kind: 'add', ...change } as const, { kind: 'delete', ...change } as const];
  for (const isThere of [false, true]) {
    if (isThere) assert.deepEqual(tables.apply([add]), []);
    assert.deepEqual(tables.apply([add, remove]), []);
    assert.deepEqual(await tables.listElements(TABLE, 'ips'), []);
  }
  assert.equal(tables.apply([remove]).length, 1);
});
