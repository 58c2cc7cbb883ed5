// The rtnetlink door's contract: the same cases on the real kernel and on the fake.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { parseCidr } from '../../src/base/cidr.ts';
import { hasCode } from '../../src/base/errors.ts';
import { parseIp } from '../../src/base/ip.ts';
import { parseMac } from '../../src/base/mac.ts';
import type { Netlink, NetlinkChange, NetnsFd, Rule, RuleSpec } from '../../src/sys/netlink-types.ts';
import { FakeKernel } from '../../src/sys/fake-netlink.ts';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns, openNetns } from '../../src/sys/netns.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';

/** Two empty namespaces with a door into each. */
interface Pair {
  readonly near: Netlink;
  readonly far: Netlink;
  readonly farNetns: NetnsFd;
  close(): Promise<void>;
}

interface Subject {
  readonly name: string;
  open(): Pair;
}

const PREFIX = ownName('netlink');
let opened = 0;

const kernel: Subject = {
  name: 'kernel',
  open: () => {
    const paths = ['near', 'far'].map((end) => `/run/netns/${PREFIX}-${end}-${++opened}`);
    const [near = '', far = ''] = paths;
    paths.forEach(createNetns);
    const farNetns = openNetns(far);
    const doors = [openNetlink(near), openNetlink(farNetns)] as const;
    return {
      near: doors[0],
      far: doors[1],
      farNetns,
      close: async () => {
        for (const door of doors) door.close();
        farNetns.close();
        for (const path of paths) await deleteNetns(path);
      },
    };
  },
};

const fake: Subject = {
  name: 'fake',
  open: () => {
    const machine = new FakeKernel();
    const [nearNetns, farNetns] = [machine.addNetns(), machine.addNetns()];
    return {
      near: machine.open(nearNetns),
      far: machine.open(farNetns),
      farNetns,
      close: async () => undefined,
    };
  },
};

const ip = parseIp;
const mac = parseMac('02:00:00:00:00:01');
const otherMac = parseMac('02:00:00:00:00:02');
const veth: NetlinkChange = { kind: 'add-veth', name: 'v0', isUp: true, peer: { name: 'v1' } };

function isCode(code: Parameters<typeof hasCode>[1], errno: string) {
  return (error: unknown) => hasCode(error, code) && error.details['errno'] === errno;
}

for (const subject of [fake, kernel]) {
  describe(`netlink on ${subject.name}`, () => {
    let pair: Pair;
    let near: Netlink;
    let machine: LeakSnapshot;
    before(async () => {
      machine = await takeSnapshot({ prefix: PREFIX });
      pair = subject.open();
    });
    after(async () => {
      await pair.close();
      await assertNoLeaks(machine, { prefix: PREFIX });
    });
    beforeEach(async () => {
      near = pair.near;
      for (const end of [pair.near, pair.far]) {
        for (const link of await end.links()) {
          if (link.kind === undefined) continue;
          if ((await end.link(link.name)) !== undefined) {
            await end.apply([{ kind: 'delete-link', name: link.name }]);
          }
        }
        for (const rule of await end.rules()) {
          if (rule.priority > 0 && rule.priority < 32766)
            await end.apply([{ kind: 'delete-rule', ...presentOf(rule) }]);
        }
      }
    });

    it('an empty namespace has the loopback alone', async () => {
      const links = await near.links();
      assert.deepEqual(
        links.map((link) => [link.name, link.isUp, link.kind, link.mtuBytes]),
        [['lo', false, undefined, 65536]],
      );
    });

    it('add-veth makes both ends with all their attributes at once', async () => {
      await near.apply([
        {
          kind: 'add-veth',
          name: 'v0',
          mac,
          mtuBytes: 1450,
          alias: 'fairlead test',
          isUp: true,
          peer: { name: 'eth0', mac: otherMac, mtuBytes: 1450, netns: pair.farNetns },
        },
      ]);
      const host = await near.link('v0');
      assert.equal(await near.linkIndex('v0'), host?.index);
      assert.equal(await near.linkIndex('nothing'), undefined);
      const pod = await pair.far.link('eth0');
      assert.ok(host !== undefined && pod !== undefined);
      assert.deepEqual(
        {
          kind: host.kind,
          mac: host.mac,
          mtuBytes: host.mtuBytes,
          alias: host.alias,
          isUp: host.isUp,
          peer: host.linkIndex,
        },
        { kind: 'veth', mac, mtuBytes: 1450, alias: 'fairlead test', isUp: true, peer: pod.index },
      );
      assert.deepEqual(
        { kind: pod.kind, mac: pod.mac, mtuBytes: pod.mtuBytes, isUp: pod.isUp, peer: pod.linkIndex },
        { kind: 'veth', mac: otherMac, mtuBytes: 1450, isUp: false, peer: host.index },
      );
      assert.notEqual(pod.linkNetnsId, undefined);
      assert.equal(await near.link('eth0'), undefined);
    });

    it('add-veth of a name that is taken: already-exists', async () => {
      await near.apply([veth]);
      await assert.rejects(
        near.apply([{ ...veth, peer: { name: 'v2' } }]),
        isCode('already-exists', 'EEXIST'),
      );
      assert.equal(await near.link('v2'), undefined);
    });

    it('delete-link takes both ends, and is not-found afterwards', async () => {
      await near.apply([
        { ...veth, peer: { name: 'v1', netns: pair.farNetns } },
        { kind: 'delete-link', name: 'v0' },
      ]);
      assert.equal(await near.link('v0'), undefined);
      assert.equal(await pair.far.link('v1'), undefined);
      await assert.rejects(near.apply([{ kind: 'delete-link', name: 'v0' }]), isCode('not-found', 'ENODEV'));
    });

    it('delete-link-group takes the links of that group alone, and is not-found where it has none', async () => {
      const group = 0x464c01;
      for (const name of ['v0', 'v2', 'v4']) {
        await near.apply([{ kind: 'add-veth', name, peer: { name: `p${name}`, netns: pair.farNetns } }]);
      }
      await near.apply([
        { kind: 'set-link', name: 'v0', group },
        { kind: 'set-link', name: 'v4', group },
        { kind: 'delete-link-group', group },
      ]);
      const left = [...(await near.links()), ...(await pair.far.links())].map((link) => link.name);
      assert.deepEqual(left.sort(), ['lo', 'lo', 'pv2', 'v2']);
      await assert.rejects(near.apply([{ kind: 'delete-link-group', group }]), isCode('not-found', 'ENODEV'));
    });

    it('set-link changes mtu, mac, alias, state, name and bridge', async () => {
      await near.apply([
        veth,
        { kind: 'add-bridge', name: 'br0', isUp: true },
        { kind: 'set-link', name: 'v0', mtuBytes: 1400, mac, alias: 'fairlead', isUp: false, newName: 'v9' },
        { kind: 'set-link', name: 'v9', master: 'br0' },
      ]);
      const link = await near.link('v9');
      assert.deepEqual(
        [link?.mtuBytes, link?.mac, link?.alias, link?.isUp, link?.master],
        [1400, mac, 'fairlead', false, 'br0'],
      );
      await near.apply([{ kind: 'set-link', name: 'v9', master: '' }]);
      assert.equal((await near.link('v9'))?.master, undefined);
    });

    it('set-link moves a link into another namespace', async () => {
      await near.apply([veth, { kind: 'set-link', name: 'v1', netns: pair.farNetns }]);
      assert.equal(await near.link('v1'), undefined);
      assert.equal((await pair.far.link('v1'))?.kind, 'veth');
    });

    it('set-link of a missing link: not-found, naming the change', async () => {
      await assert.rejects(near.apply([{ kind: 'set-link', name: 'nope', isUp: true }]), (error: unknown) => {
        assert.ok(isCode('not-found', 'ENODEV')(error));
        assert.match(String(error), /Cannot set link nope up/);
        return true;
      });
    });

    it('an mtu below the least is refused, and nothing after it is done', async () => {
      const changes: NetlinkChange[] = [
        veth,
        { kind: 'set-link', name: 'v0', mtuBytes: 10 },
        { kind: 'add-bridge', name: 'br0' },
      ];
      await assert.rejects(near.apply(changes), isCode('kernel', 'EINVAL'));
      assert.notEqual(await near.link('v0'), undefined);
      assert.equal(await near.link('br0'), undefined);
    });

    for (const [local, other] of [
      ['10.1.0.1', '10.1.0.2'],
      ['fd00:1::1', 'fd00:1::2'],
    ] as const) {
      const prefixLength = local.includes(':') ? 128 : 32;
      const destination = parseCidr(local.includes(':') ? 'fd00:99::/64' : '10.99.0.0/24');

      it(`addresses: ${local} is added once, listed and deleted once`, async () => {
        const address = { link: 'v0', ip: ip(local), prefixLength };
        await near.apply([veth, { kind: 'add-address', ...address }]);
        const ours = (await near.addresses('v0')).filter((it) => !it.ip.startsWith('fe80'));
        assert.deepEqual(ours, [address]);
        assert.deepEqual(
          (await near.addresses()).filter((it) => it.ip === address.ip),
          [address],
        );
        await assert.rejects(
          near.apply([{ kind: 'add-address', ...address }]),
          isCode('already-exists', 'EEXIST'),
        );
        await near.apply([{ kind: 'delete-address', ...address }]);
        await assert.rejects(
          near.apply([{ kind: 'delete-address', ...address }]),
          isCode('not-found', 'EADDRNOTAVAIL'),
        );
        assert.deepEqual(
          (await near.addresses('v0')).filter((it) => !it.ip.startsWith('fe80')),
          [],
        );
      });

      it(`addresses: ${local} is never a source where that was asked for`, async () => {
        const address = { link: 'v0', ip: ip(local), prefixLength, isNeverSource: true } as const;
        await near.apply([veth, { kind: 'add-address', ...address }]);
        const ours = (await near.addresses('v0')).filter((it) => !it.ip.startsWith('fe80'));
        assert.deepEqual(ours, [address]);
        await near.apply([{ kind: 'delete-address', link: 'v0', ip: ip(local), prefixLength }]);
      });

      it(`routes by ${other}: replaced, listed with all their fields, deleted once`, async () => {
        await near.apply([
          veth,
          { kind: 'add-address', link: 'v0', ip: ip(local), prefixLength },
          {
            kind: 'replace-route',
            destination,
            gateway: ip(other),
            link: 'v0',
            isOnlink: true,
            mtuBytes: 1400,
          },
        ]);
        const ours = async () =>
          (await near.routes({ table: 254 })).filter((route) => route.destination === destination);
        const expected = {
          family: local.includes(':') ? 6 : 4,
          destination,
          gateway: ip(other),
          link: 'v0',
          source: undefined,
          table: 254,
          isOnlink: true,
          protocol: 76,
          mtuBytes: 1400,
          type: 'unicast',
        };
        assert.deepEqual(await ours(), [expected]);
        await near.apply([
          {
            kind: 'replace-route',
            destination,
            gateway: ip(local.includes(':') ? 'fd00:1::3' : '10.1.0.3'),
            link: 'v0',
            isOnlink: true,
            source: ip(local),
          },
        ]);
        assert.deepEqual(
          (await ours()).map((route) => [route.gateway, route.source, route.mtuBytes]),
          [[ip(local.includes(':') ? 'fd00:1::3' : '10.1.0.3'), ip(local), undefined]],
        );
        assert.equal(
          (await near.routes({ link: 'v0' })).filter((route) => route.destination === destination).length,
          1,
        );
        assert.deepEqual(await near.routes({ table: 7777 }), []);
        await near.apply([{ kind: 'delete-route', destination, link: 'v0' }]);
        await assert.rejects(
          near.apply([{ kind: 'delete-route', destination, link: 'v0' }]),
          isCode('not-found', 'ESRCH'),
        );
        assert.deepEqual(await ours(), []);
      });

      it(`routes of ${destination}: other tables, types and makers`, async () => {
        await near.apply([
          veth,
          { kind: 'replace-route', destination, type: 'blackhole', table: 1000 },
          { kind: 'add-address', link: 'v0', ip: ip(local), prefixLength: prefixLength - 8 },
        ]);
        const routes = await near.routes({ table: 1000 });
        assert.deepEqual(
          routes.map((route) => [route.destination, route.type, route.table]),
          [[destination, 'blackhole', 1000]],
        );
        // The kernel's own route of the address is not ours to delete.
        const connected = (await near.routes({ table: 254, link: 'v0' })).find(
          (route) => !route.destination.startsWith('fe80'),
        );
        assert.ok(connected !== undefined);
        await assert.rejects(
          near.apply([{ kind: 'delete-route', destination: connected.destination, link: 'v0' }]),
          isCode('not-found', 'ESRCH'),
        );
        await near.apply([{ kind: 'delete-route', destination, table: 1000 }]);
      });

      it(`a route to ${destination} by an unreachable gateway is refused`, async () => {
        await near.apply([veth]);
        await assert.rejects(
          near.apply([{ kind: 'replace-route', destination, gateway: ip(other) }]),
          (error) => hasCode(error, 'kernel'),
        );
        await assert.rejects(
          near.apply([{ kind: 'replace-route', destination, link: 'nope' }]),
          isCode('not-found', 'ENODEV'),
        );
      });

      it(`neighbours: ${other} is permanent, replaced, deleted once`, async () => {
        const neighbour = { link: 'v0', ip: ip(other), mac };
        const ours = async () => (await near.neighbours('v0')).filter((it) => it.ip === neighbour.ip);
        await near.apply([veth, { kind: 'replace-neighbour', ...neighbour }]);
        assert.deepEqual(await ours(), [{ ...neighbour, isPermanent: true }]);
        await near.apply([{ kind: 'replace-neighbour', ...neighbour, mac: otherMac }]);
        assert.deepEqual(await ours(), [{ ...neighbour, mac: otherMac, isPermanent: true }]);
        await near.apply([{ kind: 'delete-neighbour', link: 'v0', ip: neighbour.ip }]);
        assert.deepEqual(await ours(), []);
        await assert.rejects(
          near.apply([{ kind: 'delete-neighbour', link: 'v0', ip: neighbour.ip }]),
          isCode('not-found', 'ENOENT'),
        );
      });

      it(`vxlan over ${local}: made as asked, forwarding entries replaced and deleted`, async () => {
        const vxlan = { vni: 76, port: 8472, local: ip(local), isLearning: false, hasGroupPolicy: true };
        await near.apply([
          veth,
          { kind: 'add-address', link: 'v0', ip: ip(local), prefixLength },
          {
            kind: 'add-vxlan',
            name: 'vx0',
            mac,
            mtuBytes: 1380,
            underlay: 'v0',
            alias: 'fairlead',
            isUp: true,
            vxlan,
          },
        ]);
        const link = await near.link('vx0');
        assert.deepEqual(
          [link?.kind, link?.mac, link?.mtuBytes, link?.alias, link?.isUp, link?.vxlan],
          ['vxlan', mac, 1380, 'fairlead', true, vxlan],
        );
        const plain = { ...vxlan, vni: 77, port: 8473, hasGroupPolicy: false };
        await near.apply([
          { kind: 'add-vxlan', name: 'vx1', mac, mtuBytes: 1380, underlay: 'v0', vxlan: plain },
        ]);
        assert.deepEqual((await near.link('vx1'))?.vxlan, plain);
        const entry = { link: 'vx0', mac: otherMac, destination: ip(other) };
        await near.apply([
          { kind: 'replace-forwarding', ...entry },
          { kind: 'replace-forwarding', ...entry },
        ]);
        assert.deepEqual(await near.forwardings('vx0'), [entry]);
        const moved = { ...entry, destination: ip(local.includes(':') ? 'fd00:1::9' : '10.1.0.9') };
        await near.apply([{ kind: 'replace-forwarding', ...moved }]);
        assert.deepEqual(await near.forwardings('vx0'), [moved]);
        await near.apply([{ kind: 'delete-forwarding', ...moved }]);
        assert.deepEqual(await near.forwardings('vx0'), []);
        await assert.rejects(
          near.apply([{ kind: 'delete-forwarding', ...moved }]),
          isCode('not-found', 'ENOENT'),
        );
      });

      it(`rules from ${destination}: added once, listed, deleted once`, async () => {
        const rule = {
          family: local.includes(':') ? 6 : 4,
          priority: 100,
          table: 1000,
          source: destination,
          incomingLink: 'v0',
        } as const;
        const ours = async () => (await near.rules()).filter((it) => it.priority === 100);
        await near.apply([{ kind: 'add-rule', ...rule }]);
        assert.deepEqual(await ours(), [{ ...rule, destination: undefined, protocol: 76 }]);
        await assert.rejects(near.apply([{ kind: 'add-rule', ...rule }]), isCode('already-exists', 'EEXIST'));
        await near.apply([{ kind: 'delete-rule', ...rule }]);
        assert.deepEqual(await ours(), []);
        await assert.rejects(near.apply([{ kind: 'delete-rule', ...rule }]), isCode('not-found', 'ENOENT'));
      });
    }

    it('lists of a missing link: not-found', async () => {
      for (const list of [
        near.addresses('nope'),
        near.neighbours('nope'),
        near.forwardings('nope'),
        near.routes({ link: 'nope' }),
      ]) {
        await assert.rejects(list, isCode('not-found', 'ENODEV'));
      }
    });

    it('calls made at once happen in their order', async () => {
      await Promise.all([
        near.apply([veth]),
        near.apply([{ kind: 'delete-link', name: 'v0' }]),
        near.apply([veth]),
        near.apply([{ kind: 'add-address', link: 'v0', ip: ip('10.1.0.1'), prefixLength: 32 }]),
      ]);
      assert.equal((await near.addresses('v0')).filter((it) => it.ip === '10.1.0.1').length, 1);
    });

    it('a closed door refuses', async () => {
      const own = subject.open();
      own.near.close();
      own.near.close();
      await assert.rejects(own.near.links(), (error) => hasCode(error, 'aborted'));
      await assert.rejects(own.near.apply([]), (error) => hasCode(error, 'aborted'));
      await own.close();
    });
  });
}

/** An observed rule as a change takes it: absent fields left out. */
function presentOf(rule: Rule): RuleSpec {
  const { source, destination, incomingLink, ...rest } = rule;
  return {
    ...rest,
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(incomingLink === undefined ? {} : { incomingLink }),
  };
}
