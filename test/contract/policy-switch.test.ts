// From one policy backend to the next, as agents take each other's place: what is allowed goes on, connections that stand among it, and what is denied
// never passes, not for a moment.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { parseIp, type Ip } from '../../src/base/ip.ts';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import type { PolicyInput } from '../../src/backends/shared-node/policy-backend.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import { openTcp } from '../../src/sys/socket.ts';
import { POLICY_CLUSTER, slimPolicyObjects } from '../support/policy-state.ts';
import { switchedPolicies, type RunningPolicies } from './policy-backends.ts';
import { probeAll, serveEverywhere, type Party, type Probe } from './policy-prober.ts';
import { buildPolicyWorld, type PolicyWorld } from './policy-world.ts';

const POD_IPS = [1, 2, 3].map((at) => [parseIp(`10.244.0.${at}`), parseIp(`fd00:244::${at}`)] as const);
const FAR = parseIp('203.0.113.4');
/** Who carries; the others leave. */
const STEPS: readonly (readonly string[])[] = [
  ['ebpf', 'nftables'],
  ['nftables'],
  ['nftables', 'iptables'],
  ['iptables'],
  ['iptables', 'ebpf'],
  ['ebpf'],
  ['ebpf', 'iptables'],
  ['iptables'],
  ['iptables', 'nftables'],
  ['nftables'],
  ['nftables', 'ebpf'],
  ['ebpf'],
];

const lifetime = new Lifetime('switch of policies');
let world: PolicyWorld;
let running: RunningPolicies;

before(async () => {
  const pods = new Map(POD_IPS.map((ips) => [ips[0], ips]));
  world = buildPolicyWorld({ pods, nodeIps: [parseIp('192.0.2.1')], far: [FAR] }, lifetime);
  const parties = POD_IPS.flatMap((_, at) => [partyOf(at, 0), partyOf(at, 1)]);
  await serveEverywhere(parties, { TCP: [80], UDP: [80] }, lifetime);
  running = await switchedPolicies(world, lifetime);
});
after(() => lifetime.close());

function partyOf(pod: number, family: 0 | 1): Party {
  const ips = POD_IPS[pod];
  assert.ok(ips);
  return { netns: world.pods.get(ips[0])?.netns ?? '', ip: ips[family] };
}

/** Pod 0 lets in pod 1 alone. */
function policies(): NodePolicies {
  const pods = POD_IPS.map((ips, at) => ({
    metadata: { namespace: 'a', name: `pod${at}`, uid: `u${at}`, labels: { app: `app${at}` } },
    spec: { nodeName: 'n1', containers: [] },
    status: { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) },
  }));
  const from = [{ podSelector: { matchLabels: { app: 'app1' } } }];
  const spec = { podSelector: { matchLabels: { app: 'app0' } }, ingress: [{ from }] };
  const objects = slimPolicyObjects({
    nodes: [
      { metadata: { name: 'n1' }, status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] } },
    ],
    namespaces: [{ metadata: { name: 'a' } }],
    pods,
    networkPolicies: [{ metadata: { namespace: 'a', name: 'p' }, spec }],
    clusterNetworkPolicies: [],
  });
  return new PolicyCompiler({ nodeName: 'n1', cluster: POLICY_CLUSTER }).compile(objects);
}

function probes(): readonly Probe[] {
  const far: Party = { netns: world.farNetns, ip: FAR };
  return (['TCP', 'UDP'] as const).flatMap((protocol) => [
    ...([0, 1] as const).flatMap((family) => [
      { from: partyOf(1, family), to: partyOf(0, family), protocol, port: 80, isExpected: true },
      { from: partyOf(2, family), to: partyOf(0, family), protocol, port: 80, isExpected: false },
    ]),
    { from: far, to: partyOf(0, 0), protocol, port: 80, isExpected: false },
  ]);
}

interface Held {
  /** Rejects where nothing comes back. */
  say(): Promise<void>;
  end(): void;
}

async function holdConnection(from: Party, to: Ip): Promise<Held> {
  const socket = new net.Socket({ fd: openTcp(from.netns, 4) });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.connect({ host: to, port: 80, localAddress: from.ip }, resolve);
  });
  return {
    say: () =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('nothing came back')), 5_000);
        socket.once('data', () => {
          clearTimeout(timer);
          resolve();
        });
        socket.write('x');
      }),
    end: () => void socket.destroy(),
  };
}

function rolesAt(carriers: readonly string[]): PolicyInput['policyRoles'] {
  return new Map(
    POLICY_BACKENDS.map(({ name }) => [name, carriers.includes(name) ? 'carry' : 'leave'] as const),
  );
}

test('from one to the other and back nothing opens and nothing ends', async () => {
  const wanted = policies();
  await running.apply(wanted);
  const held = await holdConnection(partyOf(1, 0), partyOf(0, 0).ip);
  lifetime.defer('held connection', () => held.end());
  let isOver = false;
  const wrong: Probe[] = [];
  const watch = async (): Promise<void> => {
    while (!isOver) {
      const asked = probes();
      const answers = await probeAll(asked);
      wrong.push(...asked.filter(({ isExpected }, at) => isExpected !== answers[at]));
    }
  };
  const watching = watch();
  for (const step of STEPS) {
    await running.apply(wanted, rolesAt(step));
    await held.say();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await held.say();
  }
  isOver = true;
  await watching;
  assert.deepEqual(wrong, []);
});
