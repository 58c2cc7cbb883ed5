import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import { aFakeIpvsKernel } from '../../../test/support/fake-ipvs-kernel.ts';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { baseTarget } from './base-target.ts';
import { nameOf } from './element-codec.ts';
import { IPVS_DEVICE } from './kernel.ts';
import { renderFrontend } from './render.ts';
import { isSameRow, type IpvsRow } from './row.ts';
import { strayTarget } from './stray-services.ts';
import { ipvsTarget } from './target.ts';

const SIGNAL = new AbortController().signal;
const A = '10.244.1.2:8080';
const B = '10.244.2.2:8080';

async function aKernel() {
  const fake = await aFakeIpvsKernel();
  const { kernel, copy } = fake;
  /** What the table holds, sorted; asks a copy, so that nothing counts as a list. */
  const elements = async (): Promise<readonly string[]> => ((await copy().table.list()) ?? []).toSorted();
  return { ...fake, ...kernel, ipvs: fake.ipvs, elements, target: ipvsTarget(kernel) };
}

function rowsOf(...frontends: readonly Frontend[]): ReadonlyMap<string, IpvsRow> {
  const context = {
    node: 'n',
    nodeIps: [],
    serviceCidrs: [],
    ownPodCidrs: [],
    podCidrs: [],
    nodeLocalIps: [],
    scheduler: 'rr',
  };
  return new Map(frontends.map((it) => [frontendKey(it), renderFrontend(it, context)!]));
}

const LOCAL = aFrontend([A, B], { outside: aChoice(A), masqueradesOutside: false });

test('what was updated is observed as wanted, and nothing is left when it was deleted', async () => {
  const { target, elements, ipvs, netlink } = await aKernel();
  const other = aFrontend([], { ip: parseIp('fd96::5'), protocol: 'UDP' });
  const rows = rowsOf(LOCAL, other);
  assert.deepEqual(await target.update(rows, SIGNAL, new Map()), new Map());
  const seen = await target.observe(SIGNAL);
  assert.deepEqual([...seen.keys()].sort(), [...rows.keys()].sort());
  for (const [key, row] of rows) assert.ok(isSameRow(row, seen.get(key)!), key);
  assert.equal(ipvs.held.size, 3);
  // Entries as they were wanted, not as they were seen: the mark is looked up.
  assert.deepEqual(await target.delete(rows, SIGNAL), new Map());
  assert.deepEqual(await elements(), []);
  assert.deepEqual(await ipvs.services(), []);
  assert.deepEqual(await netlink.addresses(IPVS_DEVICE), []);
});

test('a destination that left stays with weight 0 while it has connections, of TCP alone', async () => {
  for (const protocol of ['TCP', 'UDP'] as const) {
    const { target, ipvs } = await aKernel();
    const before = rowsOf(aFrontend([A], { protocol }));
    const after = rowsOf(aFrontend([B], { protocol }));
    const [key, row] = [...after][0]!;
    await target.update(before, SIGNAL, new Map());
    ipvs.connections.set(parseIp('10.244.1.2'), 1);
    await target.update(after, SIGNAL, before);
    const seen = (await target.observe(SIGNAL)).get(key)!;
    const weights = seen.inside!.destinations.map((it) => `${it.ip} ${it.weight}`).sort();
    const left = protocol === 'TCP' ? ['10.244.1.2 0'] : [];
    assert.deepEqual(weights, [...left, '10.244.2.2 1']);
    assert.ok(isSameRow(row, seen));
    ipvs.connections.clear();
    await target.update(after, SIGNAL, after);
    assert.equal((await target.observe(SIGNAL)).get(key)!.inside!.destinations.length, 1);
  }
});

test('a frontend with connections drains: it fails with the code, takes no new ones, and goes when they ended', async () => {
  const { kernel, target, ipvs, elements, netlink } = await aKernel();
  const rows = rowsOf(aFrontend([A, B]));
  const [key] = rows.keys();
  await target.update(rows, SIGNAL, new Map());
  ipvs.connections.set(parseIp('10.244.1.2'), 1);
  const failures = await target.delete(rows, SIGNAL);
  assert.ok(hasCode(failures.get(key!), 'draining'));
  const seen = await target.observe(SIGNAL);
  assert.deepEqual(seen.get(key!)!.inside!.destinations.map((it) => [it.ip, it.weight]), [['10.244.1.2', 0]]); // prettier-ignore
  assert.equal((await netlink.addresses(IPVS_DEVICE)).length, 1);
  const base = await baseTarget(kernel).delete(new Map([['device', { kind: 'device', isUp: true }]]), SIGNAL);
  assert.ok(hasCode(base.get('device'), 'draining'));
  ipvs.connections.clear();
  assert.deepEqual(await target.delete(seen, SIGNAL), new Map());
  assert.deepEqual(await elements(), []);
  assert.deepEqual(await netlink.addresses(IPVS_DEVICE), []);
});

test('an address goes with the last row that has it, and no change lists what others hold', async () => {
  const { target, ipvs, tables, elements, netlink } = await aKernel();
  const rows = rowsOf(LOCAL, aFrontend([A], { port: parsePort(81) }));
  await target.update(rows, SIGNAL, await target.observe(SIGNAL));
  const listed = tables.listCount;
  ipvs.services = () => Promise.reject(new Error('services were listed'));
  const [first, second] = [...rows].map((it) => new Map([it]));
  const changed = rowsOf({ ...LOCAL, outside: aChoice(B) });
  assert.deepEqual(await target.update(changed, SIGNAL, first!), new Map());
  assert.deepEqual(await target.delete(changed, SIGNAL), new Map());
  assert.equal((await netlink.addresses(IPVS_DEVICE)).length, 1);
  assert.ok((await elements()).includes('carried4 10.96.0.5'));
  assert.deepEqual(await target.delete(second!, SIGNAL), new Map());
  assert.deepEqual(await netlink.addresses(IPVS_DEVICE), []);
  assert.deepEqual(await elements(), []);
  assert.equal(tables.listCount, listed);
});

test('a service that is new is made in one go; what is in its way is found out', async () => {
  const { target, ipvs } = await aKernel();
  const goes: number[] = [];
  const apply = ipvs.apply.bind(ipvs);
  ipvs.apply = (changes) => (goes.push(changes.length), apply(changes));
  const rows = rowsOf(aFrontend([A, B]));
  assert.deepEqual(await target.update(rows, SIGNAL, new Map()), new Map());
  assert.deepEqual(goes, [3]);
  // Another has it with other destinations, and this backend has not looked.
  const other = rowsOf(aFrontend([B, '10.244.3.2:8080']));
  assert.deepEqual(await target.update(other, SIGNAL, new Map()), new Map());
  const [seen] = (await target.observe(SIGNAL)).values();
  assert.deepEqual(seen?.inside?.destinations.map((it) => it.ip).sort(), ['10.244.2.2', '10.244.3.2']);
});

test('elements that somebody changed are found out, row by row', async () => {
  const { target, table, elements } = await aKernel();
  const rows = rowsOf(LOCAL, aFrontend([A], { ip: parseIp('10.96.0.6') }));
  await target.update(rows, SIGNAL, new Map());
  const wanted = await elements();
  const [outside] = wanted.filter((it) => it.startsWith('outside4 10.96.0.5'));
  table.change([{ remove: [outside!], add: [`${nameOf(outside!)} : drop`] }]);
  assert.deepEqual(await target.update(rows, SIGNAL, new Map()), new Map());
  assert.deepEqual(await elements(), wanted);
  table.change([{ remove: [outside!], add: [] }]);
  assert.deepEqual(await target.delete(rows, SIGNAL), new Map());
  assert.deepEqual(await elements(), []);
});

test('a mark that is taken is passed over', async () => {
  const { target, ipvs } = await aKernel();
  await target.update(rowsOf(LOCAL), SIGNAL, new Map());
  const [mark] = (await ipvs.services()).flatMap(({ key }) => (key.kind === 'mark' ? [key.mark] : []));
  const second = await aKernel();
  const service = {
    key: { kind: 'mark', family: 4, mark: mark! },
    scheduler: 'rr',
    persistenceS: 0,
  } as const;
  second.ipvs.apply([{ kind: 'service', verb: 'add', service }]);
  assert.deepEqual(await second.target.update(rowsOf(LOCAL), SIGNAL, new Map()), new Map());
  assert.ok(second.ipvs.held.has(`mark ${mark! + 1} of IPv4`));
});

test('a service of another mark stands until no packet has its mark', async () => {
  const { kernel, target, ipvs, tables } = await aKernel();
  await target.update(rowsOf(LOCAL), SIGNAL, new Map());
  const before = await target.observe(SIGNAL);
  const [old] = [...ipvs.held.keys()].filter((it) => it.startsWith('mark'));
  const apply = tables.apply.bind(tables);
  tables.apply = (changes) => (assert.ok(ipvs.held.has(old!)), apply(changes));
  const after = rowsOf({ ...LOCAL, masqueradesOutside: true });
  assert.deepEqual(await target.update(after, SIGNAL, before), new Map());
  const strays = strayTarget(kernel);
  assert.deepEqual([...(await strays.observe(SIGNAL)).keys()], [old]);
  assert.deepEqual(await strays.delete(await strays.observe(SIGNAL), SIGNAL), new Map());
  assert.equal(ipvs.held.size, 2);
});

test('a pod is hidden from itself as long as it may be led to itself', async () => {
  const { target, ipvs, table, elements } = await aKernel();
  const hairpin = 'hairpins4 10.96.0.5 . tcp . 80 . 10.244.1.2 . 10.244.1.2';
  const [before, after] = [rowsOf(aFrontend([A, B])), rowsOf(aFrontend([B]))];
  await target.update(before, SIGNAL, new Map());
  assert.ok((await elements()).includes(hairpin));
  const [change, apply] = [table.change.bind(table), ipvs.apply.bind(ipvs)];
  let isLed = true;
  table.change = (changes) => {
    assert.ok(!isLed || changes.every(({ remove }) => !remove.includes(hairpin)));
    return change(changes);
  };
  ipvs.apply = (changes) => {
    isLed &&= !changes.some((it) => it.kind === 'destination' && it.verb === 'delete');
    return apply(changes);
  };
  assert.deepEqual(await target.update(after, SIGNAL, before), new Map());
  assert.deepEqual([isLed, (await elements()).includes(hairpin)], [false, false]);
});

test('a service of outside clients that drains goes with its frontend, whatever was seen of it', async () => {
  const { target, ipvs, elements } = await aKernel();
  await target.update(rowsOf(LOCAL), SIGNAL, new Map());
  const after = rowsOf({ ...LOCAL, outside: LOCAL.inside });
  ipvs.connections.set(parseIp('10.244.1.2'), 1);
  assert.deepEqual(await target.update(after, SIGNAL, await target.observe(SIGNAL)), new Map());
  assert.equal(ipvs.held.size, 2);
  ipvs.connections.clear();
  assert.deepEqual(await target.delete(after, SIGNAL), new Map());
  assert.deepEqual([...ipvs.held.keys(), ...(await elements())], []);
});

test('an address that the device has and the table has not is found out', async () => {
  const { target, netlink } = await aKernel();
  const rows = rowsOf(LOCAL);
  const [key, row] = [...rows][0]!;
  const notCarried = new Map([[key, { ...row, address: 'not carried' } as const]]);
  await target.update(rows, SIGNAL, new Map());
  // As a row of the same address does that was not there before.
  await target.update(notCarried, SIGNAL, new Map());
  const seen = await target.observe(SIGNAL);
  assert.equal(isSameRow(notCarried.get(key)!, seen.get(key)!), false);
  await target.update(notCarried, SIGNAL, seen);
  assert.deepEqual(await netlink.addresses(IPVS_DEVICE), []);
  assert.ok(isSameRow(notCarried.get(key)!, (await target.observe(SIGNAL)).get(key)!));
});

test('a row that cannot be is named and holds back no other', async () => {
  const { target } = await aKernel();
  const options = { ipvsScheduler: 'best', isMaglev: false, isDirectReturn: false };
  const rows = rowsOf(aFrontend([A], { options }), aFrontend([B], { ip: parseIp('10.96.0.6') }));
  const failures = await target.update(rows, SIGNAL, new Map());
  assert.deepEqual([...failures.keys()], ['10.96.0.5:80/TCP']);
  assert.deepEqual([...(await target.observe(SIGNAL)).keys()], ['10.96.0.6:80/TCP']);
});

test('on a kernel without IPVS nothing is observed', async () => {
  const { kernel, ipvs } = await aKernel();
  ipvs.isPresent = () => false;
  assert.deepEqual(await ipvsTarget(kernel).observe(SIGNAL), new Map());
  assert.deepEqual(await baseTarget(kernel).observe(SIGNAL), new Map());
});
