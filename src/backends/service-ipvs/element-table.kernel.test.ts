// The table itself needs no IPVS: its elements are tested on every kernel with nftables.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { anonymousNetns, type Netns } from '../../sys/netns.ts';
import { openNfTables, type NfTables } from '../../sys/nf-tables.ts';
import { elementTable, type ElementTable } from './element-table.ts';
import { tableMark, tableScript } from './table.ts';

const PLACE = { podCidrs: [parseCidr('10.244.1.0/24')], nodeIps: [parseIp('192.0.2.1')] };
const ELEMENTS = [
  'carried4 10.96.0.5',
  'exclusive6 fd96::5',
  'restricted4 10.96.0.5 . tcp . 80',
  'ranges4 10.96.0.5 . tcp . 80 . 198.51.100.0/24',
  'ranges4 10.96.0.5 . tcp . 80 . 203.0.113.9',
  'hairpins6 fd96::5 . tcp . 80 . fd10::2 . fd10::2',
  'inside4 10.96.0.5 . tcp . 80 : goto refuse',
  'node6 fd96::5 . udp . 53 : drop',
  'outside4 10.96.0.5 . tcp . 80 : goto separate4',
  'marks4 10.96.0.5 . tcp . 80 : 25165823',
].toSorted();

let netns: Netns;
let tables: NfTables;
let table: ElementTable;
before(() => {
  netns = anonymousNetns();
  tables = openNfTables(netns);
  table = elementTable(tables, { netns });
});
after(() => {
  tables.close();
  netns.close();
});

it('service-ipvs: elements of the table come, are found, change and go', async () => {
  assert.equal(await table.list(), undefined);
  assert.equal(await table.mark(), undefined);
  await table.load(tableScript(PLACE));
  assert.equal(await table.mark(), tableMark(PLACE));
  assert.equal(await table.hasFrontends(), false);
  assert.deepEqual(table.change([{ remove: [], add: ELEMENTS }]), []);
  assert.deepEqual((await table.list())?.toSorted(), ELEMENTS);
  assert.equal(await table.hasFrontends(), true);
  for (const element of ELEMENTS.filter((it) => !it.startsWith('ranges')))
    assert.equal(await table.find(element), element);
  const [marks] = ELEMENTS.filter((it) => it.startsWith('marks'));
  const [ranges] = ELEMENTS.filter((it) => it.startsWith('ranges'));
  const other = marks!.replace('25165823', '16777217');
  const clear = ['carried4 10.96.0.5', 'carried4 10.96.0.6', ranges!];
  assert.deepEqual(table.change([{ remove: [marks!], add: [other], clear }]), []);
  assert.equal(await table.find(marks!), other);
  assert.equal(await table.find('carried4 10.96.0.5'), undefined);
  // One that cannot be holds back the other.
  const refused = table.change([{ remove: [other], add: [] }, { remove: [ranges!], add: [] }]); // prettier-ignore
  assert.deepEqual(refused.map(({ at }) => at), [1]); // prettier-ignore
  assert.equal(await table.find(marks!), other);
});
