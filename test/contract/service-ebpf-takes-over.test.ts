// A node changes from a backend of netfilter to eBPF under connections of outside clients: those are known to the stack alone and go on
// by it; what is new is the programs'. Where BPF programs cannot ask connection tracking, `doctor` says so (probe bpf-conntrack).

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { parsePort } from '../../src/base/port.ts';
import { iptablesServiceParts } from '../../src/backends/service-iptables/backend.ts';
import { nftablesServiceParts } from '../../src/backends/service-nftables/backend.ts';
import type { ServicePart } from '../../src/backends/shared-node/service-backend.ts';
import { canBpfAskConntrack } from '../../src/sys/bpf-conntrack.ts';
import { aFrontend } from '../support/service-samples.ts';
import { ebpfBackend } from './service-backends.ts';
import { applyByParts, leaveByParts, viewOf, type ContractBackend } from './service-contract.ts';
import { buildServiceWorld, type WorldPeer } from './service-world.ts';

const NODE_PORT = 30080;
const FAMILIES = [
  { node: '192.0.2.1', endpoint: '10.77.0.11', port: '10.77.0.11:8080' },
  { node: '2001:db8::1', endpoint: 'fd77::11', port: '[fd77::11]:8080' },
] as const;
const VIEW = viewOf(
  FAMILIES.map(({ node, port }) =>
    aFrontend([port], { ip: parseIp(node), port: parsePort(NODE_PORT), scope: 'node-port' }),
  ),
);
type Leaves = readonly (readonly [
  name: string,
  make: (netns: string, lifetime: Lifetime) => readonly ServicePart[],
])[];
const LEAVING: Leaves = [
  ['nftables', (netns, lifetime) => nftablesServiceParts({ netns, lifetime })],
  ['iptables', (netns) => iptablesServiceParts({ netns, iptablesFlavour: 'nft' })],
];
const reason = canBpfAskConntrack() ? false : 'BPF programs cannot ask connection tracking';

for (const [name, makeParts] of LEAVING)
  describe(`eBPF takes over from ${name}`, { skip: reason }, () => {
    const lifetime = new Lifetime('takes over');
    let parts: readonly ServicePart[];
    let ebpf: ContractBackend;
    let outside: WorldPeer;

    before(async () => {
      const world = buildServiceWorld(['client', 'a'], lifetime);
      parts = makeParts(world.nodeNetns, lifetime);
      await applyByParts(parts)(VIEW);
      outside = world.startPeer('outside', { isInCgroup: false });
      const peer = world.startPeer('a', { isInCgroup: false });
      for (const { endpoint } of FAMILIES)
        await peer.ask({ kind: 'listen', protocol: 'TCP', ip: endpoint, port: 8080, says: 'a' });
      ebpf = await ebpfBackend(false)(world, lifetime);
    });
    after(() => lifetime.close());

    async function ask(round: string): Promise<readonly string[]> {
      const words: string[] = [];
      for (const { node } of FAMILIES) {
        const socket = `${round} ${node}`;
        const { said, error } = await outside.ask({ kind: 'hold', socket, ip: node, port: NODE_PORT });
        words.push(error ?? said.join());
      }
      return words;
    }

    test('connections that were open before go on, as new ones do', async () => {
      assert.deepEqual(await ask('before'), ['a', 'a']);
      await ebpf.apply(VIEW);
      assert.deepEqual(await ask('before'), ['a', 'a'], 'beside each other');
      assert.notDeepEqual(await leaveByParts(parts), [], 'the connections are open');
      assert.deepEqual(await ask('before'), ['a', 'a'], 'eBPF alone');
      assert.deepEqual(await ask('after'), ['a', 'a']);
    });

    test('nobody’s connection is refused', async () => {
      await outside.ask({ kind: 'forget' });
      assert.deepEqual(await ask('later'), ['a', 'a']);
    });
  });
