// Random changes on the fake and on the kernel side by side: every refusal has the same code, and the states are equal at the end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from '../../src/base/cidr.ts';
import { FairleadError } from '../../src/base/errors.ts';
import { parseIp } from '../../src/base/ip.ts';
import { parseMac } from '../../src/base/mac.ts';
import { FakeKernel } from '../../src/sys/fake-netlink.ts';
import { failNth, failSometimes } from '../../src/sys/faults.ts';
import type { Netlink, NetlinkChange } from '../../src/sys/netlink-types.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns } from '../../src/sys/netns.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { describeChange } from '../../src/wire/netlink/describe.ts';
import { ownName } from '../support/own-name.ts';

const RUNS = 60;
const PREFIX = ownName('netlink-random');
const path = `/run/netns/${PREFIX}`;

const aLink = fc.constantFrom('v0', 'v1', 'br0', 'none');
const anIp = fc.constantFrom('10.1.0.1', '10.1.0.2', 'fd00:1::1', 'fd00:1::2').map(parseIp);
const aPrefix = fc.constantFrom('10.2.0.0/16', '10.3.0.0/24', 'fd00:2::/64', 'fd00:3::/56').map(parseCidr);
const aMac = fc.constantFrom('02:00:00:00:00:0a', '02:00:00:00:00:0b').map(parseMac);
const lengthOf = (ip: string): number => (ip.includes(':') ? 120 : 24);

const aChange: fc.Arbitrary<NetlinkChange> = fc.oneof(
  fc.constant<NetlinkChange>({ kind: 'add-veth', name: 'v0', isUp: true, peer: { name: 'v1' } }),
  fc.constant<NetlinkChange>({ kind: 'add-bridge', name: 'br0' }),
  fc.record({
    kind: fc.constant('set-link' as const),
    name: aLink,
    isUp: fc.constant(true),
    mtuBytes: fc.constantFrom(20, 1400),
  }),
  fc.record({
    kind: fc.constant('set-link' as const),
    name: fc.constantFrom('v0', 'none'),
    master: fc.constantFrom('br0', '', 'none'),
  }),
  fc.record({ kind: fc.constant('delete-link' as const), name: aLink }),
  fc
    .record({
      kind: fc.constantFrom('add-address' as const, 'delete-address' as const),
      link: aLink,
      ip: anIp,
    })
    .map((it) => ({ ...it, prefixLength: lengthOf(it.ip) })),
  fc.record({ kind: fc.constant('replace-neighbour' as const), link: aLink, ip: anIp, mac: aMac }),
  fc.record({ kind: fc.constant('delete-neighbour' as const), link: aLink, ip: anIp }),
  fc.record({
    kind: fc.constant('replace-route' as const),
    destination: aPrefix,
    type: fc.constantFrom('blackhole' as const, 'unreachable' as const),
    table: fc.constantFrom(254, 1000),
  }),
  fc.record({
    kind: fc.constant('delete-route' as const),
    destination: aPrefix,
    table: fc.constantFrom(254, 1000),
  }),
  fc.record({
    family: fc.constantFrom(4 as const, 6 as const),
    kind: fc.constantFrom('add-rule' as const, 'delete-rule' as const),
    priority: fc.constantFrom(10, 20),
    table: fc.constantFrom(1000, 2000),
  }),
);

/** What both must agree on: indexes, addresses that the kernel chooses and its link-local entries are left out. */
async function stateOf(door: Netlink): Promise<unknown> {
  const isOurs = (text: string): boolean => !/^(fe80|ff|127\.|::1)/.test(text);
  const links = (await door.links()).map(({ name, kind, mtuBytes, isUp, master }) => ({
    name,
    kind,
    // A bridge takes the least MTU of its ports, as of Linux's own choice of the moment.
    mtuBytes: kind === 'bridge' ? undefined : mtuBytes,
    isUp,
    master,
  }));
  const addresses = (await door.addresses()).filter((it) => isOurs(it.ip));
  const routes = (await door.routes())
    .filter((it) => it.protocol === 76)
    .map(({ destination, table, type }) => ({ destination, table, type }));
  const neighbours = (await door.neighbours()).filter((it) => isOurs(it.ip) && it.isPermanent);
  const rules = (await door.rules()).map(({ family, priority, table }) => ({ family, priority, table }));
  const sorted = (list: readonly unknown[]): readonly string[] => list.map((it) => JSON.stringify(it)).sort();
  return {
    links: sorted(links),
    addresses: sorted(addresses),
    routes: sorted(routes),
    neighbours: sorted(neighbours),
    rules: sorted(rules),
  };
}

async function codeOf(door: Netlink, change: NetlinkChange): Promise<string> {
  try {
    await door.apply([change]);
    return 'done';
  } catch (error) {
    if (error instanceof FairleadError) return error.code;
    throw error;
  }
}

async function empty(door: Netlink): Promise<void> {
  for (const name of ['v0', 'br0']) await codeOf(door, { kind: 'delete-link', name });
  for (const route of await door.routes()) {
    if (route.protocol === 76)
      await door.apply([{ kind: 'delete-route', destination: route.destination, table: route.table }]);
  }
  for (const { family, priority, table } of await door.rules()) {
    if (priority === 10 || priority === 20)
      await door.apply([{ kind: 'delete-rule', family, priority, table }]);
  }
}

let kernel: Netlink;
let machine: LeakSnapshot;
before(async () => {
  machine = await takeSnapshot({ prefix: PREFIX });
  createNetns(path);
  kernel = openNetlink(path);
});
after(async () => {
  kernel.close();
  await deleteNetns(path);
  await assertNoLeaks(machine, { prefix: PREFIX });
});

test('the fake and the kernel agree about every change and about the state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(aChange, { minLength: 1, maxLength: 15 }), async (changes) => {
      const machine = new FakeKernel();
      const fake = machine.open(machine.addNetns());
      await empty(kernel);
      for (const change of changes) {
        assert.equal(await codeOf(fake, change), await codeOf(kernel, change), describeChange(change));
      }
      assert.deepEqual(await stateOf(fake), await stateOf(kernel));
    }),
    { numRuns: RUNS },
  );
});

test('a fault on purpose is an error of the door, and nothing else is done', async () => {
  const machine = new FakeKernel();
  const door = machine.open(machine.addNetns());
  machine.faults = failNth(2, 105);
  const changes: NetlinkChange[] = ['a', 'b', 'c'].map((name) => ({ kind: 'add-bridge', name }));
  await assert.rejects(
    door.apply(changes),
    (error) => error instanceof FairleadError && error.details['errno'] === 'ENOBUFS',
  );
  assert.deepEqual(
    (await door.links()).map((it) => it.name),
    ['lo', 'a'],
  );
  machine.faults = failSometimes(0.5, 105, () => 0.4);
  await assert.rejects(door.links(), /Cannot list links/);
  machine.faults = failSometimes(0.5, 105, () => 0.6);
  await door.links();
});
