// Services at the socket on the real kernel: what a process in the node's cgroup gets when it connects and sends to a frontend.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseCidr } from '../../base/cidr.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey } from '../../model/network.ts';
import type { Target } from '../../reconcile/target.ts';
import {
  buildServiceWorld,
  linkIndex,
  type ServiceWorld,
  type WorldPeer,
} from '../../../test/contract/service-world.ts';
import { inNetns } from '../../sys/netns.ts';
import { openNodeBpf, type NodeBpf } from '../shared-bpf/node-bpf.ts';
import type { FrontendRow } from './frontend-row.ts';
import { openServiceTarget } from './target.ts';
import { anEbpfRow } from '../../../test/support/ebpf-row.ts';
import { scaledMs, SILENCE_MS } from '../../../test/support/time-scale.ts';

const OBJECTS = new URL('../../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;

const lifetime = new Lifetime('test');
let world: ServiceWorld;
let bpf: NodeBpf;
let target: Target<FrontendRow>;
let client: WorldPeer;
let node: WorldPeer;

function aRow(
  ip: string,
  protocol: 'TCP' | 'UDP',
  endpoints: readonly (readonly [string, number])[],
  over: Partial<FrontendRow> = {},
): FrontendRow {
  return anEbpfRow(
    endpoints.map(([host, port]) => ({ ip: parseIp(host), port: parsePort(port) })),
    { ip: parseIp(ip), protocol, ...over },
  );
}

async function program(...rows: readonly FrontendRow[]): Promise<void> {
  const wanted = new Map(rows.map((row) => [frontendKey(row), row]));
  const failures = await target.update(wanted, SIGNAL, await target.observe(SIGNAL));
  assert.deepEqual(failures, new Map());
}

async function clear(): Promise<void> {
  await target.delete(await target.observe(SIGNAL), SIGNAL);
}

before(async () => {
  world = buildServiceWorld(['client', 'a', 'b'], lifetime);
  const { pinDir, cgroup, nodeNetns } = world;
  const options = { pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns: nodeNetns };
  bpf = await openNodeBpf(options, lifetime);
  for (const { link, mac, ips } of world.pods.values())
    bpf.podInterfaces.attach({ ifindex: inNetns(nodeNetns, () => linkIndex(link)), mac, ips });
  target = openServiceTarget(bpf.maps);
  for (const name of ['a', 'b']) {
    const server = world.startPeer(name, { isInCgroup: false });
    for (const ip of world.pods.get(name)!.ips)
      for (const protocol of ['TCP', 'UDP'] as const)
        assert.equal(
          (await server.ask({ kind: 'listen', protocol, ip, port: 8080, says: name })).error,
          undefined,
        );
  }
  client = world.startPeer('client', { isInCgroup: true });
  node = world.startPeer('node', { isInCgroup: true });
});

after(async () => {
  bpf?.detachAll();
  await lifetime.close();
});

for (const [family, vip, a, b] of [
  ['IPv4', '10.96.0.10', '10.77.0.11', '10.77.0.12'],
  ['IPv6', 'fd96::10', 'fd77::11', 'fd77::12'],
] as const) {
  test(`connect() over ${family} reaches every endpoint of a frontend and shows the Service as its peer`, async () => {
    await program(aRow(vip, 'TCP', [[a, 8080], [b, 8080]])); // prettier-ignore
    const said = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const reply = await client.ask({ kind: 'connect', ip: vip, port: 80 });
      assert.equal(reply.error, undefined);
      assert.equal(reply.peer, family === 'IPv4' ? `${vip}:80` : `[${vip}]:80`);
      said.add(reply.said[0]!);
    }
    assert.deepEqual([...said].sort(), ['a', 'b']);
    await clear();
  });

  for (const isConnected of [false, true]) {
    test(`UDP over ${family}, ${isConnected ? '' : 'not '}connected: a socket keeps its endpoint and sees the Service answer`, async () => {
      await program(aRow(vip, 'UDP', [[a, 8080], [b, 8080]])); // prettier-ignore
      const firsts = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const reply = await client.ask({ kind: 'send', ip: vip, port: 80, count: 5, isConnected });
        assert.equal(reply.error, undefined);
        assert.equal(new Set(reply.said).size, 1, 'one socket, one endpoint');
        assert.equal(reply.peer, family === 'IPv4' ? `${vip}:80` : `[${vip}]:80`);
        firsts.add(reply.said[0]!);
      }
      assert.deepEqual([...firsts].sort(), ['a', 'b']);
      await clear();
    });
  }

  test(`no endpoints (${family}): a frontend without endpoints and an unused port refuse at once`, async () => {
    await program(aRow(vip, 'TCP', []), aRow(vip, 'UDP', []));
    const start = performance.now();
    assert.equal((await client.ask({ kind: 'connect', ip: vip, port: 80 })).error, 'ECONNREFUSED');
    assert.equal((await client.ask({ kind: 'connect', ip: vip, port: 81 })).error, 'ECONNREFUSED');
    for (const isConnected of [false, true])
      assert.equal(
        (await client.ask({ kind: 'send', ip: vip, port: 80, count: 1, isConnected })).error,
        'ECONNREFUSED',
      );
    assert.ok(performance.now() - start < scaledMs(1000));
    await clear();
  });
}

for (const [family, vip, a, range, other] of [
  ['IPv4', '10.96.0.10', '10.77.0.11', '10.77.0.10/31', '10.77.0.12/30'],
  ['IPv6', 'fd96::10', 'fd77::11', 'fd77::10/127', 'fd77::12/127'],
] as const)
  for (const protocol of ['TCP', 'UDP'] as const) {
    const ask = (peer: WorldPeer, patience: { readonly waitMs?: number } = {}) =>
      protocol === 'TCP'
        ? peer.ask({ kind: 'connect', ip: vip, port: 80, ...patience })
        : peer.ask({ kind: 'send', ip: vip, port: 80, count: 1, isConnected: false, ...patience });
    const silence = { waitMs: SILENCE_MS };

    test(`source ranges (${protocol}, ${family}): a pod in them is served, others meet silence`, async () => {
      await program(aRow(vip, protocol, [[a, 8080]], { sourceRanges: [parseCidr(range)] }));
      assert.deepEqual((await ask(client)).said, ['a']);
      await program(aRow(vip, protocol, [[a, 8080]], { sourceRanges: [parseCidr(other)] }));
      assert.equal((await ask(client, silence)).error, 'timeout');
      await program(aRow(vip, protocol, [[a, 8080]], { sourceRanges: [] }));
      assert.equal((await ask(client, silence)).error, 'timeout');
      await clear();
      assert.deepEqual(bpf.maps.sourceRanges.entries(), []);
    });

    test(`source ranges (${protocol}, ${family}): the node's own processes count as the row says`, async () => {
      const sourceRanges = [parseCidr(other)];
      await program(aRow(vip, protocol, [[a, 8080]], { sourceRanges, admitsNode: true }));
      assert.deepEqual((await ask(node)).said, ['a']);
      await program(aRow(vip, protocol, [[a, 8080]], { sourceRanges, admitsNode: false }));
      assert.equal((await ask(node)).error, 'ETIMEDOUT');
      await clear();
    });

    test(`no endpoint here, but elsewhere (${protocol}, ${family}): silence`, async () => {
      await program(aRow(vip, protocol, [], { inside: { endpoints: [], whenEmpty: 'drop' } }));
      assert.equal((await ask(client, silence)).error, 'timeout');
      assert.equal((await ask(node)).error, 'ETIMEDOUT');
      await clear();
    });
  }

test('an IPv6 socket reaches an IPv4 frontend by its mapped address', async () => {
  await program(
    aRow('10.96.0.10', 'TCP', [['10.77.0.11', 8080]]),
    aRow('10.96.0.10', 'UDP', [['10.77.0.12', 8080]]),
  );
  const tcp = await client.ask({ kind: 'connect', ip: '::ffff:10.96.0.10', port: 80 });
  assert.deepEqual([tcp.error, tcp.said], [undefined, ['a']]);
  for (const isConnected of [false, true]) {
    const udp = await client.ask({ kind: 'send', ip: '::ffff:10.96.0.10', port: 80, count: 2, isConnected });
    assert.deepEqual([udp.error, udp.said, udp.peer], [undefined, ['b', 'b'], '[::ffff:10.96.0.10]:80']);
  }
  await clear();
});

test('other addresses are left alone', async () => {
  await program(aRow('10.96.0.10', 'TCP', [['10.77.0.11', 8080]]));
  assert.deepEqual((await client.ask({ kind: 'connect', ip: '10.77.0.12', port: 8080 })).said, ['b']);
  await clear();
});

test('observe() gives back what was written, a change replaces it, a deletion leaves nothing', async () => {
  const rows = [
    aRow('10.96.0.1', 'TCP', [['10.77.0.11', 8080], ['10.77.0.12', 8080]]), // prettier-ignore
    aRow('fd96::1', 'UDP', [['fd77::11', 53]]),
    aRow('10.96.0.2', 'TCP', []),
  ];
  await program(...rows);
  assert.deepEqual(await target.observe(SIGNAL), new Map(rows.map((row) => [frontendKey(row), row])));
  const changed = { ...aRow('10.96.0.1', 'TCP', [['10.77.0.12', 8080]]), affinityTimeoutS: 60 };
  await program(changed);
  assert.deepEqual((await target.observe(SIGNAL)).get('10.96.0.1:80/TCP'), changed);
  assert.equal(bpf.maps.endpoints.entries().length, 2);
  assert.equal(bpf.maps.members.entries().length, 2);
  await clear();
  for (const map of [bpf.maps.addresses, bpf.maps.frontends, bpf.maps.endpoints, bpf.maps.members])
    assert.deepEqual(map.entries(), []);
});

const held = { kind: 'hold', socket: 'held', ip: '10.96.0.10', port: 80 } as const;

test('a restart takes over maps and programs and breaks no connection', async () => {
  await program(aRow('10.96.0.10', 'TCP', [['10.77.0.11', 8080]]));
  assert.deepEqual((await client.ask(held)).said, ['a']);
  const again = new Lifetime('restart');
  const bpfAgain = await openNodeBpf(
    { pinDir: world.pinDir, objectDir: OBJECTS, cgroupPath: world.cgroup, netns: world.nodeNetns },
    again,
  );
  const observed = await openServiceTarget(bpfAgain.maps).observe(SIGNAL);
  assert.deepEqual([...observed.keys()], ['10.96.0.10:80/TCP']);
  assert.deepEqual((await client.ask({ kind: 'connect', ip: '10.96.0.10', port: 80 })).said, ['a']);
  await again.close();
  assert.deepEqual((await client.ask(held)).said, ['a']);
  assert.deepEqual((await client.ask({ kind: 'connect', ip: '10.96.0.10', port: 80 })).said, ['a']);
  await clear();
});
