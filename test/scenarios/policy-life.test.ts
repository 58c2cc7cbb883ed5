// Policies while what keeps them and what they are of comes and goes: agents that are killed, and a namespace that is deleted with its pods and policies.
// Probes run all the time: what should not pass never does, and what may goes on.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import type { AgentStatus } from '../../src/agent/status.ts';
import { POLICY_BACKENDS } from '../../src/backends/registry.ts';
import { parseIp } from '../../src/base/ip.ts';
import { Lifetime } from '../../src/base/lifetime.ts';
import { nodePaths, pathRoots, podNetns } from '../../src/base/paths.ts';
import { getJson } from '../../src/lab/cluster/unix-http.ts';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { holdConnection, type HeldConnection } from '../contract/policy-held.ts';
import { serveEverywhere, watchProbes, type Party, type Probe } from '../contract/policy-prober.ts';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';

const NAME = clusterName('pl');
const NODES = ['node-1', 'node-2'] as const;
const ROOTS = pathRoots(findCgroupMount() ?? '/sys/fs/cgroup');
const BACK_MS = 20_000;
const PORT = 80;
const PROTOCOLS = ['TCP', 'UDP'] as const;

interface PodObject {
  readonly metadata: { readonly uid: string };
  readonly status: { readonly podIPs?: readonly { readonly ip: string }[] };
}

/** Both addresses of each pod, of one family after the other. */
function partiesOf(namespace: string, app: string): readonly (readonly Party[])[] {
  const text = kubectl(NAME, ['-n', namespace, 'get', 'pods', '-l', `app=${app}`, '-o', 'json']);
  const { items } = JSON.parse(text) as { readonly items: readonly PodObject[] };
  return items.map(({ metadata: { uid }, status }) => {
    const netns = podNetns(ROOTS, NAME, uid);
    return (status.podIPs ?? []).map((it) => ({ netns, ip: parseIp(it.ip) }));
  });
}

type Pods = ReturnType<typeof partiesOf>;

/** From each to each, in every way. */
function probesOf(from: Pods, to: Pods, isExpected: boolean): readonly Probe[] {
  return from.flatMap((asks) =>
    to.flatMap((answers) =>
      asks.flatMap((party, family) =>
        PROTOCOLS.flatMap((protocol): readonly Probe[] => {
          const other = answers[family];
          return other === undefined ? [] : [{ from: party, to: other, protocol, port: PORT, isExpected }];
        }),
      ),
    ),
  );
}

function told(probes: readonly Probe[]): readonly string[] {
  return probes.map(
    ({ from, to, protocol, isExpected }) =>
      `${from.ip} > ${to.ip} ${protocol} ${isExpected ? 'was not made' : 'passed'}`,
  );
}

function pidOf(process_: string): number {
  const file = `/run/fairlead/${NAME}/pids/${process_}.json`;
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly pid: number }).pid;
}

/** Ends the agents of all nodes and waits for those that come instead. */
async function restartAgents(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const before = NODES.map((it) => pidOf(`agent-${it}`));
  for (const pid of before) process.kill(pid, signal);
  await eventually(() => {
    for (const [at, node] of NODES.entries()) assert.notEqual(pidOf(`agent-${node}`), before[at]);
  }, BACK_MS);
  await eventually(async () => {
    for (const node of NODES) {
      const { agentSocket } = nodePaths(ROOTS, NAME, node);
      // It is the agent of this very version.
      const status = (await getJson(agentSocket, '/status', AbortSignal.timeout(BACK_MS))) as AgentStatus;
      assert.ok(status.isReady && status.engine.isConverged, node);
    }
  }, BACK_MS);
}

/** Runs a program while probes go on; throws with its words where it fails. */
const aside = async (program: string, args: readonly string[]): Promise<void> => {
  const env = { ...process.env, KUBECONFIG: `/var/lib/fairlead/${NAME}/kubeconfig` };
  await promisify(execFile)(program, [...args], { env });
};

suite('policies while agents and namespaces go', () => {
  const lifetime = new Lifetime('policy life');
  let [servers, friends, strangers]: readonly Pods[] = [[], [], []];

  before(async () => {
    const manifest = readFileSync(new URL('policy-life.yaml', import.meta.url), 'utf8');
    const args = ['up', '--name', NAME, '--nodes', String(NODES.length), '--no-check', '-q', '-f', '-'];
    const up = fairlead(args, manifest);
    assert.equal(up.code, 0, up.stderr + up.stdout);
    [servers, friends, strangers] = ['server', 'friend', 'stranger'].map((app) => partiesOf('life', app));
    await serveEverywhere((servers ?? []).flat(), { TCP: [PORT], UDP: [PORT] }, lifetime);
  });
  after(async () => {
    await lifetime.close();
    const down = fairlead(['down', '--name', NAME, '-q']);
    assert.equal(down.code, 0, down.stderr);
  });

  for (const { name: backend } of POLICY_BACKENDS)
    suite(`by ${backend}`, () => {
      before(() => {
        const { code, stderr, stdout } = fairlead(['set', '--name', NAME, `policy=${backend}`]);
        assert.equal(code, 0, stderr + stdout);
      });

      for (const signal of ['SIGKILL', 'SIGTERM'] as const)
        test(`agents that end by ${signal} and start anew open nothing and close nothing`, async () => {
          const held = new Lifetime('held');
          try {
            const connections = await holdAll(friends ?? [], servers ?? [], held);
            const watch = watchProbes(() => [
              ...probesOf(friends ?? [], servers ?? [], true),
              ...probesOf(strangers ?? [], servers ?? [], false),
            ]);
            await restartAgents(signal);
            const wrong = told(await watch());
            const silent: string[] = [];
            for (const it of connections)
              if (!(await it.ask(true)) || !(await it.answer(true))) silent.push(it.name);
            assert.deepEqual({ wrong, silent }, { wrong: [], silent: [] });
          } finally {
            await held.close();
          }
        });

      test('a namespace that is deleted with its pods and policies opens nothing on its way', async () => {
        const namespace = `leaves-${backend}`;
        kubectl(NAME, ['apply', '-f', '-'], { input: leaving(namespace) });
        kubectl(NAME, ['-n', namespace, 'wait', 'pod/slow', '--for=condition=Ready', '--timeout=30s']);
        const served = new Lifetime('served');
        try {
          const slow = partiesOf(namespace, 'slow');
          assert.equal(slow.flat().length, 2);
          await serveEverywhere(slow.flat(), { TCP: [PORT], UDP: [PORT] }, served);
          await eventually(async () => {
            const asOfNow = watchProbes(() => probesOf(friends ?? [], slow, true));
            assert.deepEqual(told(await asOfNow()), []);
          });
          const watch = watchProbes(() => probesOf(strangers ?? [], slow, false));
          await aside('kubectl', ['delete', 'namespace', namespace, '--timeout=60s']);
          assert.deepEqual(told(await watch()), []);
        } finally {
          await served.close();
        }
      });
    });
});

async function holdAll(from: Pods, to: Pods, lifetime: Lifetime): Promise<readonly HeldConnection[]> {
  const all: HeldConnection[] = [];
  for (const asks of from)
    for (const answers of to)
      for (const [family, party] of asks.entries()) {
        const other = answers[family];
        assert.ok(other);
        for (const protocol of PROTOCOLS)
          all.push(await holdConnection(protocol, { from: party, to: other }, lifetime));
      }
  return all;
}

/** A pod that takes its time to end, which its friends alone may reach. */
function leaving(namespace: string): string {
  const ingress = [
    {
      from: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'life' } },
          podSelector: { matchLabels: { app: 'friend' } },
        },
      ],
    },
  ];
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace, name: 'friends-alone' },
      spec: { podSelector: {}, ingress },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace,
        name: 'slow',
        labels: { app: 'slow' },
        annotations: { 'fairlead.dev/host-programs': 'slow' },
      },
      spec: {
        terminationGracePeriodSeconds: 3,
        containers: [{ name: 'slow', image: 'slow', command: ['sh', '-c', 'trap "" TERM; sleep 1000'] }],
      },
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
