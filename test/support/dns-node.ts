// A node with an agent and a DNS process that it feeds, and pods on it that ask.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { AgentConfigFile } from '../../src/agent/config.ts';
import type { Lifetime } from '../../src/base/lifetime.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { CONFIG_MAPS, NETWORK_POLICIES, NODES, PODS } from '../../src/kube/resource.ts';
import { makeAgentNode, type AgentNode, type AgentProcess } from './agent-node.ts';
import { openTestApi } from './api-server.ts';
import { attachPod } from './attach-pod.ts';
import { startDnsProcess, type DnsProcess } from './dns-process.ts';
import { eventually } from './eventually.ts';
import { startRelay } from './relay.ts';

export const READY_MS = 15_000;

export interface DnsNodeOptions {
  readonly prefix: string;
  readonly listen: readonly string[];
  readonly config?: Partial<AgentConfigFile>;
  /** Who keeps policies. */
  readonly policy: string;
  /** What stands in the API beside the node before the agent starts. */
  readonly put: (api: KubeClient) => Promise<void>;
}

export interface DnsNode {
  readonly api: KubeClient;
  readonly node: AgentNode;
  readonly feedSocket: string;
  /** The running ones; whoever starts others sets them here. */
  agent: AgentProcess;
  dns: DnsProcess;
  startDns(): DnsProcess;
  /** Resolves when the agent is. */
  isReady(): Promise<void>;
  /** Resolves when the newest policies are in the kernel. */
  isProgrammed(): Promise<void>;
  /** The pod default/client, in a namespace of its own. */
  addPod(netns: string): Promise<void>;
}

/** Everything ends with `lifetime`. */
export async function openDnsNode(
  { prefix, listen, config = {}, policy, put }: DnsNodeOptions,
  lifetime: Lifetime,
): Promise<DnsNode> {
  const { files, port, client: api } = await openTestApi(lifetime);
  await putNode(api, policy);
  await put(api);
  const kubeconfigFor = async (of: string): Promise<string> => {
    const relay = lifetime.own('relay', await startRelay(of, port), (it) => it.close());
    return files.kubeconfig(relay.port);
  };
  const folder = lifetime.own('DNS folder', mkdtempSync(`${tmpdir()}/${prefix}-dns-`), (it) =>
    rmSync(it, { recursive: true }),
  );
  const feedSocket = `${folder}/dns.sock`;
  const dnsConfig = {
    listen,
    zoneFile: `${folder}/zone.json`,
    feedSocket,
    clusterDomain: 'cluster.local',
    upstreams: [],
  };
  const node = await makeAgentNode(
    { prefix, name: 'a', config: { ...config, dnsSocket: feedSocket } },
    kubeconfigFor,
    lifetime,
  );
  const startDns = (): DnsProcess => startDnsProcess(`${folder}/dns.json`, dnsConfig, node.netns);
  const dns = startDns();
  const it: DnsNode = {
    api,
    node,
    feedSocket,
    dns,
    agent: node.start(),
    startDns,
    isReady: () =>
      eventually(async () => {
        const { code, body } = await node.ask('/readyz');
        assert.equal(code, 200, `${body}\n${it.agent.log()}`);
      }, READY_MS),
    isProgrammed: async () => {
      const { resourceVersion } = await api.list(NETWORK_POLICIES, { namespace: 'default' });
      await eventually(async () => {
        const { programmed } = await node.status();
        assert.ok(Number(programmed['NetworkPolicy']) >= Number(resourceVersion), JSON.stringify(programmed));
      }, READY_MS);
    },
    addPod: async (netns) => {
      const metadata = { namespace: 'default', name: 'client' };
      const spec = { nodeName: 'a', containers: [{ name: 'it', image: 'it' }] };
      const made = await api.create(PODS, { metadata: { ...metadata, labels: { app: 'client' } }, spec });
      const status = await attachPod(node, { netns, ...metadata, uid: made.metadata?.uid }, lifetime);
      await api.patchStatus(PODS, metadata, { status });
    },
  };
  lifetime.defer('DNS process', async () => void (await it.dns.end('SIGKILL')));
  await it.isReady();
  return it;
}

async function putNode(api: KubeClient, policy: string): Promise<void> {
  await api.create(CONFIG_MAPS, {
    metadata: { namespace: 'kube-system', name: 'fairlead' },
    data: { policy },
  });
  const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
  await api.create(NODES, { metadata: { name: 'a' }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
  const addresses = ['10.89.1.11', 'fd00:10:89:1::b'].map((address) => ({ type: 'InternalIP', address }));
  await api.patchStatus(NODES, { name: 'a' }, { status: { addresses } });
}
