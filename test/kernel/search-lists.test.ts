// The DNS of a node as its pods see it, above all by their search lists: pods of two namespaces ask as glibc and musl do; what reaches the DNS process and its upstream is counted.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { NODE_LOCAL_DNS } from '../../src/base/node-local-dns.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { ClientTally } from '../../src/dns/client-tallies.ts';
import type { Explanation } from '../../src/dns/explain.ts';
import { inspectSocketOf } from '../../src/dns/inspect-socket.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { ENDPOINT_SLICES, NAMESPACES, NODES, PODS, SERVICES } from '../../src/kube/resource.ts';
import { getJson } from '../../src/lab/cluster/unix-http.ts';
import { createNetns, deleteNetns, inNetns } from '../../src/sys/netns.ts';
import { runProgram } from '../../src/sys/process.ts';
import { makeAgentNode, type AgentNode } from '../support/agent-node.ts';
import { openTestApi } from '../support/api-server.ts';
import { runCni } from '../support/cni-executable.ts';
import { startDnsProcess } from '../support/dns-process.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';
import { makeOutsideWorld, OUTSIDE_GATEWAYS } from '../support/outside-world.ts';
import { startRelay } from '../support/relay.ts';

const PREFIX = ownName('search');
const READY_MS = 15_000;
const DNS = '10.96.0.10';
const METRICS_PORT = 9153;
/** Endpoints of a headless Service. */
const MANY = 60;
const SOURCE = new URL('../support/lookup.c', import.meta.url).pathname;
/** The two C libraries that containers have; one asks for both families in turn, the other at once. */
const LIBRARIES = { glibc: 'gcc', musl: 'musl-gcc' } as const;

const lifetime = new Lifetime('search lists');
let clean: LeakSnapshot;
let api: KubeClient;
let node: AgentNode;
let folder = '';
/** Questions that came to the upstream, as "name type". */
const upstream: string[] = [];

interface TestPod {
  readonly netns: string;
  readonly namespace: string;
}

async function attach({ netns, namespace }: TestPod, uid: string): Promise<void> {
  const result = await runCni({
    command: 'ADD',
    containerId: namespace,
    netns,
    ifname: 'eth0',
    args: `K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=client;K8S_POD_UID=${uid}`,
    config: { cniVersion: '1.1.0', name: 'fairlead', type: 'fairlead-cni', socket: node.config.cniSocket },
  });
  assert.equal(result.code, 0, result.stdout);
}

/** Attached as a container runtime does it. */
async function addPod(namespace: string): Promise<TestPod> {
  const pod = { netns: `/run/netns/${PREFIX}-${namespace}`, namespace };
  createNetns(pod.netns);
  lifetime.defer(pod.netns, () => deleteNetns(pod.netns));
  const spec = { nodeName: 'a', containers: [{ name: 'it', image: 'it' }] };
  const { metadata } = await api.create(PODS, { metadata: { namespace, name: 'client' }, spec });
  await attach(pod, metadata?.uid ?? '');
  return pod;
}

/** As a container has it, with the resolv.conf that kubelet writes. */
async function lookup({ netns, namespace }: TestPod, library: keyof typeof LIBRARIES, name: string) {
  const file = `${folder}/resolv.conf`;
  const search = `${namespace}.svc.cluster.local svc.cluster.local cluster.local`;
  writeFileSync(file, `search ${search}\nnameserver ${DNS}\noptions ndots:5 timeout:3\n`);
  const script = `mount --bind ${file} /etc/resolv.conf && { ${folder}/${library} ${name} || true; }`;
  const before = requests();
  upstream.length = 0;
  const { stdout } = await runProgram('unshare', ['--mount', 'sh', '-c', script], { netns });
  return {
    ips: stdout
      .split('\n')
      .filter((it) => it !== '')
      .sort(),
    requests: requests() - before,
    upstream: upstream.toSorted(),
  };
}

/** Questions that the DNS process has answered so far: of what the kernel answers, no time is counted. */
function requests(): number {
  const text = node.run('wget', '-qO-', `http://127.0.0.1:${METRICS_PORT}/metrics`);
  const counts = [...text.matchAll(/^coredns_dns_request_duration_seconds_count\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

function inspect(where: string): Promise<unknown> {
  return getJson(inspectSocketOf(`${folder}/dns.sock`), where, AbortSignal.timeout(READY_MS));
}

async function startNode(): Promise<void> {
  const { files, port, client } = await openTestApi(lifetime);
  api = client;
  const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
  await api.create(NODES, { metadata: { name: 'a' }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
  const addresses = ['10.89.1.11', 'fd00:10:89:1::b'].map((address) => ({ type: 'InternalIP', address }));
  await api.patchStatus(NODES, { name: 'a' }, { status: { addresses } });
  for (const name of ['shop', 'bank', 'stranger']) await api.create(NAMESPACES, { metadata: { name } });
  for (const [namespace, name, clusterIP] of [
    ['kube-system', 'kube-dns', DNS],
    ['bank', 'api', '10.96.0.77'],
  ] as const)
    await api.create(SERVICES, {
      metadata: { namespace, name },
      spec: { clusterIP, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
    });
  await api.create(SERVICES, {
    metadata: { namespace: 'bank', name: 'many' },
    spec: { clusterIP: 'None', ports: [{ port: 80 }] },
  });
  await api.create(ENDPOINT_SLICES, {
    metadata: { namespace: 'bank', name: 'many', labels: { 'kubernetes.io/service-name': 'many' } },
    addressType: 'IPv4',
    ports: [],
    endpoints: Array.from({ length: MANY }, (_, i) => ({ addresses: [`10.244.9.${i}`] })),
  });
  const kubeconfigFor = async (netns: string): Promise<string> => {
    const relay = lifetime.own('relay', await startRelay(netns, port), (it) => it.close());
    return files.kubeconfig(relay.port);
  };
  folder = lifetime.own('folder', mkdtempSync(`${tmpdir()}/${PREFIX}-`), (it) =>
    rmSync(it, { recursive: true }),
  );
  const feedSocket = `${folder}/dns.sock`;
  const config = { dnsSocket: feedSocket, resolvConf: `${folder}/none`, nodeLocalDnsIps: NODE_LOCAL_DNS };
  node = await makeAgentNode({ prefix: PREFIX, name: 'a', config }, kubeconfigFor, lifetime);
  const world = await makeOutsideWorld(node, { prefix: PREFIX, prefixes: [] }, lifetime);
  // Whoever knows the way may ask a node for names.
  inNetns(world.netns, () => spawnSync('ip', ['route', 'add', DNS, 'via', '10.89.1.11']));
  world.answer = (name, type) => {
    upstream.push(`${name} ${type}`);
    if (type === 'A') return { ips: ['198.51.100.7'], ttlS: 0 };
    return type === 'AAAA' ? { ips: ['2001:db8:51::7'], ttlS: 0 } : undefined;
  };
  const dns = startDnsProcess(
    `${folder}/dns.json`,
    {
      listen: [DNS, ...NODE_LOCAL_DNS],
      zoneFile: `${folder}/zone.json`,
      feedSocket,
      clusterDomain: 'cluster.local',
      upstreams: [OUTSIDE_GATEWAYS[4]],
      metricsPort: METRICS_PORT,
    },
    node.netns,
  );
  lifetime.defer('DNS process', async () => void (await dns.end('SIGKILL')));
  const agent = node.start();
  await eventually(async () => {
    const { code, body } = await node.ask('/readyz');
    assert.equal(code, 200, `${body}\n${agent.log()}`);
  }, READY_MS);
}

describe('search lists of pods', () => {
  let shop: TestPod;

  before(async () => {
    clean = await takeSnapshot({ prefix: PREFIX });
    await startNode();
    for (const [library, compiler] of Object.entries(LIBRARIES)) {
      const built = spawnSync(compiler, ['-o', `${folder}/${library}`, SOURCE], { encoding: 'utf8' });
      assert.equal(built.status, 0, built.stderr);
    }
    shop = await addPod('shop');
  });

  after(async () => {
    await lifetime.close();
    await assertNoLeaks(clean, { prefix: PREFIX });
  });

  for (const library of ['glibc', 'musl'] as const) {
    test(`${library}: a name of the outside costs one question per family, to the node and to its upstream`, async () => {
      // The lists come a moment after the pod.
      await eventually(async () => {
        assert.deepEqual(await lookup(shop, library, 'www.example.com'), {
          ips: ['198.51.100.7', '2001:db8:51::7'],
          requests: 2,
          upstream: ['www.example.com A', 'www.example.com AAAA'],
        });
      });
    });

    test(`${library}: a Service of another namespace costs one question per family, and the upstream none`, async () => {
      const found = await lookup(shop, library, 'api.bank');
      assert.deepEqual(found, { ips: ['10.96.0.77'], requests: 2, upstream: [] });
    });
  }

  for (const server of NODE_LOCAL_DNS)
    test(`a pod may ask at ${server}`, async () => {
      const args = ['+short', '+tries=1', '+time=3', `@${server}`, 'api.bank.svc.cluster.local', 'A'];
      for (const transport of ['+notcp', '+tcp']) {
        // The process finds an address that the agent has just put there when it looks again, up to a second later.
        await eventually(async () => {
          const { stdout } = await runProgram('dig', [transport, ...args], { netns: shop.netns });
          assert.equal(stdout.trim(), '10.96.0.77');
        });
      }
    });

  for (const library of ['glibc', 'musl'] as const)
    test(`${library}: who is not known gets a part of a long answer by UDP, and the rest by TCP where it asks`, async () => {
      const stranger = { netns: `/run/netns/${PREFIX}-outside`, namespace: 'bank' };
      const ips = (await lookup(stranger, library, 'many.bank.svc.cluster.local.')).ips;
      const own = (await lookup(shop, library, 'many.bank.svc.cluster.local.')).ips;
      assert.ok(own.length >= 29, `${own.length} addresses for a pod of the node`);
      if (library === 'glibc') assert.equal(ips.length, MANY);
      // Before musl 1.2.4 it knows no TCP.
      else assert.ok(ips.length > 0, `${ips.length} addresses`);
    });

  test('its node tells what it asked, and what was spared to it', async () => {
    const tallies = (await inspect('/top')) as readonly ClientTally[];
    const own = tallies.find(({ names }) => names.some((it) => it.name.startsWith('api.bank.shop.')));
    assert.ok(own !== undefined && own.completed >= 8, JSON.stringify(own));
    const explained = await inspect(`/explain?name=api.bank&searched=yes&client=${own.client}`);
    assert.deepEqual((explained as Explanation).answers, [
      'api.bank.shop.svc.cluster.local 5 CNAME api.bank.svc.cluster.local',
      'api.bank.svc.cluster.local 5 A 10.96.0.77',
    ]);
  });

  test('a pod whose questions are not of its own list is answered as ever, in as many trips', async () => {
    const stranger = { ...(await addPod('stranger')), namespace: 'shop' };
    const { ips, requests: asked } = await lookup(stranger, 'musl', 'www.example.com');
    assert.deepEqual(ips, ['198.51.100.7', '2001:db8:51::7']);
    assert.equal(asked, 8, 'three domains and the name alone, in both families');
  });
});
