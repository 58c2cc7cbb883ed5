// The table in the kernel: pods on two nodes, their packets marked by the programs at their links and carried by the tunnel.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { parseCidr } from '../../base/cidr.ts';
import { deltasOf } from '../../base/deltas.ts';
import { parseIp } from '../../base/ip.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { POLICY_MODES } from '../../base/policy-numbers.ts';
import { PolicyCompiler } from '../../compile/policy/policy-compiler.ts';
import type { PolicyObjects } from '../../compile/policy/policy-objects.ts';
import { identityKey, identityLabels, type Identity } from '../../objects/identity.ts';
import { parseNamespace } from '../../objects/namespace.ts';
import { parseNetworkPolicy } from '../../objects/network-policy.ts';
import { parseNode } from '../../objects/node.ts';
import { parsePod } from '../../objects/pod.ts';
import { openConntrack, type Conntrack } from '../../sys/conntrack.ts';
import { openNfTables, type NfTables } from '../../sys/nf-tables.ts';
import { applyNft } from '../../sys/nft.ts';
import { openNflog } from '../../sys/nflog.ts';
import { bindUdp } from '../../sys/socket.ts';
import type { LoggedPacket } from '../../wire/netlink/nflog.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { ownName } from '../../../test/support/own-name.ts';
import {
  CLIENT,
  ip,
  NODE_IPS,
  startTwoNodes,
  type DataNode,
  type TwoNodes,
} from '../../../test/support/two-nodes-lab.ts';
import { startPeerIn, type WorldPeer } from '../../../test/contract/service-world.ts';
import { renderStandings, standingTarget } from '../shared-node/pod-standing.ts';
import { setPolicyMode } from '../shared-bpf/policy-mode.ts';
import type { PolicyView } from '../shared-node/policy-backend.ts';
import { DENIED_FLOW_BIT } from '../shared-policy/denied-flow.ts';
import { DENIAL_LOG_GROUP, deniedPacketOf } from '../shared-policy/denial-log.ts';
import type { DeniedPacket } from '../shared-policy/denied-packet.ts';
import { NFTABLES_POLICIES } from './backend.ts';
import { renderPolicies } from './render.ts';
import { policyTableTarget } from './target.ts';

const PREFIX = ownName('polnft');
const SIGNAL = new AbortController().signal;
const CLUSTER = { podCidrs: [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')], dnsIps: [] };
const PODS = { a: 'n1', b: 'n2', c: 'n2', d: 'n1' } as const;
type PodName = keyof typeof PODS;

const lifetime = new Lifetime('policy table');
let two: TwoNodes;
const peers = new Map<string, WorldPeer>();
const tables = new Map<string, NfTables>();
const tracked = new Map<string, Conntrack>();

before(async () => {
  two = await startTwoNodes(PREFIX, lifetime, ['d']);
  for (const name of Object.keys(PODS))
    peers.set(name, startPeerIn(`${PREFIX}-${name}`, undefined, lifetime));
  for (const node of ['n1', 'n2']) {
    peers.set(node, startPeerIn(`${PREFIX}-${node}`, undefined, lifetime));
    tables.set(
      node,
      lifetime.own(`tables of ${node}`, openNfTables(`/run/netns/${PREFIX}-${node}`), (it) => it.close()),
    );
    tracked.set(
      node,
      lifetime.own(`flows of ${node}`, openConntrack(`/run/netns/${PREFIX}-${node}`), (it) => it.close()),
    );
    setPolicyMode(two.nodeNamed(node).agent.bpf.maps, POLICY_MODES.marks);
  }
  peers.set('outside', two.client);
  const prefixes = ['10.244.1.0/24 via 10.89.1.11', 'fd00:10:244:1::/64 via fd00:10:89:1::11'];
  ip(two.outside, `route add ${prefixes[0]}`, `-6 route add ${prefixes[1]}`);
});
after(() => lifetime.close());

function conntrackOf(node: string): Conntrack {
  const found = tracked.get(node);
  assert.ok(found, node);
  return found;
}

function ipOf(name: string, family: 4 | 6): string {
  if (name === 'outside') return CLIENT[family];
  if (name === 'n1') return NODE_IPS[family];
  return two.podIps.get(name as PodName)?.[family] ?? '';
}

/** Policies by name as YAML of their specifications, of the namespace of all pods. */
function objectsOf(policies: string): PolicyObjects {
  const specs = Object.entries((parse(policies) ?? {}) as Record<string, unknown>);
  const raw = Object.entries(PODS).map(([name, nodeName]) => ({
    metadata: { namespace: 'shop', name, uid: name, labels: { app: name } },
    spec: { nodeName, containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { phase: 'Running', podIPs: ([4, 6] as const).map((family) => ({ ip: ipOf(name, family) })) },
  }));
  const pods = raw.map((it) => parsePod(it));
  const identities = pods.map(({ namespace, labels }, at): Identity => {
    const of = { namespace, labels: identityLabels(labels, new Set()) };
    return { namespace: '', name: String(300 + at), uid: '', labels: new Map(), number: 300 + at, of };
  });
  assert.equal(new Set(identities.map(({ of }) => identityKey(of))).size, pods.length);
  const node = (name: string, at: number): unknown => ({
    metadata: { name },
    status: {
      addresses: [`10.89.1.1${at}`, `fd00:10:89:1::1${at}`].map((address) => ({
        type: 'InternalIP',
        address,
      })),
    },
  });
  return {
    nodes: new Map(['n1', 'n2'].map((name, i) => [name, parseNode(node(name, i + 1))])),
    namespaces: new Map([['shop', parseNamespace({ metadata: { name: 'shop' } })]]),
    pods: new Map(pods.map((it) => [`shop/${it.name}`, it])),
    networkPolicies: new Map(
      specs.map(([name, spec]) => [
        `shop/${name}`,
        parseNetworkPolicy({ metadata: { namespace: 'shop', name }, spec }),
      ]),
    ),
    clusterNetworkPolicies: new Map(),
    identities: new Map(identities.map((it) => [it.name, it])),
    services: new Map(),
    learned: new Map(),
  };
}

function viewOf(nodeName: string, objects: PolicyObjects): PolicyView {
  const { bpf } = two.nodeNamed(nodeName).agent;
  const links = bpf.podInterfaces.list().map(({ ifindex, ips }) => ({ ifindex, ips, pod: undefined }));
  return { ...new PolicyCompiler({ nodeName, cluster: CLUSTER }).compile(objects), links };
}

/** Brings both nodes to what the policies say; how many entries of tables that took. */
async function program(
  policies: string,
  change: (view: PolicyView) => PolicyView = (it) => it,
): Promise<number> {
  let changes = 0;
  for (const name of ['n1', 'n2'])
    changes += await programNode(two.nodeNamed(name), change(viewOf(name, objectsOf(policies))));
  return changes;
}

async function programNode({ lab, agent }: DataNode, view: PolicyView): Promise<number> {
  await standingTarget(agent.bpf.maps).update(renderStandings(view), SIGNAL, new Map());
  const door = tables.get(lab.name);
  assert.ok(door);
  const doors = { tables: door, conntrack: conntrackOf(lab.name), place: { netns: lab.netns } };
  const target = policyTableTarget(doors);
  const [desired, seen] = [renderPolicies(view), await target.observe(SIGNAL)];
  const { add, change } = deltasOf(desired, seen, (a, b) => target.isEqual(b, a));
  if (add.size + change.size > 0) assert.deepEqual(await target.update(desired, SIGNAL, seen), new Map());
  assert.deepEqual(await target.observe(SIGNAL), desired);
  const fresh = await policyTableTarget(doors).observe(SIGNAL);
  assert.deepEqual(fresh, desired, 'what is read back is what was written');
  return add.size + change.size;
}

/** Whether a new connection passes, by either transport and family. */
async function speaks(from: string, to: string, port = 8080): Promise<readonly string[]> {
  const passed: string[] = [];
  for (const family of [4, 6] as const) {
    const at = { ip: ipOf(to, family), port, waitMs: 250 };
    const stream = await peers.get(from)?.ask({ kind: 'connect', ...at });
    if (stream?.error === undefined) passed.push(`TCP${family}`);
    const datagram = await peers.get(from)?.ask({ kind: 'send', count: 1, isConnected: false, ...at });
    if (datagram?.error === undefined && datagram?.said.length === 1) passed.push(`UDP${family}`);
  }
  return passed;
}

const ALL = ['TCP4', 'UDP4', 'TCP6', 'UDP6'];

/** "a > b": what passes; by default everything. */
async function expect(asked: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [text, expected] of Object.entries(asked)) {
    const [from = '', to = ''] = text.split(' > ');
    assert.deepEqual(await speaks(from, to), expected, text);
  }
}

function ping(from: string, to: string): boolean {
  try {
    execFileSync('ip', ['netns', 'exec', `${PREFIX}-${from}`, 'ping', '-c1', '-W1', ipOf(to, 4)], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

test('without policies everybody speaks to everybody', async () => {
  await program('');
  await expect({
    'a > b': ALL,
    'b > a': ALL,
    'a > d': ALL,
    'outside > a': ALL,
    'n1 > a': ALL,
    'n2 > a': ALL,
  });
  assert.equal(await program(''), 0);
});

test('a pod that lets one in lets in that one alone, from either node, and its own node', async () => {
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
  );
  await expect({
    'b > a': ALL,
    'c > a': [],
    'd > a': [],
    'outside > a': [],
    'n2 > a': [],
    'n1 > a': ALL,
    'a > b': ALL,
    'a > c': ALL,
  });
  assert.deepEqual([ping('b', 'a'), ping('c', 'a')], [true, false]);
});

test('a pod that goes out to one goes out to that one alone, and to its own node', async () => {
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [ { to: [ { podSelector: { matchLabels: { app: d } } } ] } ] }',
  );
  await expect({ 'a > d': ALL, 'a > b': [], 'b > a': ALL, 'd > a': ALL, 'outside > a': ALL });
  assert.deepEqual([ping('a', 'd'), ping('a', 'b'), ping('a', 'n1')], [true, false, true]);
});

test('ports by number, range and name; what has no ports is another matter', async () => {
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { ports: [ { port: http }, { port: 9000, endPort: 9100 } ] } ] }',
  );
  await expect({ 'b > a': ['TCP4', 'TCP6'], 'd > a': ['TCP4', 'TCP6'], 'outside > a': ['TCP4', 'TCP6'] });
  assert.equal(ping('b', 'a'), false);
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { ports: [ { port: 8000, endPort: 8100, protocol: UDP } ] } ] }',
  );
  await expect({ 'b > a': ['UDP4', 'UDP6'] });
});

test('blocks of addresses, with holes, for pods and for those outside', async () => {
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { ipBlock: { cidr: 10.89.0.0/16 } }, { ipBlock: { cidr: "fd00::/16", except: ["fd00:10:244::/56"] } } ] } ] }',
  );
  await expect({ 'outside > a': ALL, 'b > a': [], 'n2 > a': ALL });
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { ipBlock: { cidr: 10.0.0.0/8, except: [10.89.1.128/25] } } ], ports: [ { port: 8080 } ] } ] }',
  );
  await expect({ 'outside > a': [], 'b > a': ['TCP4'], 'd > a': ['TCP4'] });
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, policyTypes: [Egress], egress: [ { to: [ { ipBlock: { cidr: 10.244.2.0/24 } } ] } ] }',
  );
  await expect({ 'a > b': ['TCP4', 'UDP4'], 'a > d': [] });
});

test('a connection that stands ends with the policy that let it through, in either direction', async () => {
  await program('');
  const at = { socket: 'held', ip: ipOf('a', 4), port: 8080 };
  const hold = async (): Promise<string | undefined> =>
    (await peers.get('b')?.ask({ kind: 'hold', waitMs: 500, ...at } as never))?.error;
  assert.equal(await hold(), undefined);
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
  );
  assert.equal(await hold(), undefined, 'it may go on');
  await program('p: { podSelector: { matchLabels: { app: a } }, ingress: [ ] }');
  assert.notEqual(await hold(), undefined, 'nobody may any more');
  await peers.get('b')?.ask({ kind: 'forget' });
});

test('a flow of datagrams that may not be any more is marked, others are not', async () => {
  await program('');
  for (const from of ['b', 'c']) assert.deepEqual(await speaks(from, 'a'), ALL);
  const [ofB, ofC] = (['b', 'c'] as const).map((name) => [ipOf(name, 4), ipOf(name, 6)]);
  const undenied = async (): Promise<ReadonlySet<string>> => {
    const [from, to] = [new Set([...(ofB ?? []), ...(ofC ?? [])]), [ipOf('a', 4), ipOf('a', 6)]];
    const flows = await conntrackOf('n1').list(
      ({ protocol, original, reply, mark }) =>
        protocol === 17 &&
        (mark & DENIED_FLOW_BIT) === 0 &&
        from.has(original.source) &&
        to.includes(reply.source),
    );
    return new Set(flows.map(({ original }) => original.source as string));
  };
  assert.deepEqual(await undenied(), new Set([...(ofB ?? []), ...(ofC ?? [])]));
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
  );
  assert.deepEqual(await undenied(), new Set(ofB));
});

test('of a flood of denied packets all are counted and some are told', async () => {
  await program('p: { podSelector: { matchLabels: { app: a } }, ingress: [ ] }');
  const told: (DeniedPacket | undefined)[] = [];
  const onPacket = (packet: LoggedPacket): void => void told.push(deniedPacketOf(packet));
  const netns = two.nodeNamed('n1').lab.netns;
  const reader = openNflog({ netns, group: DENIAL_LOG_GROUP, onPacket });
  const socket = createSocket('udp4');
  try {
    const counted = NFTABLES_POLICIES.countDenied?.({ netns, lifetime });
    assert.ok(counted);
    const before = (await counted()).get('ingress') ?? 0n;
    const from = { ip: parseIp(ipOf('d', 4)), port: 0 };
    await new Promise<void>((resolve) =>
      socket.bind({ fd: bindUdp(`/run/netns/${PREFIX}-d`, from) }, () => resolve()),
    );
    const send = (): Promise<void> =>
      new Promise((resolve) => socket.send('x', 8080, ipOf('a', 4), () => resolve()));
    for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 100 }, send));
    // Beside them what the node says on the link of its own accord.
    assert.ok(((await counted()).get('ingress') ?? 0n) - before >= 3000n);
    await eventually(() => assert.ok(told.length > 0));
    assert.ok(told.length < 3000, `${told.length}`);
    const { ip: source } = from;
    const expected = { direction: 'ingress', source, destination: ipOf('a', 4), protocol: 17, port: 8080 };
    for (const packet of told) assert.deepEqual(packet, expected);
  } finally {
    reader.close();
    socket.close();
  }
});

test('a pod that policies do not know reaches its own node and nothing else', async () => {
  await program('', (view) => ({
    ...view,
    pods: new Map([...view.pods].filter(([key]) => key !== 'shop/a')),
  }));
  await expect({ 'a > b': [], 'b > a': [], 'a > d': [], 'n1 > a': ALL });
  assert.equal(ping('a', 'n1'), true);
});

test('policies that change change elements alone', async () => {
  const handle = (): string =>
    /# handle (\d+)/.exec(
      execFileSync(
        'ip',
        ['netns', 'exec', `${PREFIX}-n1`, 'nft', '-a', 'list', 'table', 'inet', 'fairlead-policy'],
        {
          encoding: 'utf8',
        },
      ),
    )?.[1] ?? '';
  await program('');
  const before = handle();
  for (const rule of [
    '{ from: [ { podSelector: { matchLabels: { app: b } } } ] }',
    '{ from: [ { podSelector: {} } ], ports: [ { port: 80 }, { port: 90, endPort: 99, protocol: SCTP } ] }',
    '{ from: [ { ipBlock: { cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.0.2.7/32] } }, { ipBlock: { cidr: "::/0" } } ] }',
    '{ from: [ { ipBlock: { cidr: 0.0.0.0/0, except: [10.0.0.0/9] } } ] }',
  ]) {
    await program(
      `p: { podSelector: { matchLabels: { app: a } }, policyTypes: [Ingress, Egress], ingress: [ ${rule} ], egress: [ ${rule.replace('from', 'to')} ] }`,
    );
    assert.equal(handle(), before, rule);
  }
});

test('a pod of another node that nobody has heard of is known by what its packets carry', async () => {
  const strange = [ipOf('b', 4), ipOf('b', 6), ipOf('c', 4), ipOf('c', 6)];
  await program(
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }',
    (view) => ({
      ...view,
      addresses: new Map([...view.addresses].filter(([cidr]) => !strange.includes(cidr.split('/')[0] ?? ''))),
    }),
  );
  await expect({ 'b > a': ALL, 'c > a': [] });
});

test('a change that comes between a look and ours is no harm', async () => {
  const netns = `/run/netns/${PREFIX}-n1`;
  const door = tables.get('n1');
  assert.ok(door);
  const doors = { tables: door, conntrack: conntrackOf('n1'), place: { netns } };
  const target = policyTableTarget(doors);
  await program('');
  const seen = await target.observe(SIGNAL);
  await applyNft('flush set inet fairlead-policy open-in4\n', { netns });
  const desired = renderPolicies(
    viewOf('n1', objectsOf('p: { podSelector: { matchLabels: { app: a } }, ingress: [ ] }')),
  );
  assert.deepEqual(await target.update(desired, SIGNAL, seen), new Map());
  assert.deepEqual(await policyTableTarget(doors).observe(SIGNAL), desired);
});

test('what somebody else changes is made good, the table is left as it is by a restart, and goes whole', async () => {
  const policies =
    'p: { podSelector: { matchLabels: { app: a } }, ingress: [ { from: [ { podSelector: { matchLabels: { app: b } } } ] } ] }';
  await program(policies);
  const netns = `/run/netns/${PREFIX}-n1`;
  for (const damage of [
    'flush map inet fairlead-policy in4',
    'add element inet fairlead-policy open-in4 { 10.244.1.99 }',
    'flush chain inet fairlead-policy judge',
    'add rule inet fairlead-policy judge accept',
    'delete table inet fairlead-policy',
  ]) {
    await applyNft(`${damage}\n`, { netns });
    assert.equal(await program(policies), 1, damage);
    await expect({ 'b > a': ALL, 'c > a': [] });
  }
  const door = tables.get('n1');
  assert.ok(door);
  const target = policyTableTarget({ tables: door, conntrack: conntrackOf('n1'), place: { netns } });
  await target.delete(await target.observe(SIGNAL), SIGNAL);
  assert.deepEqual(await target.observe(SIGNAL), new Map());
  await expect({ 'c > a': ALL });
  assert.equal(parseIp(ipOf('a', 4)), ipOf('a', 4));
});
