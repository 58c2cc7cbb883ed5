// Names of the cluster answered in the kernel, whole: a pod asks the node's DNS, and is answered with the DNS process stopped, and with the agent gone.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import type { ClientTally } from '../../src/dns/client-tallies.ts';
import { inspectSocketOf } from '../../src/dns/inspect-socket.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { ENDPOINT_SLICES, NETWORK_POLICIES, SERVICES } from '../../src/kube/resource.ts';
import { getJson } from '../../src/lab/cluster/unix-http.ts';
import { setLinkOffload } from '../../src/sys/link-offload.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { openDnsNode, READY_MS, type DnsNode } from '../support/dns-node.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';

const DNS = ['10.96.0.10', 'fd00:10:96::a'] as const;

for (const { name: backend } of POLICY_BACKENDS)
  describe(`names in the kernel, policies by ${backend}`, () => {
    const prefix = ownName(`kn-${backend.slice(0, 2)}`);
    const netns = `/run/netns/${prefix}-pod`;
    const lifetime = new Lifetime('test');
    let clean: LeakSnapshot;
    let on: DnsNode;
    let inspectSocket = '';

    before(async () => {
      clean = await takeSnapshot({ prefix });
      on = await openDnsNode({ prefix, listen: DNS, policy: backend, put: putObjects }, lifetime);
      inspectSocket = inspectSocketOf(on.feedSocket);
      await on.addPod(netns);
    });

    after(async () => {
      await lifetime.close();
      await assertNoLeaks(clean, { prefix });
    });

    /** What a client in the namespace is told: whole records, in the order of their text. */
    function dig(of: string, words: string): string {
      const plain = ['+noall', '+answer', '+authority', '+noedns', '+time=1', '+tries=1'];
      const { stdout } = inNetns(of, () =>
        spawnSync('dig', [...plain, ...words.split(' ')], { encoding: 'utf8' }),
      );
      return stdout
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith(';'))
        .toSorted()
        .join('\n');
    }

    async function answered(): Promise<number> {
      const { body } = await on.node.ask('/metrics');
      const found = [...body.matchAll(/fairlead_dns_kernel_answers_total\{result="[a-z-]+"\} (\d+)/g)];
      return found.reduce((sum, [, count]) => sum + Number(count), 0);
    }

    /** What `dns top` shows of the pod, of both its addresses. */
    async function countedInKernel(): Promise<number> {
      const clients = (await getJson(inspectSocket, '/top', AbortSignal.timeout(READY_MS))) as ClientTally[];
      return clients.reduce((sum, { inKernel }) => sum + inKernel, 0);
    }

    /** Nobody of user space can answer meanwhile. */
    async function withoutProcess(work: () => void | Promise<void>): Promise<void> {
      process.kill(on.dns.pid, 'SIGSTOP');
      try {
        await work();
      } finally {
        process.kill(on.dns.pid, 'SIGCONT');
      }
    }

    const QUESTIONS = DNS.flatMap((server) =>
      ['web A', 'web AAAA', 'db A', 'db AAAA', 'db-0.db A'].map((it) => {
        const [name = '', type = ''] = it.split(' ');
        return `@${server} ${name}.default.svc.cluster.local ${type}`;
      }),
    );

    test('the kernel says what the process says, to the serial', async () => {
      await eventually(async () => {
        const before = await answered();
        for (const words of QUESTIONS) assert.equal(dig(netns, words), dig(on.node.netns, words), words);
        assert.equal((await answered()) - before, QUESTIONS.length);
      }, READY_MS);
    });

    test('a change shows while the process stands still, and other names wait for it', async () => {
      await withoutProcess(async () => {
        await putSlice(on.api, 'db', ['10.244.1.201', '10.244.1.202', '10.244.1.203']);
        await eventually(() => {
          const said = dig(netns, `@${DNS[0]} db.default.svc.cluster.local A`);
          assert.deepEqual([...said.matchAll(/10\.244\.1\.\d+/g)].length, 3, said);
        });
        assert.equal(dig(netns, `@${DNS[0]} nobody.default.svc.cluster.local A`), '');
      });
    });

    test('the DNS process counts what the kernel answered, also while it or the agent was away', async () => {
      const asked = ['web A', 'web AAAA', 'db A'];
      const ask = (): void => {
        for (const words of asked) {
          const [name = '', type = ''] = words.split(' ');
          dig(netns, `@${DNS[0]} ${name}.default.svc.cluster.local ${type}`);
        }
      };
      const areCounted = (): Promise<void> =>
        eventually(async () => assert.equal(await countedInKernel(), await answered()), READY_MS);
      const before = await answered();
      ask();
      await areCounted();
      await on.agent.end('SIGKILL');
      ask();
      on.agent = on.node.start();
      await on.isReady();
      await areCounted();
      assert.equal(await answered(), before + 2 * asked.length);
      await on.dns.end('SIGKILL');
      ask();
      on.dns = on.startDns();
      await eventually(async () => assert.equal(await countedInKernel(), asked.length), READY_MS);
      await on.isReady();
    });

    test('checksums are whole where no card makes them, on either side', async () => {
      const [link = ''] = /fl[0-9a-f]{6,}/.exec(on.node.run('ip', '-o', 'link')) ?? [];
      const offload = (isOn: boolean): void => {
        inNetns(on.node.netns, () => setLinkOffload(link, 'tx-checksum', isOn));
      };
      const offloadOfPod = (isOn: boolean): void => {
        inNetns(netns, () => setLinkOffload('eth0', 'tx-checksum', isOn));
      };
      try {
        await withoutProcess(() => {
          for (const isOn of [false, true]) {
            offloadOfPod(isOn);
            for (const isOnBack of [false, true]) {
              offload(isOnBack);
              for (const words of QUESTIONS) assert.notEqual(dig(netns, words), '', words);
            }
          }
        });
      } finally {
        offload(true);
        offloadOfPod(true);
      }
    });

    test('the agent gone, all goes on; started anew, it changes what has changed', async () => {
      await on.agent.end('SIGKILL');
      await withoutProcess(async () => {
        for (const words of QUESTIONS) assert.notEqual(dig(netns, words), '', words);
        await on.api.delete(SERVICES, { namespace: 'default', name: 'web' });
        assert.match(dig(netns, `@${DNS[0]} web.default.svc.cluster.local A`), /10\.96\.0\.7/);
        on.agent = on.node.start();
        await eventually(() => {
          assert.equal(dig(netns, `@${DNS[0]} web.default.svc.cluster.local A`), '');
        }, READY_MS);
      });
      await on.isReady();
    });

    test('an agent that is killed and started again and again is not missed by who asks', async () => {
      // The first from the kernel, the second from the process.
      const asked = [
        `@${DNS[0]} db.default.svc.cluster.local A`,
        `@${DNS[1]} _sql._tcp.db.default.svc.cluster.local SRV`,
      ];
      const said = asked.map((words) => dig(netns, words));
      const isAnswered = (): void => {
        for (const [at, words] of asked.entries()) assert.equal(dig(netns, words), said[at], words);
      };
      assert.ok(!said.includes(''));
      for (let round = 0; round < 4; round++) {
        await on.agent.end('SIGKILL');
        isAnswered();
        on.agent = on.node.start();
        let isUp = false;
        const starting = on.isReady().then(() => (isUp = true));
        while (!isUp) {
          isAnswered();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await starting;
      }
    });

    test('a pod that policies keep from port 53 gets no answer, and gets one when they no longer do', async () => {
      const asked = `@${DNS[0]} db.default.svc.cluster.local A`;
      assert.notEqual(dig(netns, asked), '');
      const metadata = { namespace: 'default', name: 'closed' };
      const podSelector = { matchLabels: { app: 'client' } };
      await on.api.create(NETWORK_POLICIES, { metadata, spec: { podSelector, policyTypes: ['Egress'] } });
      await eventually(() => assert.equal(dig(netns, asked), ''), READY_MS);
      await on.api.delete(NETWORK_POLICIES, metadata);
      await eventually(() => assert.notEqual(dig(netns, asked), ''), READY_MS);
    });

    test('a pod that policies let ask is answered: in the kernel where these have been heard before', async () => {
      const asked = `@${DNS[0]} db.default.svc.cluster.local A`;
      const podSelector = { matchLabels: { app: 'client' } };
      const nobodyIn = { namespace: 'default', name: 'nobody-in' };
      const ports = [{ port: 53, protocol: 'UDP' as const }];
      await on.api.create(NETWORK_POLICIES, {
        metadata: nobodyIn,
        spec: { podSelector, policyTypes: ['Ingress'] },
      });
      await on.isProgrammed();
      await withoutProcess(() => assert.notEqual(dig(netns, asked), ''));
      const spec = { podSelector, policyTypes: ['Egress'], egress: [{ ports }] };
      await on.api.create(NETWORK_POLICIES, { metadata: { ...nobodyIn, name: 'names-only' }, spec });
      await on.isProgrammed();
      const before = await answered();
      assert.notEqual(dig(netns, asked), '');
      assert.equal((await answered()) - before, backend === 'ebpf' ? 1 : 0);
    });
  });

async function putSlice(api: KubeClient, name: string, ips: readonly string[]): Promise<void> {
  const metadata = { namespace: 'default', name };
  await api.delete(ENDPOINT_SLICES, metadata).catch(() => undefined);
  await api.create(ENDPOINT_SLICES, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
    endpoints: ips.map((ip, at) => ({ addresses: [ip], hostname: `db-${at}`, conditions: { ready: true } })),
  });
}

async function putObjects(api: KubeClient): Promise<void> {
  const services = [
    {
      name: 'kube-dns',
      namespace: 'kube-system',
      ips: DNS,
      port: { name: 'dns', port: 53, protocol: 'UDP' },
    },
    { name: 'web', namespace: 'default', ips: ['10.96.0.7'], port: { name: 'http', port: 80 } },
    { name: 'db', namespace: 'default', ips: ['None'], port: { name: 'sql', port: 5432 } },
  ];
  for (const { name, namespace, ips, port } of services) {
    const ipFamilyPolicy = ips.length > 1 ? 'RequireDualStack' : 'SingleStack';
    const spec = { clusterIP: ips[0] ?? '', clusterIPs: [...ips], ipFamilyPolicy, ports: [port] };
    await api.create(SERVICES, { metadata: { namespace, name }, spec });
  }
  await putSlice(api, 'db', ['10.244.1.201', '10.244.1.202']);
}
