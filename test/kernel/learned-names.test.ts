// Domain names in policies, whole: a pod asks the node's DNS, whose upstream is the test's, and connects at once to what it is told.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import type { Family } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { DnsConfigFile } from '../../src/dns/config.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { LearnedName } from '../../src/agent/name-learner.ts';
import { CLUSTER_NETWORK_POLICIES, CONFIG_MAPS, NODES, PODS, SERVICES } from '../../src/kube/resource.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { makeAgentNode, type AgentNode, type AgentProcess } from '../support/agent-node.ts';
import { openTestApi } from '../support/api-server.ts';
import { attachPod } from '../support/attach-pod.ts';
import { startDnsProcess, type DnsProcess } from '../support/dns-process.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { startNameClient, type NameClient } from '../support/name-client.ts';
import { ownName } from '../support/own-name.ts';
import { makeOutsideWorld, OUTSIDE_GATEWAYS, type OutsideWorld } from '../support/outside-world.ts';
import { startRelay } from '../support/relay.ts';

const READY_MS = 15_000;
/** How long an address is kept after its time to live of a second. */
const GRACE_MS = 3_000;
const DNS = '10.96.0.10';
const LOOPS = 60;
const METRICS_PORT = 9153;

/** An address of the node that no object names. */
const OWN = '192.0.2.77';

/** Names whose address stays the same; others have a new one each time, which nobody may keep. */
const LASTING: ReadonlyMap<string, { readonly suffix: number; readonly ttlS: number }> = new Map([
  ['short', { suffix: 200, ttlS: 1 }],
  ['short-used', { suffix: 201, ttlS: 1 }],
  ['long', { suffix: 202, ttlS: 600 }],
  ['other', { suffix: 203, ttlS: 600 }],
  ['late', { suffix: 204, ttlS: 600 }],
  ['far', { suffix: 205, ttlS: 600 }],
]);

for (const { name: backend } of POLICY_BACKENDS)
  describe(`domain names in policies by ${backend}`, () => {
    const prefix = ownName(`names-${backend.slice(0, 2)}`);
    const lifetime = new Lifetime('test');
    let clean: LeakSnapshot;
    let api: KubeClient;
    let node: AgentNode;
    let agent: AgentProcess;
    let dns: DnsProcess;
    let dnsConfig: DnsConfigFile;
    let world: OutsideWorld;
    let pod: NameClient;
    let asked = 0;

    before(async () => {
      clean = await takeSnapshot({ prefix });
      const { files, port, client: opened } = await openTestApi(lifetime);
      api = opened;
      await putObjects(api, backend);
      const kubeconfigFor = async (netns: string): Promise<string> => {
        const relay = lifetime.own('relay', await startRelay(netns, port), (it) => it.close());
        return files.kubeconfig(relay.port);
      };
      const folder = lifetime.own('DNS folder', mkdtempSync(`${tmpdir()}/${prefix}-dns-`), (it) =>
        rmSync(it, { recursive: true }),
      );
      const [dnsSocket, learnSocket] = [`${folder}/dns.sock`, `${folder}/learn.sock`];
      const config = { dnsSocket, learnSocket, learnedGraceMs: GRACE_MS };
      node = await makeAgentNode({ prefix, name: 'a', config }, kubeconfigFor, lifetime);
      const prefixes = ['198.51.100.0/24', '2001:db8:51::/64'];
      world = await makeOutsideWorld(node, { prefix, prefixes }, lifetime);
      world.answer = (name, type) => {
        const [first = ''] = name.split('.');
        if (type !== 'A' && type !== 'AAAA') return undefined;
        if (first === 'own') return { ips: type === 'A' ? [OWN] : [], ttlS: 0 };
        const { suffix, ttlS } = LASTING.get(first) ?? { suffix: (asked++ % 190) + 1, ttlS: 0 };
        const ip = type === 'A' ? `198.51.100.${suffix}` : `2001:db8:51::${suffix.toString(16)}`;
        return { ips: [ip], ttlS, ...(first === 'alias' ? { alias: 'edge.cdn.net' } : {}) };
      };
      dnsConfig = {
        listen: [DNS, 'fd00:10:96::a'],
        zoneFile: `${folder}/zone.json`,
        feedSocket: dnsSocket,
        learnSocket,
        clusterDomain: 'cluster.local',
        upstreams: [OUTSIDE_GATEWAYS[4]],
        metricsPort: METRICS_PORT,
      };
      startDns();
      lifetime.defer('DNS process', async () => void (await dns.end('SIGKILL')));
      agent = node.start();
      await isReady();
      // The agent puts the address there, and the process may look for it a second later.
      await dns.said('answering');
      pod = await addPod();
    });

    after(async () => {
      await lifetime.close();
      await assertNoLeaks(clean, { prefix });
    });

    function startDns(): void {
      dns = startDnsProcess(`${node.folder}/dns.json`, dnsConfig, node.netns);
    }

    async function isReady(): Promise<void> {
      await eventually(async () => {
        const { code, body } = await node.ask('/readyz');
        assert.equal(code, 200, `${body}\n${agent.log()}`);
      }, READY_MS);
    }

    /** A namespace that is attached as a container runtime does it, with its Pod in the API. */
    async function addPod(): Promise<NameClient> {
      const netns = `/run/netns/${prefix}-pod`;
      const [namespace, name] = ['default', 'client'];
      const metadata = { namespace, name };
      const spec = { nodeName: 'a', containers: [{ name: 'it', image: 'it' }] };
      const { uid } = (await api.create(PODS, { metadata, spec })).metadata ?? {};
      const status = await attachPod(node, { netns, namespace, name, uid }, lifetime);
      await api.patchStatus(PODS, metadata, { status });
      const client = startNameClient(netns, DNS);
      lifetime.defer('client', () => client.end());
      return client;
    }

    /** Answers that waited in the DNS process of now, by how they went on. */
    function held(): { readonly known: number; readonly late: number } {
      const text = node.run('wget', '-qO-', `http://127.0.0.1:${METRICS_PORT}/metrics`);
      const count = (result: string): number =>
        Number(new RegExp(`fairlead_dns_held_answers_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1]);
      return { known: count('known'), late: count('late') };
    }

    /** Each address is open when the answer comes; on a busy machine one may come late, which is counted. */
    async function assertOpen(name: string, family: Family = 4): Promise<void> {
      const before = held();
      const { worked, failures } = await pod.loop(name, LOOPS, family);
      const late = held().late - before.late;
      assert.ok(failures.length <= late, `${name}: ${failures.join()} after ${late} late answers`);
      assert.equal(worked + failures.length, LOOPS);
    }

    async function learned(): Promise<readonly LearnedName[]> {
      return JSON.parse((await node.ask('/names')).body) as readonly LearnedName[];
    }

    test('an address is closed until somebody asks for a name of it', async () => {
      assert.equal(await pod.connects('198.51.100.250', false), false);
      const answer = await pod.ask('www.example.com');
      assert.equal(answer.ips.length, 1);
      assert.equal(await pod.connects(answer.ips[0] ?? '', true), true);
    });

    for (const family of [4, 6] as const)
      test(`what an answer says is open when it comes, IPv${family}`, async () => {
        for (const name of ['www.example.com', 'a.b.wild.example.com', 'alias.wild.example.com']) {
          await assertOpen(name, family);
        }
      });

    test('a name that is asked by the search list of its pod is the same name', async () => {
      const meant = (await pod.ask('www.example.com.default.svc.cluster.local')).ips;
      assert.equal(meant.length, 1);
      assert.equal(await pod.connects(meant[0] ?? '', true), true);
      const other = (await pod.ask('other.example.com.default.svc.cluster.local')).ips;
      assert.equal(other.length, 1);
      assert.equal(await pod.connects(other[0] ?? '', false), false);
    });

    test('a name that no rule speaks of is answered at once, and opens nothing', async () => {
      const before = held();
      const { ips } = await pod.ask('other.example.com');
      assert.deepEqual(held(), before);
      assert.equal(await pod.connects(ips[0] ?? '', false), false);
    });

    test('a rule opens the ports that it names, and a name that leads to the own node closes nothing there', async () => {
      const [far = ''] = (await pod.ask('far.ports.net')).ips;
      assert.equal(await pod.connects(far, false), false);
      const own = createServer((it) => it.end());
      inNetns(node.netns, () => void own.listen(80));
      node.run('ip', 'address', 'add', `${OWN}/32`, 'dev', 'lo');
      try {
        assert.equal(await pod.connects(OWN, true), true);
        assert.deepEqual((await pod.ask('own.ports.net')).ips, [OWN]);
        assert.ok((await learned()).some(({ ip }) => ip === OWN));
        assert.equal(await pod.connects(OWN, true), true);
      } finally {
        own.close();
      }
    });

    test('the agent says what it has learned', async () => {
      const { ips } = await pod.ask('www.example.com');
      const found = (await learned()).find((it) => it.name === 'www.example.com' && it.ip === ips[0]);
      assert.deepEqual(found?.patterns, ['www.example.com']);
      assert.equal((await node.status()).learned?.isCurrent, true);
      assert.match((await node.ask('/metrics')).body, /fairlead_learned_addresses [1-9]/);
    });

    test('an address is closed when its time is over, but not while a connection to it stands', async () => {
      const [over = ''] = (await pod.ask('short.example.com')).ips;
      const [used = ''] = (await pod.ask('short-used.wild.example.com')).ips;
      assert.equal(await pod.connects(over, true), true);
      assert.equal(await pod.hold(used), true);
      // To connect meanwhile would be to use it.
      // Patience is for busy machines: none of it is waited for where there is nothing to wait for.
      await eventually(async () => !(await learned()).some(({ ip }) => ip === over), 10 * GRACE_MS);
      await eventually(async () => !(await pod.connects(over, false)), 20_000);
      await eventually(async () => {
        const found = await learned();
        assert.equal(found.find(({ ip }) => ip === used)?.isInUse, true, `${used}: ${JSON.stringify(found)}`);
      }, 20_000);
      assert.equal(await pod.connects(used, true), true);
    });

    test('killed and started anew, the agent closes nothing, and nothing is closed meanwhile', async () => {
      const [ip = ''] = (await pod.ask('long.wild.example.com')).ips;
      const away = agent.end('SIGKILL');
      for (let i = 0; i < 5; i++) assert.equal(await pod.connects(ip, true), true, 'while it is away');
      await away;
      agent = node.start();
      let isUp = false;
      const up = isReady().finally(() => (isUp = true));
      while (!isUp) assert.equal(await pod.connects(ip, true), true, 'while it starts');
      await up;
      assert.equal(await pod.connects(ip, true), true);
    });

    test('a DNS process that starts anew closes nothing, and holds answers as before', async () => {
      const [ip = ''] = (await pod.ask('long.wild.example.com')).ips;
      await dns.end('SIGKILL');
      assert.equal(await pod.connects(ip, true), true);
      startDns();
      await dns.said('answering');
      await assertOpen('www.example.com');
      assert.equal(await pod.connects(ip, true), true);
    });

    test('without an agent an answer comes late and opens nothing, until an agent is there', async () => {
      await pod.ask('long.wild.example.com');
      await agent.end('SIGKILL');
      const { ips } = await pod.ask('late.wild.example.com');
      const { late } = held();
      assert.ok(late > 0);
      assert.equal(ips.length, 1);
      assert.equal(await pod.connects(ips[0] ?? '', false), false);
      const known = await pod.ask('long.wild.example.com');
      assert.equal(held().late, late, 'what is open is answered at once');
      assert.equal(await pod.connects(known.ips[0] ?? '', true), true);
      agent = node.start();
      await isReady();
      await eventually(() => pod.connects(ips[0] ?? '', true));
    });
  });

async function putObjects(api: KubeClient, backend: string): Promise<void> {
  await api.create(CONFIG_MAPS, {
    metadata: { namespace: 'kube-system', name: 'fairlead' },
    data: { policy: backend },
  });
  const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
  await api.create(NODES, { metadata: { name: 'a' }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
  const addresses = ['10.89.1.11', 'fd00:10:89:1::b'].map((address) => ({ type: 'InternalIP', address }));
  await api.patchStatus(NODES, { name: 'a' }, { status: { addresses } });
  await api.create(SERVICES, {
    metadata: { namespace: 'kube-system', name: 'kube-dns' },
    spec: {
      clusterIP: DNS,
      clusterIPs: [DNS, 'fd00:10:96::a'],
      ipFamilyPolicy: 'RequireDualStack',
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }],
    },
  });
  await api.create(CLUSTER_NETWORK_POLICIES, {
    metadata: { name: 'names' },
    spec: {
      tier: 'Admin',
      priority: 1,
      subject: { namespaces: {} },
      egress: [
        {
          action: 'Accept',
          to: [{ namespaces: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
        },
        {
          action: 'Accept',
          to: [{ domainNames: ['www.example.com', '*.wild.example.com', 'short.example.com'] }],
        },
        {
          action: 'Accept',
          to: [{ domainNames: ['*.ports.net'] }],
          protocols: [{ tcp: { destinationPort: { number: 443 } } }],
        },
        { action: 'Deny', to: [{ networks: ['0.0.0.0/0', '::/0'] }] },
      ],
    },
  });
}
