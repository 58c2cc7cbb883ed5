// Outside clients by XDP at the uplinks of two nodes: what the driver's program carries is what the client gets anyway, and it is shown that
// it was carried there. Links of the lab leave checksums to each other, as veth does, but where a test says otherwise.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { NO_FRONTEND_OPTIONS } from '../../model/network.ts';
import { setLinkOffload } from '../../sys/link-offload.ts';
import { inNetns } from '../../sys/netns.ts';
import type { PeerAnswer } from '../../../test/contract/service-burst.ts';
import { ownName } from '../../../test/support/own-name.ts';
import { eventually } from '../../../test/support/eventually.ts';
import {
  CLIENT,
  ip,
  NODE_IPS,
  NODE_PORT,
  startTwoNodes,
  VIP,
  type TwoNodes,
} from '../../../test/support/two-nodes-lab.ts';
import { xdpTarget, type UplinkXdp } from './xdp-target.ts';
import type { Target } from '../../reconcile/target.ts';

const PREFIX = ownName('xdp');
const SIGNAL = new AbortController().signal;
const WHOLE: ReadonlyMap<string, UplinkXdp> = new Map([['uplinks', { isWhole: true }]]);

const lifetime = new Lifetime('xdp');
let two: TwoNodes;

function targetOf(name: string): Target<UplinkXdp> {
  const { agent, lab } = two.nodeNamed(name);
  return xdpTarget({ maps: agent.bpf.maps, xdp: agent.bpf.nodeLinks.xdp, netlink: lab.door.netlink });
}

async function attachAll(): Promise<void> {
  for (const name of ['n1', 'n2']) {
    const target = targetOf(name);
    assert.deepEqual(await target.update(WHOLE, SIGNAL, new Map()), new Map());
    assert.deepEqual(await target.observe(SIGNAL), WHOLE);
  }
}

/** Whether senders leave checksums to the wire, which a veth is not. */
function leaveChecksums(isOn: boolean): void {
  for (const netns of [two.outside, `${PREFIX}-n1`, `${PREFIX}-n2`])
    inNetns(`/run/netns/${netns}`, () => setLinkOffload('eth0', 'tx-checksum', isOn));
}

function nft(node: string, script: string): void {
  execFileSync('nsenter', [`--net=/run/netns/${PREFIX}-${node}`, 'nft', script]);
}

before(async () => {
  two = await startTwoNodes(PREFIX, lifetime);
  // The bridge's ends of the nodes' links: a program in a veth's driver sends to a polled queue alone.
  inNetns(`/run/netns/${PREFIX}-fabric`, () => {
    for (const port of ['t1', 't2']) setLinkOffload(port, 'gro', true);
  });
  await attachAll();
});
after(() => lifetime.close());

/** Packets that the drivers of a node sent on since `before`. */
function carried(name: string): number {
  const { bpf } = two.nodeNamed(name).agent;
  return Number(bpf.counters().find((it) => it.reason === 'carried-by-xdp')?.packets ?? 0);
}

for (const family of [4, 6] as const)
  for (const protocol of ['TCP', 'UDP'] as const)
    describe(`${protocol} over IPv${family}`, () => {
      const vip = VIP[family];
      const hidden = (): string =>
        two.nodeNamed('n1').lab.node.addresses.find((it) => it.includes(':') === (family === 6)) ?? '';
      const burst = (over: { readonly count: number; readonly bytes?: number; readonly waitMs?: number; readonly ip?: string; readonly port?: number }): Promise<readonly PeerAnswer[]> => // prettier-ignore
        two.client.burst({ kind: 'burst', protocol, ip: vip, port: 80, isAtOnce: true, isConnected: false, waitMs: 3000, ...over }); // prettier-ignore
      const expectAll = (
        answers: readonly PeerAnswer[],
        seen: string,
        bytes?: number,
        { ip: to, port } = { ip: vip as string, port: 80 },
      ): void => {
        for (const it of answers) {
          assert.ok(it.kind === 'answer', JSON.stringify(it));
          assert.deepEqual([it.from, it.seen], [family === 4 ? `${to}:${port}` : `[${to}]:${port}`, seen]);
          if (bytes !== undefined) assert.equal(it.bytes, bytes);
        }
      };
      /** Two packets each way at least: the first of a flow is never the driver's. */
      const talk = async (seen: string, to = { ip: vip as string, port: 80 }): Promise<void> => {
        for (const socket of ['one', 'two'])
          for (let i = 0; i < 3; i++) {
            const at = { socket, ...to };
            const reply =
              protocol === 'TCP'
                ? await two.client.ask({ kind: 'hold', ...at })
                : await two.client.ask({ kind: 'send', count: 1, isConnected: false, ...at });
            assert.deepEqual([reply.error, reply.seen[0]], [undefined, seen]);
          }
        await two.client.ask({ kind: 'forget' });
      };

      test('a hidden client and an endpoint elsewhere: both ways are the driver’s', async () => {
        leaveChecksums(false);
        await two.programAll({ pods: ['b', 'c'] });
        const before = carried('n1');
        await talk(hidden());
        assert.ok(carried('n1') - before >= 8, `${carried('n1') - before} packets`);
        const long = protocol === 'TCP' ? 60_000 : 1200;
        expectAll(await burst({ count: 4, bytes: long }), hidden(), long);
      });

      test('answers that bring a mark by the tunnel are the driver’s, too', async () => {
        leaveChecksums(false);
        await two.programAll({ pods: ['b', 'c'] });
        const rule = 'oifname fairlead.vx meta mark set 0x1234';
        const chain = `chain c { type filter hook postrouting priority 150; ${rule}\n}`;
        nft('n2', `table inet marks {\n${chain}\n}`);
        try {
          const before = carried('n1');
          await talk(hidden());
          assert.ok(carried('n1') - before >= 8, `${carried('n1') - before} packets`);
        } finally {
          nft('n2', 'delete table inet marks');
        }
      });

      test('direct return: the way there is the driver’s', async () => {
        leaveChecksums(false);
        await two.programAll({
          pods: ['b'],
          over: { options: { ...NO_FRONTEND_OPTIONS, isDirectReturn: true } },
        });
        const long = protocol === 'TCP' ? 60_000 : 1200;
        for (const at of [
          { ip: vip, port: 80 },
          { ip: NODE_IPS[family], port: NODE_PORT },
        ]) {
          const before = carried('n1');
          await talk(CLIENT[family], at);
          assert.ok(carried('n1') - before >= 4, `${carried('n1') - before} packets`);
          expectAll(await burst({ count: 4, bytes: long, ...at }), CLIENT[family], long, at);
        }
      });

      test('what has no whole checksum yet, and what a pod of this node gets, is the stack’s', async () => {
        leaveChecksums(true);
        await two.programAll({ pods: ['a', 'b', 'c'] });
        const before = carried('n1');
        for (const bytes of protocol === 'TCP' ? [10, 60_000] : [10, 1200, 4000]) {
          const answers = await burst({ count: 12, bytes });
          expectAll(answers, hidden(), bytes);
        }
        // A stack makes its own resets and last acknowledgements whole; of data there would be several for each client.
        assert.ok(carried('n1') - before < 12, `${carried('n1') - before} packets`);
      });

      test('an agent that starts anew takes the program over; flows go on', async () => {
        leaveChecksums(false);
        await two.programAll({ pods: ['b'] });
        const ask = async (): Promise<string | undefined> => {
          const at = { socket: 'held', ip: vip, port: 80 };
          const reply =
            protocol === 'TCP'
              ? await two.client.ask({ kind: 'hold', ...at })
              : await two.client.ask({ kind: 'send', count: 1, isConnected: false, ...at });
          return reply.error ?? reply.said[0];
        };
        assert.equal(await ask(), 'b');
        await two.restartAll();
        assert.deepEqual(await targetOf('n1').observe(SIGNAL), WHOLE);
        const before = carried('n1');
        assert.equal(await ask(), 'b');
        assert.ok(carried('n1') > before);
        await targetOf('n1').delete(WHOLE, SIGNAL);
        assert.deepEqual(await targetOf('n1').observe(SIGNAL), new Map());
        // The kernel takes it off a moment after its last holder went.
        await eventually(async () => {
          const then = carried('n1');
          assert.equal(await ask(), 'b');
          assert.equal(carried('n1'), then);
        });
        await attachAll();
        assert.equal(await ask(), 'b');
        await two.client.ask({ kind: 'forget' });
      });

      test(
        'datagrams of a flow leave an endpoint that goes',
        { skip: protocol === 'TCP' && 'connections stay' },
        async () => {
          leaveChecksums(false);
          await two.programAll({ pods: ['b'] });
          const at = { socket: 'moving', ip: vip, port: 80 };
          const ask = async (): Promise<string | undefined> =>
            (await two.client.ask({ kind: 'send', count: 1, isConnected: false, ...at })).said[0];
          for (let i = 0; i < 3; i++) assert.equal(await ask(), 'b');
          await two.programAll({ pods: ['c'] });
          for (let i = 0; i < 3; i++) assert.equal(await ask(), 'c');
          await two.client.ask({ kind: 'forget' });
        },
      );

      test('who is not in the source ranges ends in the driver', async () => {
        const ranges = ['10.89.1.0/26', 'fd00:10:89:1::/120'].map(parseCidr);
        leaveChecksums(false);
        await two.programAll({ pods: ['b'], over: { sourceRanges: ranges } });
        const events: string[] = [];
        const reading = new Lifetime('events');
        const ring = two.nodeNamed('n1').agent.bpf.events((it) => events.push(`${it.hook} ${it.reason} ${it.source}`), reading); // prettier-ignore
        const [answer] = await burst({ count: 1, waitMs: 300 });
        ring.drain();
        await reading.close();
        assert.deepEqual(answer?.kind === 'error' ? answer.error : answer, 'timeout');
        assert.equal(events[0], `node-xdp service-source-range ${CLIENT[family]}`);
      });
    });

test('a driver without XDP is no failure beside one that has it, and one where it is alone', async () => {
  const { netns } = two.nodeNamed('n2').lab;
  ip(netns, 'link add br-lan type bridge', 'addr add 192.0.2.1/24 dev br-lan', 'link set br-lan up');
  const target = targetOf('n2');
  assert.deepEqual(await target.observe(SIGNAL), new Map([['uplinks', { isWhole: false }]]));
  assert.deepEqual(await target.update(WHOLE, SIGNAL, new Map()), new Map());
  assert.deepEqual(await target.observe(SIGNAL), WHOLE);
  await target.delete(WHOLE, SIGNAL);
  const alone = xdpTarget({
    maps: two.nodeNamed('n2').agent.bpf.maps,
    xdp: two.nodeNamed('n2').agent.bpf.nodeLinks.xdp,
    netlink: {
      links: async () =>
        (await two.nodeNamed('n2').lab.door.netlink.links()).filter(({ name }) => name === 'br-lan'),
      addresses: () => two.nodeNamed('n2').lab.door.netlink.addresses(),
    },
  });
  const failures = await alone.update(WHOLE, SIGNAL, new Map());
  assert.match(String(failures.get('uplinks')), /Cannot attach XDP program to interface \d+: not supported/);
  assert.deepEqual(await alone.observe(SIGNAL), new Map());
});
