import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairleadError, hasCode, type ErrorCode } from '../../base/errors.ts';
import { parseIp } from '../../base/ip.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type Frontend } from '../../model/network.ts';
import { FakeKernel } from '../../sys/fake-netlink.ts';
import { ipvsKeyText, type Ipvs } from '../../sys/ipvs.ts';
import type { IpvsChange, IpvsDestinationState, IpvsService } from '../../wire/netlink/ipvs.ts';
import { aChoice, aFrontend } from '../../../test/support/service-samples.ts';
import { baseTarget } from './base-target.ts';
import { decodeElement, encodeElement, nameOf, setOf } from './element-codec.ts';
import type { ElementTable, RefusedElements } from './element-table.ts';
import { IPVS_DEVICE, type IpvsKernel } from './kernel.ts';
import { renderFrontend } from './render.ts';
import { isSameRow, type IpvsRow } from './row.ts';
import { ipvsTarget } from './target.ts';

const SIGNAL = new AbortController().signal;
const A = '10.244.1.2:8080';
const B = '10.244.2.2:8080';

/** IPVS in memory: connections are given by hand. */
class FakeIpvs implements Ipvs {
  readonly held = new Map<string, { service: IpvsService; to: Map<string, IpvsDestinationState> }>();
  readonly connections = new Map<string, number>();
  isPresent = (): boolean => true;
  services = async (): Promise<readonly IpvsService[]> => [...this.held.values()].map((it) => it.service);
  close = (): void => undefined;

  destinations: Ipvs['destinations'] = async (key) =>
    [...(this.held.get(ipvsKeyText(key))?.to.values() ?? [])].map((it) => ({
      ...it,
      activeConnections: this.connections.get(it.ip) ?? 0,
    }));

  apply: Ipvs['apply'] = (changes) => {
    const refusals = new Map<number, FairleadError>();
    for (const [at, it] of changes.entries()) {
      const code = it.kind === 'service' ? this.#changeService(it) : this.#changeDestination(it);
      if (code !== undefined) refusals.set(at, new FairleadError(code, `Cannot ${it.verb} ${it.kind}`));
    }
    return refusals;
  };

  #changeService({ verb, service }: Extract<IpvsChange, { kind: 'service' }>): ErrorCode | undefined {
    const key = ipvsKeyText(service.key);
    const known = this.held.get(key);
    if (verb === 'add' && known !== undefined) return 'already-exists';
    if (verb !== 'add' && known === undefined) return 'not-found';
    if (verb === 'delete') this.held.delete(key);
    else this.held.set(key, { service, to: known?.to ?? new Map() });
    return undefined;
  }

  #changeDestination(change: Extract<IpvsChange, { kind: 'destination' }>): ErrorCode | undefined {
    const { verb, key, destination } = change;
    const to = this.held.get(ipvsKeyText(key))?.to;
    if (to === undefined || (verb !== 'add' && !to.has(destination.ip))) return 'not-found';
    if (verb === 'add' && to.has(destination.ip)) return 'already-exists';
    const counts = { activeConnections: 0, inactiveConnections: 0, persistentClients: 0 };
    if (verb === 'delete') to.delete(destination.ip);
    else to.set(destination.ip, { ...destination, ...counts });
    return undefined;
  }
}

/** The table as a set of "<set> <key> : <value>"; `listed` counts what a change must not do. */
class FakeTable implements ElementTable {
  readonly elements = new Set<string>();
  listed = 0;
  hasFrontends = async (): Promise<boolean> => [...this.elements].some((it) => it.startsWith('outside'));
  mark = async (): Promise<string> => '';
  load = async (): Promise<void> => undefined;

  list: ElementTable['list'] = async () => {
    this.listed++;
    // As netlink would give it: what does not survive the codec is not there.
    return [...this.elements].flatMap((it) => decodeElement(setOf(it), encodeElement(it)) ?? []);
  };

  find: ElementTable['find'] = async (element) =>
    [...this.elements].find((it) => nameOf(it) === nameOf(element));

  change: ElementTable['change'] = (changes) => {
    const known = new Map([...this.elements].map((it) => [nameOf(it), it]));
    const refused: RefusedElements[] = [];
    for (const [at, { remove, add, clear = [] }] of changes.entries()) {
      const refuse = (it: string): unknown =>
        refused.push({ at, error: new FairleadError('kernel', `element ${it}`) });
      for (const it of remove) if (!known.delete(nameOf(it))) refuse(it);
      for (const it of add) {
        if (known.has(nameOf(it)) && known.get(nameOf(it)) !== it) refuse(it);
        known.set(nameOf(it), it);
      }
      for (const it of clear) known.delete(it);
    }
    if (refused.length > 0) return refused;
    this.elements.clear();
    for (const it of known.values()) this.elements.add(it);
    return [];
  };
}

async function aKernel() {
  const links = new FakeKernel();
  const netlink = links.open(links.addNetns());
  await netlink.apply([{ kind: 'add-dummy', name: IPVS_DEVICE, isUp: true }]);
  const [ipvs, table] = [new FakeIpvs(), new FakeTable()];
  const kernel: IpvsKernel = { netns: undefined, ipvs, netlink, table };
  return { kernel, ipvs, table, netlink, target: ipvsTarget(kernel) };
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
  const { target, table, ipvs, netlink } = await aKernel();
  const other = aFrontend([], { ip: parseIp('fd96::5'), protocol: 'UDP' });
  const rows = rowsOf(LOCAL, other);
  assert.deepEqual(await target.update(rows, SIGNAL, new Map()), new Map());
  const seen = await target.observe(SIGNAL);
  assert.deepEqual([...seen.keys()].sort(), [...rows.keys()].sort());
  for (const [key, row] of rows) assert.ok(isSameRow(row, seen.get(key)!), key);
  assert.equal(ipvs.held.size, 3);
  // Entries as they were wanted, not as they were seen: the mark is looked up.
  assert.deepEqual(await target.delete(rows, SIGNAL), new Map());
  assert.deepEqual([...table.elements], []);
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
    ipvs.connections.set('10.244.1.2', 1);
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
  const { kernel, target, ipvs, table, netlink } = await aKernel();
  const rows = rowsOf(aFrontend([A, B]));
  const [key] = rows.keys();
  await target.update(rows, SIGNAL, new Map());
  ipvs.connections.set('10.244.1.2', 1);
  const failures = await target.delete(rows, SIGNAL);
  assert.ok(hasCode(failures.get(key!), 'draining'));
  const seen = await target.observe(SIGNAL);
  assert.deepEqual(seen.get(key!)!.inside!.destinations.map((it) => [it.ip, it.weight]), [['10.244.1.2', 0]]); // prettier-ignore
  assert.equal((await netlink.addresses(IPVS_DEVICE)).length, 1);
  const base = await baseTarget(kernel).delete(new Map([['device', { kind: 'device', isUp: true }]]), SIGNAL);
  assert.ok(hasCode(base.get('device'), 'draining'));
  ipvs.connections.clear();
  assert.deepEqual(await target.delete(seen, SIGNAL), new Map());
  assert.deepEqual([...table.elements], []);
  assert.deepEqual(await netlink.addresses(IPVS_DEVICE), []);
});

test('an address goes with the last row that has it, and no change lists what others hold', async () => {
  const { target, ipvs, table, netlink } = await aKernel();
  const rows = rowsOf(LOCAL, aFrontend([A], { port: parsePort(81) }));
  await target.update(rows, SIGNAL, await target.observe(SIGNAL));
  const listed = table.listed;
  ipvs.services = () => Promise.reject(new Error('services were listed'));
  const [first, second] = [...rows].map((it) => new Map([it]));
  const changed = rowsOf({ ...LOCAL, outside: aChoice(B) });
  assert.deepEqual(await target.update(changed, SIGNAL, first!), new Map());
  assert.deepEqual(await target.delete(changed, SIGNAL), new Map());
  assert.equal((await netlink.addresses(IPVS_DEVICE)).length, 1);
  assert.ok(table.elements.has('carried4 10.96.0.5'));
  assert.deepEqual(await target.delete(second!, SIGNAL), new Map());
  assert.deepEqual(await netlink.addresses(IPVS_DEVICE), []);
  assert.deepEqual([...table.elements], []);
  assert.equal(table.listed, listed);
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
  const { target, table } = await aKernel();
  const rows = rowsOf(LOCAL, aFrontend([A], { ip: parseIp('10.96.0.6') }));
  await target.update(rows, SIGNAL, new Map());
  const wanted = [...table.elements].sort();
  const [outside] = wanted.filter((it) => it.startsWith('outside4 10.96.0.5'));
  table.change([{ remove: [outside!], add: [`${nameOf(outside!)} : drop`] }]);
  assert.deepEqual(await target.update(rows, SIGNAL, new Map()), new Map());
  assert.deepEqual([...table.elements].sort(), wanted);
  table.elements.delete(outside!);
  assert.deepEqual(await target.delete(rows, SIGNAL), new Map());
  assert.deepEqual([...table.elements], []);
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
