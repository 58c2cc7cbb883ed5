// Fairlead behind the reference plugins `ptp` and `bridge`: the agent as a process, a list of plugins called as a runtime calls it, policies from the first
// packet on; and what cannot be kept across a bridge is refused.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, suite, test } from 'node:test';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { CONFIG_MAPS, IDENTITIES, NETWORK_POLICIES, NODES, PODS } from '../../src/kube/resource.ts';
import { CLUSTER_SETTINGS } from '../../src/objects/cluster-settings.ts';
import { FIRST_IDENTITY } from '../../src/objects/identity.ts';
import { probeAll, serveEverywhere, type Party, type Probe } from '../contract/policy-prober.ts';
import { makeNetns } from '../contract/service-netns.ts';
import { makeAgentNode, type AgentNode, type AgentProcess } from '../support/agent-node.ts';
import { openTestApi } from '../support/api-server.ts';
import {
  addByConflist,
  deleteByConflist,
  type Conflist,
  type ConflistResult,
} from '../support/cni-conflist.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { startRelay } from '../support/relay.ts';

const PREFIX = ownName('chn');
const READY_MS = 20_000;
/** How long after the call of ADD its pod is known: less than the agent waits for it, more than ADD takes otherwise. */
const LATE_MS = 1_000;
const SUBNETS = [
  ['10.244.1.0/24', '10.244.1.254', '0.0.0.0/0'],
  ['fd00:10:244:1::/64', 'fd00:10:244:1::fe', '::/0'],
] as const;

interface AddedPod {
  readonly name: string;
  readonly netns: string;
  readonly parties: readonly Party[];
}

let lifetime: Lifetime;
let client: KubeClient;
let node: AgentNode;
let agent: AgentProcess;
let clean: LeakSnapshot;

before(async () => {
  clean = await takeSnapshot({ prefix: PREFIX });
  lifetime = new Lifetime('test');
  const { files, port, client: opened } = await openTestApi(lifetime);
  client = opened;
  const podCIDRs = SUBNETS.map(([subnet]) => subnet);
  await client.create(NODES, { metadata: { name: 'a' }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
  const addresses = [{ type: 'InternalIP', address: '10.89.1.11' }];
  await client.patchStatus(NODES, { name: 'a' }, { status: { addresses } });
  for (const [at, app] of ['server', 'friend', 'stranger'].entries())
    await client.create(IDENTITIES, {
      metadata: { name: String(FIRST_IDENTITY + at) },
      spec: { namespace: 'default', labels: { app } },
    });
  const ingress = [{ from: [{ podSelector: { matchLabels: { app: 'friend' } } }] }];
  const podSelector = { matchLabels: { app: 'server' } };
  await client.create(NETWORK_POLICIES, {
    metadata: { namespace: 'default', name: 'server' },
    spec: { podSelector, policyTypes: ['Ingress'], ingress },
  });
  const kubeconfigFor = async (netns: string): Promise<string> => {
    const relay = lifetime.own('relay', await startRelay(netns, port), (it) => it.close());
    return files.kubeconfig(relay.port);
  };
  node = await makeAgentNode({ prefix: PREFIX, name: 'a' }, kubeconfigFor, lifetime);
  agent = node.start();
  await isReady();
});
after(async () => {
  await lifetime.close();
  await assertNoLeaks(clean, { prefix: PREFIX });
});

async function isReady(): Promise<void> {
  await eventually(async () => {
    const { code, body } = await node.ask('/readyz');
    assert.equal(code, 200, `${body}\n${agent.log()}`);
  }, READY_MS);
}

async function set(policy: string): Promise<void> {
  const metadata = { ...CLUSTER_SETTINGS };
  const there = await client.list(CONFIG_MAPS, { namespace: metadata.namespace });
  const data = { policy };
  if (there.items.some((it) => it.metadata.name === metadata.name))
    await client.patch(CONFIG_MAPS, CLUSTER_SETTINGS, { data }, { type: 'merge', fieldManager: 'test' });
  else await client.create(CONFIG_MAPS, { metadata, data });
}

async function keepBy(policy: string): Promise<void> {
  await set(policy);
  await eventually(async () => {
    const { policies, engine } = await node.status();
    assert.deepEqual([policies.carrier, policies.next, policies.problem], [policy, undefined, undefined]);
    assert.ok(engine.isConverged);
  }, READY_MS);
}

function conflistOf(plugin: 'ptp' | 'bridge'): Conflist {
  const ipam = {
    type: 'host-local',
    dataDir: `${node.folder}/host-local`,
    ranges: SUBNETS.map(([subnet, gateway]) => [{ subnet, gateway }]),
    routes: SUBNETS.map(([, , dst]) => ({ dst })),
  };
  const bridge = plugin === 'bridge' && { bridge: 'cni0', isGateway: true };
  const plugins = [
    { type: plugin, ...bridge, ipam },
    { type: 'fairlead-cni', socket: node.config.cniSocket },
  ];
  return { cniVersion: '1.0.0', name: 'chain', plugins };
}

/** As the API has it when the scheduler has chosen. */
async function putPod(name: string): Promise<void> {
  const metadata = { namespace: 'default', name, labels: { app: name } };
  await client.create(PODS, {
    metadata,
    spec: { nodeName: 'a', containers: [{ name: 'it', image: 'it' }] },
  });
}

function makePodNetns(name: string, own: Lifetime): string {
  const netns = `${PREFIX}-${name}`;
  makeNetns(netns, own);
  // Whoever serves at once cannot wait for addresses that are looked for.
  execFileSync('ip', ['netns', 'exec', netns, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0']);
  return `/run/netns/${netns}`;
}

/** Pods that stand, from the begin of their ADD on. */
const standing = new Set<() => Promise<void>>();

async function removeAll(): Promise<void> {
  for (const remove of standing) {
    standing.delete(remove);
    await remove();
  }
}

/** Resolves when ADD has answered, and the API knows the addresses. */
async function addPod(plugin: 'ptp' | 'bridge', name: string): Promise<AddedPod> {
  await putPod(name);
  return attach(plugin, name, (adding) => adding);
}

/** The API knows the pod a while after the call of ADD, which must not have answered before. */
async function addUnknownPod(plugin: 'ptp' | 'bridge', name: string): Promise<AddedPod> {
  return attach(plugin, name, async (adding) => {
    const events: string[] = [];
    const put = new Promise((resolve) => setTimeout(resolve, LATE_MS)).then(async () => {
      events.push('the pod is known');
      await putPod(name);
    });
    const result = await adding;
    events.push('ADD answers');
    await put;
    assert.deepEqual(events, ['the pod is known', 'ADD answers']);
    return result;
  });
}

async function attach(
  plugin: 'ptp' | 'bridge',
  name: string,
  wait: (adding: Promise<ConflistResult>) => Promise<ConflistResult>,
): Promise<AddedPod> {
  const containerId = `${plugin}-${name}-${standing.size}`;
  const own = new Lifetime(containerId);
  const netns = makePodNetns(containerId, own);
  const conflist = conflistOf(plugin);
  // As runtimes do it: the reference plugins know of no pods.
  const args = `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=`;
  const call = { nodeNetns: node.netns, containerId, netns, args };
  const adding = addByConflist(conflist, call);
  standing.add(async () => {
    await deleteByConflist(conflist, call, await adding.catch(() => undefined));
    await client.delete(PODS, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
    await own.close();
  });
  const result = await wait(adding);
  const ips = result.ips.map((it) => parseIp(it.address.split('/')[0] ?? ''));
  const podIPs = ips.map((ip) => ({ ip }));
  await client.patchStatus(PODS, { namespace: 'default', name }, { status: { phase: 'Running', podIPs } });
  return { name, netns, parties: ips.map((ip) => ({ netns, ip })) };
}

/** Which families of both protocols pass at once, without a second try. */
async function passes(from: AddedPod, to: AddedPod, isExpected: boolean): Promise<readonly boolean[]> {
  const probes = from.parties.flatMap((party, family): readonly Probe[] => {
    const other = to.parties[family];
    assert.ok(other);
    return (['TCP', 'UDP'] as const).map((protocol) => {
      return { from: party, to: other, protocol, port: 80, isExpected };
    });
  });
  return probeAll(probes);
}

const [ALL, NONE] = [
  [true, true, true, true],
  [false, false, false, false],
];

for (const [plugin, policy] of [
  ['ptp', 'ebpf'],
  ['ptp', 'nftables'],
  ['bridge', 'ebpf'],
] as const)
  suite(`behind ${plugin}, policies by ${policy}`, () => {
    before(() => keepBy(policy));
    after(async () => {
      await removeAll();
      await eventually(async () => {
        const { engine } = await node.status();
        const links = engine.targets.find((it) => it.name === 'policy-pods');
        assert.equal(links?.observedCount, 0, 'the data path is off');
      });
    });

    test('ADD answers when the policies of the pod are in force, and its first packets meet them', async () => {
      const served = new Lifetime('servers');
      try {
        const friend = await addPod(plugin, 'friend');
        const stranger = await addPod(plugin, 'stranger');
        const server = await addUnknownPod(plugin, 'server');
        await serveEverywhere(server.parties, { TCP: [80], UDP: [80] }, served);
        assert.deepEqual(await passes(stranger, server, false), NONE);
        assert.deepEqual(await passes(friend, server, true), ALL);
      } finally {
        await served.close();
      }
    });
  });

suite('what cannot be kept across a bridge', () => {
  after(removeAll);

  test('ADD behind bridge is refused where nftables keeps policies, and names link and bridge', async () => {
    await keepBy('nftables');
    await assert.rejects(
      addPod('bridge', 'early'),
      /"code":104.*veth\w+ to policies: it is a port of cni0, where policies by nftables are not asked/s,
    );
  });

  test('nftables is refused where pods stand behind bridge, and what keeps them goes on, agent anew or not', async () => {
    await keepBy('ebpf');
    const served = new Lifetime('servers');
    try {
      const server = await addPod('bridge', 'server');
      const stranger = await addPod('bridge', 'stranger');
      await serveEverywhere(server.parties, { TCP: [80], UDP: [80] }, served);
      await set('nftables');
      const isRefused = async (): Promise<void> => {
        const { policies } = await node.status();
        assert.match(policies.problem ?? '', /port of cni0, where nftables is not asked/);
        assert.deepEqual([policies.carrier, policies.next], ['ebpf', undefined]);
      };
      await eventually(isRefused);
      assert.deepEqual(await passes(stranger, server, false), NONE);
      await agent.end('SIGKILL');
      assert.deepEqual(await passes(stranger, server, false), NONE);
      agent = node.start();
      await isReady();
      await eventually(isRefused);
      assert.deepEqual(await passes(stranger, server, false), NONE);
      await removeAll();
      await keepBy('nftables');
    } finally {
      await served.close();
    }
  });
});
