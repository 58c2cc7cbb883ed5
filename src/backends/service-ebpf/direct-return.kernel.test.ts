// Direct server return between real nodes (test/support/two-nodes-lab.ts): a client asks the first one, endpoints of the second answer by themselves.
//
//   client .200 --> n1 (pod a) == tunnel ==> n2 (pods b, c) --> client
//
// The first node has no way to the client while answers of the second one are looked at: what arrives has not passed it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { familyOf, type Family } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { NO_FRONTEND_OPTIONS } from '../../model/network.ts';
import type { PeerAnswer } from '../../../test/contract/service-burst.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { ownName } from '../../../test/support/own-name.ts';
import { SILENCE_MS } from '../../../test/support/time-scale.ts';
import {
  CLIENT,
  ip,
  NODE_IPS,
  NODE_PORT,
  startTwoNodes,
  VIP,
  type TwoNodes,
  type WantedService,
} from '../../../test/support/two-nodes-lab.ts';

const PREFIX = ownName('dsr');
const DIRECT = { ...NO_FRONTEND_OPTIONS, isDirectReturn: true };

const lifetime = new Lifetime('direct return');
let two: TwoNodes;

before(async () => {
  two = await startTwoNodes(PREFIX, lifetime);
});
after(() => lifetime.close());

/** With direct return, where the test does not say otherwise. */
function wantedOf({ over, ...wanted }: WantedService): WantedService {
  return { ...wanted, over: { options: DIRECT, ...over } };
}

async function programAll(wanted: WantedService): Promise<void> {
  await two.programAll(wantedOf(wanted));
}

/** While it runs, the first node cannot send to the client by a route. */
async function withoutWayBack(work: () => Promise<void>): Promise<void> {
  const { netns } = two.nodeNamed('n1').lab;
  ip(netns, `route add blackhole ${CLIENT[4]}/32`, `-6 route add blackhole ${CLIENT[6]}/128`);
  try {
    await work();
  } finally {
    ip(netns, `route del blackhole ${CLIENT[4]}/32`, `-6 route del blackhole ${CLIENT[6]}/128`);
  }
}

/** How often the namespace was told that something of it could not be delivered. */
function unreachables(netns: string, family: Family): number {
  const read = (file: string): string =>
    execFileSync('ip', ['netns', 'exec', netns, 'cat', `/proc/net/${file}`], { encoding: 'utf8' });
  if (family === 6) return Number(/^Icmp6InDestUnreachs\s+(\d+)/m.exec(read('snmp6'))?.[1]);
  const [names = [], values = []] = [...read('snmp').matchAll(/^Icmp: (.*)$/gm)].map(([, it = '']) =>
    it.split(' '),
  );
  return Number(values[names.indexOf('InDestUnreachs')]);
}

/** The node port is the first node's own: the second one answers in its place. */
const ADDRESSES = { 'load balancer': VIP, 'node port': NODE_IPS } as const;
const CASES = (['load balancer', 'node port'] as const).flatMap((scope) =>
  ([4, 6] as const).flatMap((family) =>
    (['TCP', 'UDP'] as const).map((protocol) => ({ scope, family, protocol })),
  ),
);

for (const { scope, family, protocol } of CASES)
  describe(`${scope}, ${protocol} over IPv${family}`, () => {
    const at = { ip: ADDRESSES[scope][family], port: scope === 'node port' ? NODE_PORT : 80 };
    const from = family === 4 ? `${at.ip}:${at.port}` : `[${at.ip}]:${at.port}`;
    const ask = (count: number, bytes?: number): Promise<readonly PeerAnswer[]> =>
        two.client.burst({ kind: 'burst', protocol, ...at, count, isAtOnce: true, isConnected: false, waitMs: 3000, ...(bytes === undefined ? {} : { bytes }) }); // prettier-ignore
    /** Who answered; the client sees the frontend, the endpoint the client. */
    const answers = async (count: number, bytes?: number): Promise<readonly string[]> => {
      const said = new Set<string>();
      for (const it of await ask(count, bytes)) {
        assert.ok(it.kind === 'answer', JSON.stringify(it));
        assert.deepEqual([it.from, it.seen], [from, CLIENT[family]]);
        if (bytes !== undefined) assert.equal(it.bytes, bytes);
        said.add(it.said);
      }
      return [...said].sort();
    };
    const errors = async (count = 2, waitMs = 1000): Promise<readonly string[]> =>
      (await two.client.burst({ kind: 'burst', protocol, ...at, count, isAtOnce: true, isConnected: true, waitMs })) // prettier-ignore
        .map((it) => (it.kind === 'error' ? it.error : it.said));
    const held = async (name = 'held'): Promise<string> => {
      const socket = { socket: name, ...at };
      const reply =
        protocol === 'TCP'
          ? await two.client.ask({ kind: 'hold', ...socket })
          : await two.client.ask({ kind: 'send', count: 1, isConnected: false, ...socket });
      assert.deepEqual([reply.error, reply.peer], [undefined, from]);
      return `${reply.said[0]} sees ${reply.seen[0]}`;
    };

    test('endpoints here and elsewhere see the client, who sees the frontend', async () => {
      await programAll({ pods: ['a', 'b', 'c'] });
      assert.deepEqual(await answers(40), ['a', 'b', 'c']);
    });

    test('answers pass the endpoint’s node alone, long ones too', async () => {
      await programAll({ pods: ['b', 'c'] });
      await withoutWayBack(async () => {
        assert.deepEqual(await answers(20), ['b', 'c']);
        await answers(4, protocol === 'TCP' ? 60_000 : 4000);
      });
      const { bpf } = two.nodeNamed('n1').agent;
      assert.deepEqual(bpf.maps.flows.entries().filter(([key]) => key.direction === 1 && key.destination === CLIENT[family] && key.source !== two.podIps.get('a')?.[family]), []); // prettier-ignore
    });

    test(
      'what is too long for the tunnel is told to the client',
      { skip: protocol === 'TCP' && 'the other end says what it takes' },
      async () => {
        await programAll({ pods: ['b'] });
        ip(`/run/netns/${PREFIX}-outside`, 'route flush cache', '-6 route flush cache');
        // 1472 or 1452 bytes fill the link of the client, which sends them whole.
        const bytes = family === 4 ? 1472 : 1452;
        assert.deepEqual(await answers(1, bytes), ['b']);
        const path = execFileSync('ip', ['-n', `${PREFIX}-outside`, 'route', 'get', at.ip], {
          encoding: 'utf8',
        });
        assert.match(path, /mtu 1450/);
      },
    );

    test('a closed port of an endpoint elsewhere is told to the client', async () => {
      await programAll({ pods: ['b'], port: 9 });
      assert.deepEqual(await errors(), ['ECONNREFUSED', 'ECONNREFUSED']);
    });

    test(
      'an error of the client about an answer reaches the endpoint',
      { skip: protocol === 'TCP' && 'a reset says it' },
      async () => {
        await programAll({ pods: ['b'] });
        const heard = (): number => unreachables(`${PREFIX}-b`, family);
        const before = heard();
        // Gone before the answer comes, as a rule; and a host says so only now and then.
        const leave = ['bash', '-c', `echo hello > /dev/udp/${at.ip}/${at.port}`];
        await eventually(() => {
          execFileSync('ip', ['netns', 'exec', `${PREFIX}-outside`, ...leave]);
          assert.ok(heard() > before);
        });
      },
    );

    test(
      'source ranges are those of the client',
      { skip: scope === 'node port' && 'they restrict load balancers’ addresses alone' },
      async () => {
        const ranges = (...texts: readonly string[]) => ({ sourceRanges: texts.map(parseCidr) });
        await programAll({ pods: ['b', 'c'], over: ranges('10.89.1.192/26', 'fd00:10:89:1::200/120') });
        // By chance: of twenty tries two endpoints are both met but for once in half a million.
        assert.deepEqual(await answers(20), ['b', 'c']);
        await programAll({ pods: ['b', 'c'], over: ranges('10.89.1.0/26', 'fd00:10:89:1::/120') });
        assert.deepEqual(await errors(1, SILENCE_MS), ['timeout']);
      },
    );

    test('session affinity is that of the client', async () => {
      await programAll({ pods: ['a', 'b', 'c'], over: { affinityTimeoutS: 600 } });
      const [one] = await answers(1);
      for (let i = 0; i < 8; i++) assert.deepEqual(await answers(1), [one]);
    });

    test('an endpoint that goes, agents that start anew: connections go on, datagrams move', async () => {
      await programAll({ pods: ['b'] });
      assert.equal(await held(), `b sees ${CLIENT[family]}`);
      await two.restartAll();
      assert.equal(await held(), `b sees ${CLIENT[family]}`);
      await programAll({ pods: ['c'] });
      assert.equal(await held(), `${protocol === 'TCP' ? 'b' : 'c'} sees ${CLIENT[family]}`);
      assert.deepEqual(await answers(6), ['c']);
      await two.client.ask({ kind: 'forget' });
    });

    test('the option comes and goes: connections go on as they were made', async () => {
      const off = { pods: ['b'], over: { options: NO_FRONTEND_OPTIONS } } as const;
      const hidden = `b sees ${two.nodeNamed('n1').lab.node.addresses.find((it) => familyOf(it) === family)}`;
      const seen = `b sees ${CLIENT[family]}`;
      await programAll({ pods: ['b'] });
      assert.equal(await held(), seen);
      await programAll(off);
      assert.equal(await held(), protocol === 'TCP' ? seen : hidden);
      await two.client.ask({ kind: 'forget' });
      assert.equal(await held(), hidden);
      await programAll({ pods: ['b'] });
      assert.equal(await held(), protocol === 'TCP' ? hidden : seen);
      await two.client.ask({ kind: 'forget' });
    });

    test(
      'with Maglev, a client that comes by the other node in the middle goes on',
      { skip: scope === 'node port' && 'another node’s is another address' },
      async () => {
        const over = { options: { ...DIRECT, isMaglev: true } };
        await programAll({ pods: ['a', 'b', 'c'], over });
        const outside = `${PREFIX}-outside`;
        const before: string[] = [];
        // Until one of them meets the endpoint of the first node: the table gives it a third of all clients.
        const isEnough = (): boolean => before.length >= 12 && before.includes(`a sees ${CLIENT[family]}`);
        while (!isEnough() && before.length < 200) before.push(await held(`socket ${before.length}`));
        assert.ok(isEnough(), before.join());
        ip(outside, 'route replace 10.90.1.0/24 via 10.89.1.12', '-6 route replace fd00:10:90:1::/64 via fd00:10:89:1::12'); // prettier-ignore
        // UDP is chosen by the table too, but among several of one node by chance.
        const nodeOf = (text: string): string => (text.startsWith('a') ? 'n1' : 'n2');
        const after: string[] = [];
        for (const at of before.keys()) after.push(await held(`socket ${at}`));
        if (protocol === 'TCP') assert.deepEqual(after, before);
        else assert.deepEqual(after.map(nodeOf), before.map(nodeOf));
        ip(outside, 'route replace 10.90.1.0/24 via 10.89.1.11', '-6 route replace fd00:10:90:1::/64 via fd00:10:89:1::11'); // prettier-ignore
        await two.client.ask({ kind: 'forget' });
      },
    );

    test('a node that has lost its endpoint lets the client ask again, and sends nothing around', async () => {
      await two.program(two.nodeNamed('n1'), wantedOf({ pods: ['b'] }));
      await two.program(two.nodeNamed('n2'), wantedOf({ pods: ['a'] }));
      assert.deepEqual(await errors(1, SILENCE_MS), ['timeout']);
    });
  });
