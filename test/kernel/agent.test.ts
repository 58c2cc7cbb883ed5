// The agent process in a namespace, against the embedded API server: it programs, repairs, restarts and outlives.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { CONFIG_MAPS, ENDPOINT_SLICES, EVENTS, NODES, SERVICES } from '../../src/kube/resource.ts';
import { createNetns, deleteNetns, inNetns } from '../../src/sys/netns.ts';
import { makeAgentNode, type AgentNode, type AgentProcess } from '../support/agent-node.ts';
import { openTestApi } from '../support/api-server.ts';
import { runCni } from '../support/cni-executable.ts';
import { startDnsProcess, type DnsProcess } from '../support/dns-process.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { connectAllTheTime, echoServer, fetchAsPod } from '../support/node-traffic.ts';
import { startRelay, type Relay } from '../support/relay.ts';
import { ownName } from '../support/own-name.ts';

const PREFIX = ownName('agent');
const READY_MS = 15_000;

let lifetime: Lifetime;
let client: KubeClient;
let relay: Relay;
let node: AgentNode;
let agent: AgentProcess;
let dns: DnsProcess;
let clean: LeakSnapshot;

before(async () => {
  clean = await takeSnapshot({ prefix: PREFIX });
  lifetime = new Lifetime('test');
  const { files, port, client: opened } = await openTestApi(lifetime);
  client = opened;
  await putObjects();
  const kubeconfigFor = async (netns: string): Promise<string> => {
    relay = lifetime.own('relay', await startRelay(netns, port), (it) => it.close());
    return files.kubeconfig(relay.port);
  };
  const folder = lifetime.own('DNS folder', mkdtempSync(`${tmpdir()}/${PREFIX}-dns-`), (it) =>
    rmSync(it, { recursive: true }),
  );
  const feedSocket = `${folder}/dns.sock`;
  const config = { resyncMs: 1_000, dnsSocket: feedSocket };
  node = await makeAgentNode({ prefix: PREFIX, name: 'a', config }, kubeconfigFor, lifetime);
  const dnsConfig = {
    listen: ['10.96.0.10', 'fd00:10:96::a'],
    zoneFile: `${folder}/zone.json`,
    feedSocket,
    clusterDomain: 'cluster.local',
    upstreams: [],
  };
  dns = startDnsProcess(`${folder}/dns.json`, dnsConfig, node.netns);
  lifetime.defer('DNS process', async () => void (await dns.end('SIGKILL')));
  agent = node.start();
  await isReady();
});

after(async () => {
  await lifetime.close();
  await assertNoLeaks(clean, { prefix: PREFIX });
});

async function putNode(name: string, index: number): Promise<void> {
  const podCIDRs = [`10.244.${index}.0/24`, `fd00:10:244:${index}::/64`];
  await client.create(NODES, { metadata: { name }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
  const addresses = [
    { type: 'InternalIP', address: `10.89.1.1${index}` },
    { type: 'InternalIP', address: `fd00:10:89:1::${(10 + index).toString(16)}` },
  ];
  await client.patchStatus(NODES, { name }, { status: { addresses } });
}

async function putService(name: string, ip: string, endpoints: readonly string[]): Promise<void> {
  const metadata = { namespace: 'default', name };
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  await client.create(SERVICES, { metadata, spec: { clusterIP: ip, clusterIPs: [ip], ports } });
  await client.create(ENDPOINT_SLICES, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  });
}

async function putObjects(): Promise<void> {
  await putNode('a', 1);
  await putNode('b', 2);
  await putService('web', '10.96.0.7', ['10.89.1.11']);
  const clusterIPs = ['10.96.0.10', 'fd00:10:96::a'];
  await client.create(SERVICES, {
    metadata: { namespace: 'kube-system', name: 'kube-dns' },
    spec: {
      clusterIP: '10.96.0.10',
      clusterIPs,
      ipFamilyPolicy: 'RequireDualStack',
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    },
  });
}

async function isReady(): Promise<void> {
  await eventually(async () => {
    const { code, body } = await node.ask('/readyz');
    assert.equal(code, 200, `${body}\n${agent.log()}`);
  }, READY_MS);
}

/** Attaches a namespace of its own to the node as a container runtime does. */
async function addPod(name: string): Promise<{ readonly ip: string; remove(): Promise<void> }> {
  const netns = `/run/netns/${PREFIX}-pod-${name}`;
  createNetns(netns);
  lifetime.defer('pod namespace', () => deleteNetns(netns));
  const call = {
    containerId: name,
    netns,
    ifname: 'eth0',
    args: `K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name};K8S_POD_UID=u-${name}`,
    config: { cniVersion: '1.1.0', name: 'fairlead', type: 'fairlead-cni', socket: node.config.cniSocket },
  };
  const added = await runCni({ ...call, command: 'ADD' });
  assert.equal(added.code, 0, added.stdout);
  const ips = added.json?.['ips'] as readonly { readonly address: string }[];
  return {
    ip: ips[0]?.address.split('/')[0] ?? '',
    remove: async () => {
      const removed = await runCni({ ...call, command: 'DEL' });
      assert.equal(removed.code, 0, removed.stdout);
    },
  };
}

/** Lines that `ip monitor` prints while `work` runs: every route, neighbour, address and link change in the namespace. */
async function changesDuring(work: () => Promise<void>): Promise<readonly string[]> {
  const launch = (): ChildProcess =>
    spawn('ip', ['-o', 'monitor', 'link', 'address', 'route', 'neigh'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const monitor = inNetns(node.netns, launch);
  let lines = '';
  monitor.stdout?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const ended = new Promise((resolve) => monitor.once('close', resolve));
  // It says what it sees only once it listens: make it see something.
  await eventually(() => {
    node.run(
      'ip',
      'address',
      'replace',
      '192.0.2.1/32',
      'dev',
      'wire',
      'valid_lft',
      '1000',
      'preferred_lft',
      '1000',
    );
    return lines !== '';
  });
  node.run('ip', 'address', 'del', '192.0.2.1/32', 'dev', 'wire');
  await work();
  await new Promise((resolve) => setTimeout(resolve, 300));
  monitor.kill();
  await ended;
  // The kernel's own duplicate address detection on eth0 may end meanwhile.
  return lines.split('\n').filter((line) => line !== '' && !/192\.0\.2\.1|fe80::/.test(line));
}

test('the agent programs routes, neighbours, addresses, masquerade and Services', async () => {
  assert.match(
    node.run('ip', 'route'),
    /10\.244\.2\.0\/24 via 10\.244\.2\.0 dev fairlead\.vx proto 76 .*onlink/,
  );
  assert.match(node.run('ip', '-6', 'route'), /fd00:10:244:2::\/64 .*fairlead\.vx.* proto 76/);
  assert.match(node.run('ip', 'neigh', 'show', 'dev', 'fairlead.vx'), /10\.244\.2\.0 lladdr .* PERMANENT/);
  assert.match(node.run('bridge', 'fdb', 'show', 'dev', 'fairlead.vx'), /dst 10\.89\.1\.12/);
  assert.match(node.run('ip', 'address', 'show', 'dev', 'lo'), /10\.96\.0\.10\/32[^]*fd00:10:96::a\/128/);
  assert.match(node.run('nft', 'list', 'table', 'inet', 'fairlead-masquerade'), /10\.244\.1\.0\/24/);
  assert.equal(node.run('sysctl', '-n', 'net.ipv4.ip_forward').trim(), '1');
  const server = createServer((it) => it.end('hello'));
  inNetns(node.netns, () => void server.listen(8080));
  try {
    assert.equal(await fetchAsPod(node, '10.96.0.7', 80), 'hello');
    await putService('empty', '10.96.0.8', []);
    await eventually(async () => {
      assert.equal(await fetchAsPod(node, '10.96.0.8', 80), 'ECONNREFUSED');
    }, READY_MS);
  } finally {
    server.close();
  }
});

test('status names every target with its receipt, metrics count them, and a plan is empty', async () => {
  // A change that has just come is a revision that no target has yet.
  await eventually(async () => {
    const status = await node.status();
    assert.equal(status.isReady, true);
    for (const target of status.engine.targets) {
      assert.equal(target.observedCount, target.desiredCount, target.name);
      assert.equal(target.convergedRevision, status.engine.revision, target.name);
    }
  });
  const { body } = await node.ask('/metrics');
  assert.match(body, /fairlead_target_entries\{target="service-ebpf",state="observed"\} [1-9]/);
  assert.match(body, /fairlead_watch_synced\{kind="Node"\} 1/);
  assert.match(body, /fairlead_reconcile_latency_seconds_count [1-9]/);
  assert.deepEqual(await node.ask('/plan'), { code: 200, body: '' });
  node.run('ip', 'route', 'del', '10.244.2.0/24');
  assert.match((await node.ask('/plan')).body, /^replace route 10\.244\.2\.0\/24 via 10\.244\.2\.0 .*\n$/);
  await eventually(async () => assert.equal((await node.ask('/plan')).body, ''));
  assert.equal((await node.ask('/nothing')).code, 404);
});

test('the agent repairs what somebody else took away', async () => {
  node.run('ip', 'route', 'del', '10.244.2.0/24');
  node.run('ip', 'address', 'del', '10.96.0.10/32', 'dev', 'lo');
  node.run('nft', 'delete', 'element', 'inet', 'fairlead-masquerade', 'inside4', '{ 10.89.1.12 }');
  await eventually(() => {
    assert.match(node.run('ip', 'route'), /10\.244\.2\.0\/24 .*fairlead\.vx/);
    assert.match(node.run('ip', 'address', 'show', 'dev', 'lo'), /10\.96\.0\.10/);
    assert.match(node.run('nft', 'list', 'table', 'inet', 'fairlead-masquerade'), /10\.89\.1\.12/);
  }, 10_000);
  node.run('ip', 'link', 'del', 'fairlead.vx');
  await eventually(() => {
    assert.match(node.run('ip', 'route'), /10\.244\.2\.0\/24 .*fairlead\.vx/);
    assert.match(node.run('bridge', 'fdb', 'show', 'dev', 'fairlead.vx'), /dst 10\.89\.1\.12/);
  }, 10_000);
});

test('names of Services resolve at the cluster DNS address, in both families, and follow changes', async () => {
  const ask = (server: string, name: string): string =>
    node.run('dig', '+short', '+time=1', `@${server}`, name);
  assert.equal(ask('10.96.0.10', 'web.default.svc.cluster.local').trim(), '10.96.0.7');
  assert.equal(ask('fd00:10:96::a', 'web.default.svc.cluster.local').trim(), '10.96.0.7');
  await putService('late', '10.96.0.11', []);
  await eventually(() => {
    assert.equal(ask('10.96.0.10', 'late.default.svc.cluster.local').trim(), '10.96.0.11');
  }, 5_000);
});

test('the time from a change of endpoints until it is answered is measured, under the name that CoreDNS gives it', async () => {
  const metadata = { namespace: 'default', name: 'timed' };
  const spec = { clusterIP: 'None', selector: { app: 'timed' }, ports: [{ port: 80 }] };
  await client.create(SERVICES, { metadata, spec });
  const trigger = new Date(Date.now() - 60_000 * 2).toISOString();
  const sliceOf = (name: string, time: string) => ({
    metadata: {
      ...metadata,
      name,
      labels: { 'kubernetes.io/service-name': 'timed' },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': time },
    },
    addressType: 'IPv4' as const,
    ports: [],
    endpoints: [{ addresses: ['10.244.2.9'] }],
  });
  await client.create(ENDPOINT_SLICES, sliceOf('timed-before', trigger));
  await client.create(ENDPOINT_SLICES, sliceOf('timed-now', new Date().toISOString()));
  await eventually(async () => {
    const { body } = await node.ask('/metrics');
    assert.match(body, /^coredns_kubernetes_dns_programming_duration_seconds_count\{.*\} 1$/m);
    assert.match(body, /^coredns_kubernetes_dns_programming_duration_seconds_bucket\{.*le="2.048"\} 1$/m);
  }, 5_000);
});

test('the Corefile of the cluster configures the DNS process; one with errors leaves the former in force', async () => {
  const name = { namespace: 'kube-system', name: 'coredns' };
  const fileOf = (...lines: readonly string[]) => ({
    Corefile: `. {\n kubernetes cluster.local\n${lines.join('\n')}\n}\n`,
  });
  const lookUp = () => node.run('dig', '+short', '+tries=1', '@10.96.0.10', 'printer.example');
  const hosts = fileOf('hosts {', '192.0.2.9 printer.example', 'fallthrough', '}');
  await client.create(CONFIG_MAPS, { metadata: name, data: hosts });
  await eventually(() => assert.equal(lookUp().trim(), '192.0.2.9'), READY_MS);
  const options = { type: 'merge', fieldManager: 'test' } as const;
  await client.patch(CONFIG_MAPS, name, { data: fileOf('template ANY ANY') }, options);
  await eventually(async () => {
    const refusal = (await node.status()).names?.corefileRefusal ?? '';
    assert.match(refusal, /^Corefile:3:1: error: template/);
  }, READY_MS);
  await eventually(async () => {
    const { items } = await client.list(EVENTS, { namespace: 'kube-system' });
    const told = items.filter(({ reason }) => reason === 'CorefileRefused');
    assert.equal(told.length, 1);
    assert.match(told[0]?.message ?? '', /Corefile:3:1: error: template/);
  }, READY_MS);
  assert.equal(lookUp().trim(), '192.0.2.9');
  await client.delete(CONFIG_MAPS, name);
  await eventually(async () => {
    assert.equal(lookUp().trim(), '');
    assert.equal((await node.status()).names?.corefileRefusal, undefined);
  }, READY_MS);
});

test('a peer that comes and goes is programmed and removed', async () => {
  await putNode('c', 3);
  await eventually(() => assert.match(node.run('ip', 'route'), /10\.244\.3\.0\/24/), 5_000);
  await client.delete(NODES, { name: 'c' });
  await eventually(() => assert.doesNotMatch(node.run('ip', 'route'), /10\.244\.3\.0\/24/), 5_000);
});

test('killed and started anew, the agent breaks no connection and changes nothing that is as it should be', async () => {
  const server = await echoServer(node);
  const traffic = connectAllTheTime(node, '10.96.0.7');
  const changes = await changesDuring(async () => {
    await agent.end('SIGKILL');
    assert.equal(
      node.run('dig', '+short', '@10.96.0.10', 'web.default.svc.cluster.local').trim(),
      '10.96.0.7',
    );
    agent = node.start();
    await isReady();
  });
  const { worked, failures } = await traffic.end();
  await server.close();
  assert.deepEqual([changes, failures], [[], []]);
  assert.ok(worked > 20, `${worked} connections`);
});

test('the agent of a small cluster holds less than 120 MB', async () => {
  const { memory } = await node.status();
  assert.ok(memory.rssBytes < 120_000_000, `${memory.rssBytes} bytes`);
});

test('the agent ends at SIGTERM with code 0 and leaves everything in place', async () => {
  const changes = await changesDuring(async () => {
    assert.equal(await agent.end('SIGTERM'), 0, agent.log());
  });
  assert.deepEqual(changes, []);
  assert.match(node.run('ip', 'route'), /10\.244\.2\.0\/24 .*fairlead\.vx/);
  agent = node.start();
  await isReady();
});

test('while the API server is away nothing is removed and nothing is asked in a tight loop', async () => {
  const changes = await changesDuring(async () => {
    relay.isOpen = false;
    const before = relay.connections;
    await agent.end('SIGKILL');
    agent = node.start();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const tries = relay.connections - before;
    const { waitingFor, watches } = await node.status();
    assert.ok(tries <= 10 * watches.length, `${tries} connections in 5 s for ${watches.length} kinds`);
    assert.ok(waitingFor.includes('the first list of Nodes'), waitingFor.join());
  });
  assert.deepEqual(changes, []);
  const pod = await addPod('away');
  assert.match(node.run('ip', 'route'), new RegExp(`${pod.ip} dev fl`));
  relay.isOpen = true;
  const later = await changesDuring(isReady);
  assert.deepEqual(later, []);
  await pod.remove();
});

test('a configuration that cannot be used ends the agent with a message that names the field', async () => {
  const file = `${node.folder}/bad.json`;
  writeFileSync(file, JSON.stringify({ ...node.config, podCidrs: ['10.244.0.1/16'] }));
  const { runAgent } = await import('../../src/agent/main.ts');
  await assert.rejects(
    runAgent(file, new AbortController().signal),
    /Cannot use .*bad\.json: .*podCidrs\[0\]: .*host bits/,
  );
});
