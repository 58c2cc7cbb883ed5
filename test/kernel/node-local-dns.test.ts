// The node-local DNS address under policies: a pod that is isolated for egress asks there, and is answered where a rule lets it, by kernel and process alike.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import type { KernelName } from '../../src/agent/kernel-name.ts';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { NODE_LOCAL_DNS } from '../../src/base/node-local-dns.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { NETWORK_POLICIES, SERVICES } from '../../src/kube/resource.ts';
import type { NetworkPolicy } from '../../src/objects/api-types.ts';
import { inNetns } from '../../src/sys/netns.ts';
import { openDnsNode, READY_MS, type DnsNode } from '../support/dns-node.ts';
import { eventually } from '../support/eventually.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { ownName } from '../support/own-name.ts';

const CLUSTER_DNS = '10.96.0.10';
/** One that the kernel answers, and one that the process does. */
const NAMES = ['web.default.svc.cluster.local A', '_http._tcp.web.default.svc.cluster.local SRV'] as const;

type Egress = NonNullable<NonNullable<NetworkPolicy['spec']>['egress']>;

const PORTS = [{ port: 53, protocol: 'UDP' as const }];
const DNS_PODS = {
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
};
const to = (cidr: string): Egress => [{ to: [{ ipBlock: { cidr } }], ports: PORTS }];

const ROWS: readonly { readonly rule: string; readonly egress: Egress; readonly isAnswered: boolean }[] = [
  { rule: 'no rule', egress: [], isAnswered: false },
  {
    rule: 'a rule to the pods of the cluster DNS',
    egress: [{ to: [DNS_PODS], ports: PORTS }],
    isAnswered: true,
  },
  {
    rule: 'a rule to the blocks of the addresses',
    egress: [...to('169.254.20.10/32'), ...to('fd00:169:254:20::a/128')],
    isAnswered: true,
  },
  { rule: 'a rule to another block', egress: to('192.0.2.0/24'), isAnswered: false },
];

for (const { name: backend } of POLICY_BACKENDS)
  describe(`the node-local DNS address, policies by ${backend}`, () => {
    const prefix = ownName(`nl-${backend.slice(0, 2)}`);
    const netns = `/run/netns/${prefix}-pod`;
    const lifetime = new Lifetime('test');
    let clean: LeakSnapshot;
    let on: DnsNode;

    before(async () => {
      clean = await takeSnapshot({ prefix });
      const listen = [CLUSTER_DNS, ...NODE_LOCAL_DNS];
      const config = { nodeLocalDnsIps: NODE_LOCAL_DNS };
      on = await openDnsNode({ prefix, listen, config, policy: backend, put: putServices }, lifetime);
      await on.addPod(netns);
      await on.dns.said('answering');
      await eventually(() => assert.deepEqual(refused(), []), READY_MS);
    });

    after(async () => {
      await lifetime.close();
      await assertNoLeaks(clean, { prefix });
    });

    /** The questions to the node-local addresses that get no answer. */
    function refused(): readonly string[] {
      const plain = ['+short', '+noedns', '+time=1', '+tries=1'];
      return NODE_LOCAL_DNS.flatMap((server) => NAMES.map((it) => `@${server} ${it}`)).filter((words) => {
        const { stdout } = inNetns(netns, () =>
          spawnSync('dig', [...plain, ...words.split(' ')], { encoding: 'utf8' }),
        );
        return !/10\.96\.0\.7|80 web\./.test(stdout);
      });
    }

    for (const { rule, egress, isAnswered } of ROWS)
      test(`a pod isolated for egress with ${rule}: ${isAnswered ? 'answered' : 'no answer'}`, async () => {
        const metadata = { namespace: 'default', name: 'isolated' };
        const podSelector = { matchLabels: { app: 'client' } };
        await on.api.create(NETWORK_POLICIES, {
          metadata,
          spec: { podSelector, policyTypes: ['Egress'], egress },
        });
        await on.isProgrammed();
        assert.equal(refused().length, isAnswered ? 0 : NAMES.length * NODE_LOCAL_DNS.length);
        await on.api.delete(NETWORK_POLICIES, metadata);
        await on.isProgrammed();
        assert.deepEqual(refused(), [], 'and no longer than the policy is there');
      });

    test('the agent says what the kernel has of a name, and that it has nothing of another', async () => {
      const held = async (name: string): Promise<KernelName> =>
        JSON.parse((await on.node.ask(`/kernel-name?name=${name}`)).body) as KernelName;
      const { servers, addresses } = await held('web.default.svc.cluster.local');
      assert.deepEqual(servers.toSorted(), [CLUSTER_DNS, ...NODE_LOCAL_DNS].toSorted());
      assert.deepEqual(addresses, { 4: ['10.96.0.7'], 6: [] });
      assert.equal((await held('nobody.default.svc.cluster.local')).addresses, undefined);
      assert.equal((await on.node.ask('/kernel-name?name=a..b')).code, 400);
    });
  });

async function putServices(api: KubeClient): Promise<void> {
  for (const [namespace, name, clusterIP, port] of [
    ['kube-system', 'kube-dns', CLUSTER_DNS, { name: 'dns', port: 53, protocol: 'UDP' }],
    ['default', 'web', '10.96.0.7', { name: 'http', port: 80, protocol: 'TCP' }],
  ] as const)
    await api.create(SERVICES, {
      metadata: { namespace, name },
      spec: { clusterIP, selector: { 'k8s-app': name }, ports: [port] },
    });
}
