// Direct server return at node ports, where they differ from addresses that every node has: whose a packet is that comes by the tunnel, and what
// becomes of one that the second node does not know. What they have in common is in direct-return.kernel.test.ts.
//
//   client .200 --> n1 (pod a) == tunnel ==> n2 (pods b, c) --> client

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Lifetime } from '../../base/lifetime.ts';
import { NO_FRONTEND_OPTIONS } from '../../model/network.ts';
import type { PeerAnswer } from '../../../test/contract/service-burst.ts';
import { startPeerIn, type WorldPeer } from '../../../test/contract/service-world.ts';
import { ownName } from '../../../test/support/own-name.ts';
import { SILENCE_MS } from '../../../test/support/time-scale.ts';
import {
  CLIENT,
  NODE_IPS,
  NODE_PORT,
  startTwoNodes,
  type TwoNodes,
  type WantedService,
} from '../../../test/support/two-nodes-lab.ts';

const PREFIX = ownName('dnp');
const DIRECT = { options: { ...NO_FRONTEND_OPTIONS, isDirectReturn: true } };
const OTHER_IPS = { 4: '10.89.1.12', 6: 'fd00:10:89:1::12' } as const;
/** Whoever asks beside the client: by the name of their namespace. */
const ASKERS = ['a', 'c', 'n1', 'n2'] as const;

const lifetime = new Lifetime('direct node ports');
const peers = new Map<string, WorldPeer>();
let two: TwoNodes;

before(async () => {
  two = await startTwoNodes(PREFIX, lifetime);
  for (const name of ASKERS) peers.set(name, startPeerIn(`${PREFIX}-${name}`, undefined, lifetime));
});
after(() => lifetime.close());

async function programAll(pods: WantedService['pods'], over: Partial<WantedService> = {}): Promise<void> {
  await two.programAll({ pods, ...over, over: DIRECT });
}

function peerAt(name: (typeof ASKERS)[number]): WorldPeer {
  const peer = peers.get(name);
  assert.ok(peer, name);
  return peer;
}

/** Packets that a node dropped for this reason so far. */
function dropped(node: string, reason: string): number {
  const { bpf } = two.nodeNamed(node).agent;
  return Number(bpf.counters().find((it) => it.reason === reason)?.packets ?? 0);
}

for (const family of [4, 6] as const)
  for (const protocol of ['TCP', 'UDP'] as const)
    describe(`${protocol} over IPv${family}`, () => {
      const to = { ip: NODE_IPS[family], port: NODE_PORT };
      const other = { ip: OTHER_IPS[family], port: NODE_PORT };
      const burst = (peer: WorldPeer, at: typeof to | typeof other, over: { count?: number; waitMs?: number } = {}): Promise<readonly PeerAnswer[]> => // prettier-ignore
        peer.burst({ kind: 'burst', protocol, ...at, count: 24, isAtOnce: true, isConnected: false, waitMs: 3000, ...over }); // prettier-ignore
      /** "endpoint sees client", each once. */
      const meets = async (peer: WorldPeer, at: typeof to | typeof other): Promise<readonly string[]> => {
        const seen = (await burst(peer, at)).map((it) =>
          it.kind === 'answer' ? `${it.said} sees ${it.seen}` : it.error,
        );
        return [...new Set(seen)].sort();
      };
      /** Asks on a socket of that name, which stays. */
      const hold = async (
        socket: string,
        at: { readonly ip: string; readonly port: number },
      ): Promise<string> => {
        const reply =
          protocol === 'TCP'
            ? await two.client.ask({ kind: 'hold', socket, ...at })
            : await two.client.ask({ kind: 'send', count: 1, isConnected: false, socket, ...at });
        return reply.error ?? `${reply.said[0]} sees ${reply.seen[0]} as ${reply.peer}`;
      };

      test('a pod of another node is hidden by the node that it asks, wherever the endpoint is', async () => {
        await programAll(['a', 'b']);
        assert.deepEqual(await meets(peerAt('a'), other), [`a sees ${other.ip}`, `b sees ${other.ip}`]);
        await programAll(['a']);
        assert.deepEqual(await meets(peerAt('a'), other), [`a sees ${other.ip}`]);
        await programAll(['b', 'c']);
        assert.deepEqual(await meets(peerAt('c'), to), [`b sees ${to.ip}`, `c sees ${to.ip}`]);
      });

      test('a node as the client is seen where it did not come back to itself', async () => {
        await programAll(['a', 'b']);
        assert.deepEqual(await meets(peerAt('n2'), to), [`a sees ${other.ip}`, `b sees ${to.ip}`]);
        assert.deepEqual(await meets(peerAt('n1'), other), [`a sees ${other.ip}`, `b sees ${to.ip}`]);
      });

      test('node ports of two nodes, and two of one, share an endpoint', async () => {
        await programAll(['b'], { nodePorts: [NODE_PORT, NODE_PORT + 1] });
        const name = (at: typeof to | typeof other, port = NODE_PORT): string =>
          `b sees ${CLIENT[family]} as ${family === 4 ? at.ip : `[${at.ip}]`}:${port}`;
        const second = { ...to, port: NODE_PORT + 1 };
        for (let i = 0; i < 3; i++) {
          // One socket is enough for datagrams; connections have one each.
          const [first, last, beside] =
            protocol === 'TCP' ? ['first', 'second', 'other'] : ['one', 'one', 'one'];
          assert.equal(await hold(first, to), name(to));
          assert.equal(await hold(last, second), name(to, NODE_PORT + 1));
          assert.equal(await hold(beside, other), name(other));
        }
        await two.client.ask({ kind: 'forget' });
      });

      test('what pods serve at the number of a node port stays theirs', async () => {
        await programAll(['b']);
        const pod = { ip: two.podIps.get('c')?.[family] ?? '', port: NODE_PORT };
        const served = await peerAt('c').ask({ kind: 'listen', protocol, ...pod, says: 'own' });
        assert.equal(served.error, undefined);
        const reply = await peerAt('a').ask(
          protocol === 'TCP'
            ? { kind: 'connect', ...pod }
            : { kind: 'send', count: 1, isConnected: false, ...pod },
        );
        assert.deepEqual([reply.error, reply.said], [undefined, ['own']]);
      });

      test('what the endpoint’s node does not know, or knows without direct return, goes nowhere', async () => {
        for (const over of [{ ports: [] }, { options: NO_FRONTEND_OPTIONS }]) {
          await programAll(['b']);
          await two.program(two.nodeNamed('n2'), { pods: ['b'], over });
          const count = (): number => dropped('n2', 'service-elsewhere');
          const before = count();
          const [answer] = await burst(two.client, to, { count: 1, waitMs: SILENCE_MS });
          assert.deepEqual(answer, { kind: 'error', error: 'timeout' });
          // Once for each try: what went around would do so some thirty times.
          const tries = count() - before;
          assert.ok(tries > 0 && tries < 8, `${tries} packets`);
        }
      });

      test(
        'a segment that the endpoint’s node does not know is refused by that node',
        { skip: protocol === 'UDP' && 'of TCP alone' },
        async () => {
          await programAll(['b']);
          assert.match(await hold('lost', to), /^b sees/);
          const { flows } = two.nodeNamed('n2').agent.bpf.maps;
          flows.deleteAll(flows.entries().map(([key]) => key));
          assert.equal(await hold('lost', to), 'ECONNRESET');
          await two.client.ask({ kind: 'forget' });
        },
      );
    });
