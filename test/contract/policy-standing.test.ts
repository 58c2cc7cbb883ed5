// A connection that a change of policies forbids ends, also where its other end does nothing but listen.

import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { PolicyCompiler } from '../../src/compile/policy/policy-compiler.ts';
import type { NodePolicies } from '../../src/model/policy.ts';
import { applyNft } from '../../src/sys/nft.ts';
import { listenTcp, openTcp } from '../../src/sys/socket.ts';
import { eventually } from '../support/eventually.ts';
import { POLICY_CLUSTER, slimPolicyObjects } from '../support/policy-state.ts';
import {
  ebpfPolicies,
  iptablesPolicies,
  legacyPolicies,
  nftablesPolicies,
  type MakePolicies,
  type RunningPolicies,
} from './policy-backends.ts';
import { buildPolicyWorld, type PolicyWorld } from './policy-world.ts';

const [SERVER, CLIENT] = [1, 2].map((at) => [parseIp(`10.244.0.${at}`), parseIp(`fd00:244::${at}`)] as const);
assert.ok(SERVER && CLIENT);
const [SERVER_IP, CLIENT_IP] = [SERVER[0], CLIENT[0]];

/** The server lets in whom `ingress` says. */
function policies(ingress: readonly object[]): NodePolicies {
  const pods = [SERVER_IP, CLIENT_IP].map((ip, at) => ({
    metadata: { namespace: 'a', name: `pod${at}`, uid: `u${at}`, labels: { app: `app${at}` } },
    spec: { nodeName: 'n1', containers: [] },
    status: { phase: 'Running', podIPs: [{ ip }] },
  }));
  const spec = { podSelector: { matchLabels: { app: 'app0' } }, ingress };
  const objects = slimPolicyObjects({
    nodes: [{ metadata: { name: 'n1' } }],
    namespaces: [{ metadata: { name: 'a' } }],
    pods,
    networkPolicies: [{ metadata: { namespace: 'a', name: 'p' }, spec }],
    clusterNetworkPolicies: [],
  });
  return new PolicyCompiler({ nodeName: 'n1', cluster: POLICY_CLUSTER }).compile(objects);
}

function netnsOf(world: PolicyWorld, ip: string): string {
  return world.pods.get(ip)?.netns ?? '';
}

/** Says something again and again to whoever connects. */
async function speak(world: PolicyWorld, lifetime: Lifetime): Promise<void> {
  const server = net.createServer((socket) => {
    const timer = setInterval(() => socket.write('x'), 20);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearInterval(timer));
    lifetime.defer('connection', () => void socket.destroy());
  });
  const fd = listenTcp(netnsOf(world, SERVER_IP), { ip: SERVER_IP, port: 80 });
  await new Promise<void>((resolve) => server.listen({ fd }, resolve));
  lifetime.defer('server', () => void server.close());
}

for (const [name, make] of [
  ['eBPF', ebpfPolicies],
  ['nftables', nftablesPolicies],
  ['iptables (nft)', iptablesPolicies],
  ['iptables (legacy)', legacyPolicies],
] as readonly (readonly [string, MakePolicies])[])
  describe(`standing connections by ${name}`, () => {
    const lifetime = new Lifetime(name);
    let world: PolicyWorld;
    let running: RunningPolicies;

    before(async () => {
      const pods = new Map([SERVER, CLIENT].flatMap((ips) => (ips === undefined ? [] : [[ips[0], ips]])));
      world = buildPolicyWorld({ pods, nodeIps: [parseIp('192.0.2.1')], far: [] }, lifetime);
      // As on every node, where the masquerade has the kernel track flows.
      const track =
        'table inet track {\nchain c { type filter hook prerouting priority 0; ct state new counter\n}\n}\n';
      await applyNft(track, { netns: world.nodeNetns });
      await speak(world, lifetime);
      running = await make(world, lifetime);
    });
    after(() => lifetime.close());

    test('who only listens hears nothing any more, and again when it may', async () => {
      await running.apply(policies([{}]));
      const socket = new net.Socket({ fd: openTcp(netnsOf(world, CLIENT_IP), 4) });
      lifetime.defer('client', () => void socket.destroy());
      let heard = 0;
      socket.on('data', (data) => (heard += data.length));
      socket.connect({ host: SERVER_IP, port: 80, localAddress: CLIENT_IP });
      await eventually(() => assert.ok(heard > 5));
      await running.apply(policies([]));
      // What is on its way arrives; the first that the listener sends back, an acknowledgement, ends it.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const before = heard;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assert.equal(heard, before);
      await running.apply(policies([{}]));
      await eventually(() => assert.ok(heard > before), 10_000);
    });
  });
