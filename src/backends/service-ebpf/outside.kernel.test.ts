// Outside clients in the kernel: a client and another node's pod on links of the node, and what each sees of a Service.
//
//   out 198.51.100.9 <-- up0 --> 198.51.100.1 node 198.18.0.1 <-- up1 --> far 10.88.0.13
//
// The far pod knows the way to the node's own address alone: it answers a client only where the node hides it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import { inNetns } from '../../sys/netns.ts';
import { openNetlink } from '../../sys/netlink.ts';
import {
  buildServiceWorld,
  linkIndex,
  type ServiceWorld,
  type WorldPeer,
} from '../../../test/contract/service-world.ts';
import { anEbpfRow } from '../../../test/support/ebpf-row.ts';
import { SILENCE_MS } from '../../../test/support/time-scale.ts';
import { openNodeBpf, type NodeBpf } from '../shared-bpf/node-bpf.ts';
import type { FrontendRow, RowEndpoint } from './frontend-row.ts';
import { nodeLinksTarget, type NodeLinksEntry } from './node-links-target.ts';
import { openServiceTarget } from './target.ts';

const OBJECTS = new URL('../../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;
const ENTRY: NodeLinksEntry = { ipv4: parseIp('198.51.100.1'), ipv6: parseIp('2001:db8:5::1') };
const LINKS = new Map([['node links', ENTRY]]);

const lifetime = new Lifetime('test');
let world: ServiceWorld;
let bpf: NodeBpf;
let rows: Target<FrontendRow>;
let links: Target<NodeLinksEntry>;
let nowFlow = 0;
let out: WorldPeer;
const peers = new Map<string, WorldPeer>();

function ip(netns: string, ...lines: readonly string[]): void {
  for (const line of lines) execFileSync('ip', ['-n', netns, ...line.split(' ')]);
}

function joinNeighbours(): void {
  const node = world.nodeNetns.replace('/run/netns/', '');
  const name = (short: string): string => node.replace(/-node$/, `-${short}`);
  for (const it of ['out', 'far']) {
    execFileSync('ip', ['netns', 'add', name(it)]);
    lifetime.defer(it, () => void execFileSync('ip', ['netns', 'delete', name(it)]));
    ip(name(it), 'link set lo up');
  }
  ip(
    node,
    `link add up0 mtu 1300 type veth peer name eth0 mtu 1300 netns ${name('out')}`,
    `link add up1 mtu 1400 type veth peer name eth0 mtu 1400 netns ${name('far')}`,
    'addr add 198.51.100.1/24 dev up0',
    '-6 addr add 2001:db8:5::1/64 dev up0 nodad',
    'addr add 198.18.0.1/24 dev up1',
    '-6 addr add 2001:db8:6::1/64 dev up1 nodad',
    'link set up0 up',
    'link set up1 up',
    'route add 10.88.0.0/24 via 198.18.0.2',
    '-6 route add fd88::/64 via 2001:db8:6::2',
  );
  ip(
    name('out'),
    'addr add 198.51.100.9/24 dev eth0',
    '-6 addr add 2001:db8:5::9/64 dev eth0 nodad',
    'link set eth0 up',
    'route add default via 198.51.100.1',
    '-6 route add default via 2001:db8:5::1',
  );
  ip(
    name('far'),
    'addr add 198.18.0.2/24 dev eth0',
    '-6 addr add 2001:db8:6::2/64 dev eth0 nodad',
    'addr add 10.88.0.13/32 dev lo',
    '-6 addr add fd88::13/128 dev lo nodad',
    'link set eth0 up',
    'route add 198.51.100.1/32 via 198.18.0.1',
    '-6 route add 2001:db8:5::1/128 via 2001:db8:6::1',
  );
}

async function serve(place: string, ips: readonly string[]): Promise<void> {
  const peer = world.startPeer(place, { isInCgroup: false });
  peers.set(place, peer);
  for (const host of ips)
    for (const protocol of ['TCP', 'UDP'] as const) {
      const reply = await peer.ask({ kind: 'listen', protocol, ip: host, port: 8080, says: place });
      assert.equal(reply.error, undefined, `${place} listens on ${host}`);
    }
}

before(async () => {
  world = buildServiceWorld(['client', 'a', 'b'], lifetime);
  joinNeighbours();
  const { pinDir, nodeNetns } = world;
  bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: undefined, netns: nodeNetns }, lifetime);
  lifetime.defer('BPF', () => bpf.detachAll());
  for (const { link, mac, ips } of world.pods.values())
    bpf.podInterfaces.attach({ ifindex: inNetns(nodeNetns, () => linkIndex(link)), mac, ips });
  rows = openServiceTarget(bpf.maps);
  const netlink = lifetime.own('netlink', openNetlink(nodeNetns), (it) => it.close());
  links = nodeLinksTarget({ maps: bpf.maps, links: bpf.nodeLinks, netlink, flowClock: () => nowFlow });
  await links.update(LINKS, SIGNAL, new Map());
  for (const [name, pod] of world.pods) await serve(name, pod.ips);
  await serve('far', ['10.88.0.13', 'fd88::13']);
  await serve('node', ['198.51.100.1', '2001:db8:5::1']);
  out = world.startPeer('out', { isInCgroup: false });
});
after(() => lifetime.close());

async function program(...wanted: readonly FrontendRow[]): Promise<void> {
  const seen = await rows.observe(SIGNAL);
  await rows.delete(seen, SIGNAL);
  const byKey = new Map(wanted.map((row) => [frontendKey(row), row]));
  assert.deepEqual(await rows.update(byKey, SIGNAL, new Map()), new Map());
}

interface AskOptions {
  readonly isConnected?: boolean;
  readonly waitMs?: number;
}

interface FamilyCase {
  readonly name: string;
  readonly node: string;
  readonly client: string;
  readonly vip: string;
  readonly a: string;
  readonly b: string;
  readonly far: string;
}

const FAMILIES: readonly FamilyCase[] = [
  { name: 'IPv4', node: '198.51.100.1', client: '198.51.100.9', vip: '10.96.0.10', a: '10.77.0.11', b: '10.77.0.12', far: '10.88.0.13' }, // prettier-ignore
  { name: 'IPv6', node: '2001:db8:5::1', client: '2001:db8:5::9', vip: 'fd96::10', a: 'fd77::11', b: 'fd77::12', far: 'fd88::13' }, // prettier-ignore
];

for (const f of FAMILIES)
  for (const protocol of ['TCP', 'UDP'] as const)
    describe(`${protocol} over ${f.name}`, () => {
      const endpoints = (...hosts: readonly string[]): readonly RowEndpoint[] =>
        hosts.map((host) => ({ ip: parseIp(host), port: parsePort(8080) }));
      const row = (hosts: readonly string[], over: Partial<FrontendRow> = {}): FrontendRow =>
        anEbpfRow(endpoints(...hosts), {
          ip: parseIp(f.node),
          port: parsePort(30_080),
          protocol,
          isExclusiveAddress: false,
          ...over,
        });
      const ask = (peer: WorldPeer, host: string, port: number, more: AskOptions = {}) =>
        protocol === 'TCP'
          ? peer.ask({ kind: 'connect', ip: host, port, ...more })
          : peer.ask({ kind: 'send', ip: host, port, count: 1, isConnected: false, ...more });
      const shown = (host: string, port: number): string =>
        host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      /** Who answered over many tries; the client must see the frontend answer. */
      const answers = async (host: string, port: number, tries = 24): Promise<readonly string[]> => {
        const said = new Set<string>();
        for (let i = 0; i < tries; i++) {
          const reply = await ask(out, host, port);
          assert.deepEqual([reply.error, reply.peer], [undefined, shown(host, port)]);
          said.add(reply.said[0] ?? '');
        }
        return [...said].sort();
      };
      /** Sources under which endpoints saw clients. */
      const sources = (): ReadonlySet<string> =>
        new Set(
          bpf.maps.flows
            .entries()
            .filter(([key]) => key.direction === 0)
            .map(([, flow]) => flow.source),
        );
      const forgetFlows = (): void => bpf.maps.flows.deleteAll(bpf.maps.flows.entries().map(([key]) => key));

      test('a node port spreads over endpoints here and elsewhere, and hides the client behind the node', async () => {
        forgetFlows();
        await program(row([f.a, f.far]));
        assert.deepEqual(await answers(f.node, 30_080), ['a', 'far']);
        assert.deepEqual(sources(), new Set([f.node]));
        for (const [key, flow] of bpf.maps.flows.entries())
          if (key.direction === 0) assert.ok(flow.sourcePort >= 1024 && flow.sourcePort < 30_000);
      });

      test('a Service address from outside is served the same way; its unused port refuses', async () => {
        await program(row([f.a, f.far], { ip: parseIp(f.vip), isExclusiveAddress: true }));
        assert.deepEqual(await answers(f.vip, 30_080), ['a', 'far']);
        assert.equal((await ask(out, f.vip, 81, { isConnected: true })).error, 'ECONNREFUSED');
      });

      test('policy Local keeps the client and takes the endpoints of its side', async () => {
        forgetFlows();
        const outside = { endpoints: endpoints(f.a, f.b), whenEmpty: 'drop' } as const;
        await program(row([f.a, f.b, f.far], { outside, masqueradesOutside: false }));
        assert.deepEqual(await answers(f.node, 30_080), ['a', 'b']);
        assert.deepEqual(sources(), new Set([f.client]));
      });

      test('no endpoint: refused at once, or silence where there are some elsewhere', async () => {
        await program(row([]));
        assert.equal((await ask(out, f.node, 30_080, { isConnected: true })).error, 'ECONNREFUSED');
        await program(row([], { outside: { endpoints: [], whenEmpty: 'drop' } }));
        assert.equal(
          (await ask(out, f.node, 30_080, { isConnected: true, waitMs: SILENCE_MS })).error,
          'timeout',
        );
      });

      test('source ranges let in whom they name', async () => {
        await program(row([f.a], { sourceRanges: [parseCidr(f.name === 'IPv4' ? '198.51.100.8/30' : '2001:db8:5::8/126')] })); // prettier-ignore
        assert.deepEqual(await answers(f.node, 30_080, 1), ['a']);
        await program(row([f.a], { sourceRanges: [parseCidr(f.name === 'IPv4' ? '198.51.100.16/28' : '2001:db8:5::16/127')] })); // prettier-ignore
        assert.equal((await ask(out, f.node, 30_080, { waitMs: SILENCE_MS })).error, 'timeout');
      });

      test('the node as endpoint takes the client as it is; its other ports are its own', async () => {
        await program(row([f.node]));
        assert.deepEqual(await answers(f.node, 30_080, 2), ['node']);
        assert.deepEqual(await answers(f.node, 8080, 2), ['node']);
      });

      test('a closed port of an endpoint is told to the client', async () => {
        for (const host of [f.a, f.far]) {
          const closed = [{ ip: parseIp(host), port: parsePort(9) }];
          await program(row([], { outside: { endpoints: closed, whenEmpty: 'refuse' } }));
          assert.equal((await ask(out, f.node, 30_080, { isConnected: true })).error, 'ECONNREFUSED', host);
        }
        const kept = { outside: { endpoints: [{ ip: parseIp(f.a), port: parsePort(9) }], whenEmpty: 'refuse' } } as const; // prettier-ignore
        await program(row([], { ...kept, masqueradesOutside: false }));
        assert.equal((await ask(out, f.node, 30_080, { isConnected: true })).error, 'ECONNREFUSED', 'kept');
      });

      test('an open flow follows the change of endpoints: connections stay, datagrams move', async () => {
        const held = { socket: 'held', ip: f.node, port: 30_080 };
        const next = async (): Promise<string | undefined> => {
          const reply =
            protocol === 'TCP'
              ? await out.ask({ kind: 'hold', ...held })
              : await out.ask({ kind: 'send', count: 1, isConnected: false, ...held });
          assert.equal(reply.error, undefined);
          return reply.said[0];
        };
        await program(row([f.far]));
        assert.equal(await next(), 'far');
        await program(row([f.a]));
        assert.equal(await next(), protocol === 'TCP' ? 'far' : 'a');
        await out.ask({ kind: 'forget' });
      });

      test(
        'an open UDP flow follows the traffic policy; its endpoint stays',
        { skip: protocol === 'TCP' && 'a connection goes on as it was made' },
        async () => {
          forgetFlows();
          const next = async (...wanted: readonly FrontendRow[]): Promise<string | undefined> => {
            await program(...wanted);
            const reply = await out.ask({ kind: 'send', count: 1, isConnected: false, socket: 'held', ip: f.node, port: 30_080 }); // prettier-ignore
            assert.deepEqual([reply.error, reply.peer], [undefined, shown(f.node, 30_080)]);
            return reply.said[0];
          };
          assert.equal(await next(row([f.a])), 'a');
          assert.deepEqual(sources(), new Set([f.node]));
          assert.equal(await next(row([f.a], { masqueradesOutside: false })), 'a');
          assert.deepEqual(sources(), new Set([f.client]));
          assert.equal(await next(row([f.a])), 'a');
          assert.deepEqual(sources(), new Set([f.node]));
          // The node's own listener takes the client as it is under either policy.
          assert.equal(await next(row([f.node])), 'node');
          assert.equal(await next(row([f.node, f.a])), 'node');
          assert.deepEqual(sources(), new Set([f.client]));
          await out.ask({ kind: 'forget' });
        },
      );

      // The client's link takes 1300 bytes, the far pod's 1400, the near one's 1500: answers are cut anew, or their sender is told.
      test(
        'a datagram in fragments reaches its endpoint, and so does its answer by a smaller link',
        { skip: protocol === 'TCP' && 'segments are no fragments' },
        async () => {
          for (const masqueradesOutside of [true, false])
            for (const host of masqueradesOutside ? [f.a, f.far] : [f.a]) {
              forgetFlows();
              await program(row([host], { masqueradesOutside }));
              const request = { kind: 'burst', protocol, ip: f.node, port: 30_080, count: 6, isAtOnce: true, isConnected: false, bytes: 4000, waitMs: 3000 } as const; // prettier-ignore
              const seen = masqueradesOutside ? f.node : f.client;
              for (const answer of await out.burst(request)) {
                const expected = { kind: 'answer', from: shown(f.node, 30_080), said: host === f.a ? 'a' : 'far', seen, at: 8080, bytes: 4000 }; // prettier-ignore
                assert.deepEqual(answer, expected);
              }
            }
        },
      );
    });

test('links that lose their programs are repaired; pods’ links are not among them', async () => {
  assert.deepEqual(await links.observe(SIGNAL), LINKS);
  const [up0] = bpf.nodeLinks.list();
  assert.equal(bpf.nodeLinks.list().length, 4);
  const node = world.nodeNetns.replace('/run/netns/', '');
  execFileSync('tc', ['-n', node, 'filter', 'del', 'dev', 'up0', 'ingress']);
  assert.ok(up0 !== undefined);
  assert.notDeepEqual(await links.observe(SIGNAL), LINKS);
  await links.update(LINKS, SIGNAL, new Map());
  assert.deepEqual(await links.observe(SIGNAL), LINKS);
});

test('what leaves waits for the flows that are in use, then nothing of it is left', async () => {
  const now = Math.max(...bpf.maps.flows.entries().map(([, it]) => it.lastUsed));
  nowFlow = now;
  const failures = await links.delete(LINKS, SIGNAL);
  assert.match(String(failures.get('node links')), /translations of outside clients are in use/);
  assert.equal(bpf.nodeLinks.list().length, 4);
  nowFlow = now + 1000;
  assert.deepEqual(await links.delete(LINKS, SIGNAL), new Map());
  assert.deepEqual(await links.observe(SIGNAL), new Map());
  const node = world.nodeNetns.replace('/run/netns/', '');
  assert.equal(execFileSync('tc', ['-n', node, 'filter', 'show', 'dev', 'up0', 'ingress'], { encoding: 'utf8' }), ''); // prettier-ignore
});
