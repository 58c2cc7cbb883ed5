// Connected UDP sockets of the node on the real kernel: one whose endpoint is none any more ends, every other one lives on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  buildServiceWorld,
  type ServiceWorld,
  type WorldPeer,
} from '../../../test/contract/service-world.ts';
import { anEbpfRow } from '../../../test/support/ebpf-row.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { aFrontend, SERVICE_NODE } from '../../../test/support/service-samples.ts';
import { systemClock } from '../../base/clock.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { parsePort } from '../../base/port.ts';
import { frontendKey, type NodeView } from '../../model/network.ts';
import { Engine } from '../../reconcile/engine.ts';
import { openSockDiag, type SockDiag } from '../../sys/sock-diag.ts';
import { openNodeBpf, type NodeBpf } from '../shared-bpf/node-bpf.ts';
import { staleSocketPart } from '../shared-node/stale-sockets.ts';
import { openServiceTarget } from './target.ts';

const OBJECTS = new URL('../../../build/bpf', import.meta.url).pathname;
const SIGNAL = new AbortController().signal;
const PORT = 8080;

interface View {
  readonly services: NodeView;
  readonly changedFrontends: undefined;
}

const lifetime = new Lifetime('test');
let world: ServiceWorld;
let bpf: NodeBpf;
let sockets: SockDiag;
let node: WorldPeer;

before(async () => {
  world = buildServiceWorld(['a', 'b'], lifetime);
  const { pinDir, cgroup, nodeNetns } = world;
  bpf = await openNodeBpf({ pinDir, objectDir: OBJECTS, cgroupPath: cgroup, netns: nodeNetns }, lifetime);
  sockets = lifetime.own('sockets', openSockDiag(nodeNetns), (it) => it.close());
  for (const name of ['a', 'b']) {
    const server = world.startPeer(name, { isInCgroup: false });
    for (const ip of world.pods.get(name)!.ips)
      await server.ask({ kind: 'listen', protocol: 'UDP', ip, port: PORT, says: name });
  }
  node = world.startPeer('node', { isInCgroup: true });
});

after(async () => {
  bpf?.detachAll();
  await lifetime.close();
});

function endText(ip: string): string {
  return ip.includes(':') ? `[${ip}]:${PORT}` : `${ip}:${PORT}`;
}

function aView(vip: string, endpoints: readonly string[] | undefined): NodeView {
  const frontend = aFrontend(endpoints?.map(endText) ?? [], { ip: parseIp(vip), protocol: 'UDP' });
  return {
    node: SERVICE_NODE,
    peers: [],
    pods: [],
    frontends: new Map(endpoints === undefined ? [] : [[frontendKey(frontend), frontend]]),
    healthChecks: new Map(),
    cluster: {
      podCidrs: [],
      serviceCidrs: [],
      clusterDomain: 'cluster.local',
      dnsIps: [],
      nodePortAddresses: [],
      allowsExternalIps: false,
    },
  };
}

/** What the agent does: the backend's row, then the sweep. Undefined for a frontend that has gone. */
async function become(vip: string, endpoints: readonly string[] | undefined): Promise<void> {
  const target = openServiceTarget(bpf.maps);
  const ends = (endpoints ?? []).map((ip) => ({ ip: parseIp(ip), port: parsePort(PORT) }));
  const row = anEbpfRow(ends, { ip: parseIp(vip), protocol: 'UDP' });
  const seen = await target.observe(SIGNAL);
  if (endpoints === undefined) assert.deepEqual(await target.delete(seen, SIGNAL), new Map());
  else assert.deepEqual(await target.update(new Map([[frontendKey(row), row]]), SIGNAL, seen), new Map());
  const engine = new Engine<View>({
    parts: [staleSocketPart<View>(sockets, bpf.maps.nodeUdpPeers)],
    clock: systemClock,
    random: () => 0.5,
    report: () => undefined,
  });
  const end = new AbortController();
  const running = engine.run(end.signal);
  engine.submit({ services: aView(vip, endpoints), changedFrontends: undefined }, 1);
  try {
    await eventually(() => engine.isConverged);
  } finally {
    end.abort();
    await running;
  }
}

async function send(socket: string, ip: string, port = 80): Promise<string | undefined> {
  const reply = await node.ask({ kind: 'send', socket, ip, port, count: 1, isConnected: true });
  return reply.error ?? reply.said[0];
}

for (const { name, vip, to, a, b } of [
  { name: 'IPv4', vip: '10.96.0.10', to: '10.96.0.10', a: '10.77.0.10', b: '10.77.0.11' },
  { name: 'IPv6', vip: 'fd96::10', to: 'fd96::10', a: 'fd77::10', b: 'fd77::11' },
  {
    name: 'IPv4 in a socket of IPv6',
    vip: '10.96.0.10',
    to: '::ffff:10.96.0.10',
    a: '10.77.0.10',
    b: '10.77.0.11',
  },
] as const) {
  // prettier-ignore
  const direct = to.startsWith('::ffff:') ? `::ffff:${a}` : a;

  test(`a connected socket leaves an endpoint that is none any more, ${name}`, async () => {
    await become(vip, [a]);
    assert.equal(await send('service', to), 'a');
    assert.equal(await send('direct', direct, PORT), 'a');
    await become(vip, [a, b]);
    assert.equal(await send('service', to), 'a', 'its endpoint is still one');
    await become(vip, [b]);
    assert.equal(await send('service', to), 'ECONNABORTED');
    assert.equal(await send('direct', direct, PORT), 'a', 'who speaks to the pod itself goes on');
    assert.equal(await send('again', to), 'b');
    await node.ask({ kind: 'forget' });
  });

  test(`a connected socket ends with its frontend, and with its last endpoint, ${name}`, async () => {
    for (const endpoints of [undefined, []]) {
      await become(vip, [a]);
      assert.equal(await send('service', to), 'a');
      await become(vip, endpoints);
      assert.equal(await send('service', to), 'ECONNABORTED');
      await node.ask({ kind: 'forget' });
    }
  });
}

test('a socket that is connected anew to the pod itself is nobody’s business', async () => {
  await become('10.96.0.10', ['10.77.0.10']);
  assert.equal(await send('service', '10.96.0.10'), 'a');
  const [known] = await sockets.list(() => true);
  assert.deepEqual([known?.family, known?.peerIp, known?.peerPort], [4, '10.77.0.10', PORT]);
  assert.equal(bpf.maps.nodeUdpPeers.lookup({ cookie: known!.cookie })?.frontendIp, '10.96.0.10');
  await node.ask({ kind: 'reconnect', socket: 'service', ip: '10.77.0.10', port: PORT });
  assert.equal(bpf.maps.nodeUdpPeers.lookup({ cookie: known!.cookie }), undefined);
  await become('10.96.0.10', []);
  assert.equal(await send('service', '10.77.0.10', PORT), 'a');
  await node.ask({ kind: 'forget' });
});
