// Pods, nodes and the outside reach each other with the addresses they should have, and with no others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../support/cluster.ts';
import { FAMILIES, type Family, type Pod, type World } from './network-world.ts';
import { withOutsider } from './outsider.ts';
import type { Prober } from './prober-client.ts';
import type { Answer } from './prober-types.ts';

const KINDS = ['http', 'udp'] as const;

/** "10.244.0.1" of "10.244.0.1:4711", "fd00::1" of "[fd00::1]:4711". */
export function ipOf(text: string | undefined): string {
  return (text ?? '')
    .replace(/^\[/, '')
    .replace(/\]?:\d+$/, '')
    .replace(/^::ffff:/, '');
}

/** What a server of `pod` saw of the one who asked, in words where it failed. */
async function seenBy(prober: Prober, pod: Pick<Pod, 'ips'>, of: { family: Family; kind: 'http' | 'udp' }) {
  const [port, say] = of.kind === 'http' ? [8080, '/clientip'] : [8081, 'clientip'];
  const answer: Answer = await prober.ask({ kind: of.kind, host: pod.ips[of.family], port, say });
  return answer.error ?? ipOf(answer.text);
}

export function podNetworkRows(world: () => World): void {
  podToPod(world);
  nodesAndPods(world);
  outside(world);
}

function podToPod(world: () => World): void {
  for (const family of FAMILIES) {
    test(`IPv${family}: every pod reaches every pod by TCP and UDP, and is seen with its own address`, async () => {
      const { probes, peers } = world();
      const seen = await Promise.all(
        probes.flatMap((from) =>
          [...probes, ...peers].flatMap((to) =>
            KINDS.map(async (kind) => [from, to, await seenBy(from.prober, to, { family, kind })] as const),
          ),
        ),
      );
      assert.equal(seen.length, 36);
      for (const [from, to, ip] of seen) assert.equal(ip, from.ips[family], `${from.name} to ${to.name}`);
    });

    test(`IPv${family}: so do pods that are sockets of a shared process`, async () => {
      const { probes, peers } = world();
      const asker = world().first;
      for (const from of peers) {
        for (const to of [...probes, ...peers]) {
          for (const [protocol, port] of [
            ['http', 8080],
            ['udp', 8081],
          ] as const) {
            const say = `/dial?host=${encodeURIComponent(to.ips[family])}&port=${port}&protocol=${protocol}&request=clientip`;
            const answer = await asker.prober.ask({ kind: 'http', host: from.ips[family], port: 8080, say });
            const { responses } = JSON.parse(answer.text ?? '{}') as { responses?: string[] };
            assert.equal(
              ipOf(responses?.[0]),
              from.ips[family],
              `${from.name} to ${to.name}: ${answer.text}`,
            );
          }
        }
      }
    });

    test(`IPv${family}: every pod answers an echo request (ICMP)`, async () => {
      const { probes, peers } = world();
      const targets = [...probes, ...peers].map((it) => it.ips[family]);
      const outputs = await Promise.all(
        targets.map((ip) => world().first.prober.run('ping', '-n', '-c1', '-w10', ip)),
      );
      for (const output of outputs) assert.match(output, / 1 received/);
    });
  }
}

function nodesAndPods(world: () => World): void {
  test("processes of a node reach every pod, of their own and of other nodes, with the node's address", async () => {
    const { nodes, onNodes, probes, peers } = world();
    const seen = await Promise.all(
      onNodes.flatMap((prober, i) =>
        [...probes, ...peers].flatMap((pod) =>
          FAMILIES.flatMap((family) =>
            KINDS.map(async (kind) => ({
              what: `${prober.name} to ${pod.name}, ${kind}`,
              wanted: nodes[i]?.ips[family],
              ip: await seenBy(prober, pod, { family, kind }),
            })),
          ),
        ),
      ),
    );
    assert.equal(seen.length, 72);
    for (const { what, wanted, ip } of seen) assert.equal(ip, wanted, what);
  });

  test('a pod reaches its own node and others by their addresses, is seen with its own and gets its answer', async () => {
    const { nodes, probes } = world();
    for (const from of probes) {
      for (const node of nodes) {
        for (const family of FAMILIES) {
          for (const kind of KINDS) {
            const at = { kind, host: node.ips[family], port: 7002, say: '/clientip' };
            const answer = await from.prober.ask(at);
            assert.equal(
              answer.text ?? answer.error,
              from.ips[family],
              `${from.name} to ${node.name}, ${kind}`,
            );
          }
        }
      }
    }
  });
}

function outside(world: () => World): void {
  test('to the outside a pod goes with the address of its node, by TCP, UDP and ICMP', async () => {
    const { nodes, probes, outside: host } = world();
    await withOutsider(host, async (ports) => {
      for (const [i, from] of probes.entries()) {
        for (const family of FAMILIES) {
          for (const kind of KINDS) {
            const answer = await from.prober.ask({ kind, host: host[family], port: ports[kind], say: '/' });
            assert.equal(answer.text ?? answer.error, nodes[i]?.ips[family], `${from.name}, ${kind}`);
          }
          assert.match(await from.prober.run('ping', '-n', '-c1', '-w10', host[family]), / 1 received/);
        }
      }
    });
  });

  test('the machine itself has a way to the cluster link and to nothing else of the cluster', () => {
    const { outside: host, probes, nodes } = world();
    const link = `fl-${world().cluster}`;
    const deviceTo = (ip: string): string | undefined =>
      (JSON.parse(run('ip', ['-j', 'route', 'get', ip]).stdout || '[]') as { dev?: string }[])[0]?.dev;
    for (const family of FAMILIES) {
      assert.equal(deviceTo(nodes[0]?.ips[family] ?? ''), link);
      assert.notEqual(deviceTo(probes[0]?.ips[family] ?? ''), link);
      assert.notEqual(deviceTo(world().service('web')[family]), link);
      const routes = run('ip', [`-${family}`, 'route', 'show', 'dev', link])
        .stdout.trim()
        .split('\n');
      // The other route is to load balancers' addresses; `status` and docs/load-balancers.md tell of it.
      const others = routes.filter((it) => !it.includes('proto kernel') && !/^(10\.90|fd00:10:90:)/.test(it));
      assert.deepEqual(others, []);
      assert.ok(host[family] !== '');
    }
  });
}
