// What a pod hears where nobody answers: an error that says so, never silence and never somebody outside.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FAMILIES, type Family, type World } from './network-world.ts';

const AT_ONCE_MS = 500;
const CLOSED_PORT = 9;
/** The kernel may hold such an error back (while connect() still works, or by its limit) until a later try of TCP's: after 1, 3, 7 s. */
const PATIENCE_MS = 8000;
const NO_WAY: Readonly<Record<Family, string>> = { 4: 'EHOSTUNREACH', 6: 'ENETUNREACH' };

/** In the prefix of a node, yet nobody's. */
function addressOn(index: number, family: Family): string {
  return family === 4 ? `10.244.${index}.250` : `fd00:10:244:${index}::fa`;
}

export function errorRows(world: () => World): void {
  for (const family of FAMILIES) {
    test(`IPv${family}: a closed port of a pod of another node refuses at once, TCP and UDP`, async () => {
      const { first, far } = world();
      const to = { host: far.ips[family], port: CLOSED_PORT };
      const answers = await Promise.all([
        first.prober.ask({ kind: 'http', say: '/', ...to }),
        first.prober.ask({ kind: 'udp', say: 'x', isConnected: true, ...to }),
      ]);
      for (const answer of answers) {
        assert.equal(answer.error, 'ECONNREFUSED');
        assert.ok(answer.ms < AT_ONCE_MS, `${answer.ms} ms`);
      }
    });

    test(`IPv${family}: an address of the pods that nobody has is unreachable, on whichever node it would be`, async () => {
      const [own, other] = [addressOn(0, family), addressOn(1, family)];
      const nowhere = family === 4 ? '10.244.250.250' : 'fd00:10:244:fa::fa';
      // One question per asker and node: what a node sends of such errors to one address is limited by its kernel.
      const hosts = [own, nowhere, other];
      const answers = await Promise.all(
        world().probes.map(({ prober }, i) =>
          prober.ask({ kind: 'http', host: hosts[i] ?? '', port: 80, say: '/', timeoutMs: PATIENCE_MS }),
        ),
      );
      const error = NO_WAY[family];
      assert.deepEqual(
        answers.map((it) => it.error),
        [error, error, error],
      );
    });

    test(`IPv${family}: an address of the Services that no Service has refuses at once, from pods and from nodes`, async () => {
      const hosts = family === 4 ? ['10.96.250.1', '10.96.250.2'] : ['fd00:10:96::fa01', 'fd00:10:96::fa02'];
      const { first, onNodes } = world();
      const ask = { kind: 'http', port: 80, say: '/', timeoutMs: PATIENCE_MS } as const;
      const answers = await Promise.all(
        [first.prober, ...onNodes.slice(0, 1)].map((it, i) => it.ask({ ...ask, host: hosts[i] ?? '' })),
      );
      assert.deepEqual(
        answers.map((it) => it.error),
        ['ECONNREFUSED', 'ECONNREFUSED'],
      );
    });

    test(`IPv${family}: a packet whose hops are used up comes back from the node where they were`, async () => {
      const { first, far, nodes } = world();
      const there = nodes.find((it) => it.name === far.node);
      for (const [hops, node] of [nodes[0], there].entries()) {
        const at = ['-t', String(hops + 1), far.ips[family]];
        await eventually(async () => {
          const output = await first.prober.run('ping', '-n', '-c1', '-W2', ...at);
          assert.match(output, /Time( to live)? exceeded/);
          assert.ok(output.includes(`From ${node?.ips[family]} `), output);
        }, PATIENCE_MS);
      }
      const output = await first.prober.run('ping', '-n', '-c1', '-W2', '-t', '3', far.ips[family]);
      assert.match(output, / 1 received/);
    });
  }

  test('after all of this no pod has asked who has an address: its two neighbours are the permanent ones', () => {
    for (const pod of [...world().probes, ...world().peers]) {
      const { stdout } = run('nsenter', [`--net=${pod.netns}`, 'ip', '-j', 'neigh', 'show', 'dev', 'eth0']);
      const entries = JSON.parse(stdout) as { readonly dst: string; readonly state: readonly string[] }[];
      assert.deepEqual(
        entries.map((it) => `${it.dst} ${it.state.join()}`).sort(),
        ['169.254.1.1 PERMANENT', 'fe80::1 PERMANENT'],
        pod.name,
      );
    }
  });
}
