// What must not be felt: an agent killed at work, the API server away. Connections through the node are counted, not looked at.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { machineRoots } from '../../src/cli/installation.ts';
import { NodeFolders } from '../../src/lab/kubelet/pod-folders.ts';
import { ControlClient } from '../../src/lab/workload/control-client.ts';
import { eventually } from '../support/eventually.ts';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { scaledMs } from '../support/time-scale.ts';
import { assertUnhurt, traffic } from '../support/traffic.ts';
import { changedLines, machinePicture, type MachinePicture } from '../support/machine.ts';

const NAME = clusterName('fa');
/** A cold start of the API server on a machine that is busy with other things. */
const BACK_MS = 15_000;

function pidOf(process_: string): number {
  return (JSON.parse(readFileSync(`/run/fairlead/${NAME}/pids/${process_}.json`, 'utf8')) as { pid: number })
    .pid;
}

/** Traffic from a pod of node-1 to Service api, whose endpoints are on other nodes too, while `disturb` does its worst. */
async function whileTrafficRuns(seconds: number, disturb: () => Promise<void>): ReturnType<typeof traffic> {
  const pods = JSON.parse(
    kubectl(NAME, ['-n', 'shop', 'get', 'pods', '-l', 'app=toolbox', '-o', 'json']),
  ) as {
    items: { metadata: { name: string }; spec: { nodeName: string } }[];
  };
  const pod = pods.items.find((it) => it.spec.nodeName === 'node-1')?.metadata.name ?? '';
  const tally = traffic(NAME, pod, seconds);
  await sleep(1500);
  await disturb();
  return tally;
}

/** Connects once from each toolbox to two Services by name, without a word to the API server; gives what failed. */
async function dialsByName(): Promise<() => Promise<readonly string[]>> {
  const pods = JSON.parse(
    kubectl(NAME, ['-n', 'shop', 'get', 'pods', '-l', 'app=toolbox', '-o', 'json']),
  ) as { items: { metadata: { name: string; uid: string }; spec: { nodeName: string } }[] };
  assert.equal(pods.items.length, 3);
  const targets = [
    { host: 'api', port: 8080, protocol: 'TCP' },
    { host: 'api', port: 8081, protocol: 'UDP' },
    { host: 'web', port: 80, protocol: 'TCP' },
    { host: 'database-0.database.shop-data', port: 5432, protocol: 'TCP' },
  ] as const;
  return async () => {
    const results = await Promise.all(
      pods.items.map(async ({ metadata: { name, uid }, spec: { nodeName } }) => {
        const node = new NodeFolders(machineRoots(), NAME, nodeName);
        const { netns, resolvConf, hosts } = node.pod({ namespace: 'shop', name, uid });
        const client = new ControlClient(node.workloadSocket);
        try {
          const request = { netns, resolvConf, hosts, targets, timeoutMs: 3000 };
          const answers = await client.dial(request, AbortSignal.timeout(scaledMs(20_000)));
          return answers.flatMap(({ error }, i) =>
            error === undefined ? [] : [`${name} -> ${targets[i]?.host ?? ''}: ${error}`],
          );
        } finally {
          client.close();
        }
      }),
    );
    return results.flat();
  };
}

function logBytes(): number {
  const folder = `/var/lib/fairlead/${NAME}/log`;
  return readdirSync(folder).reduce((sum, file) => sum + statSync(`${folder}/${file}`).size, 0);
}

suite('faults', () => {
  let before_: MachinePicture;

  before(() => {
    before_ = machinePicture();
    const result = fairlead(['up', '--name', NAME, '-f', 'examples/shop']);
    assert.equal(result.code, 0, result.stderr + result.stdout);
  });

  after(() => {
    assert.equal(fairlead(['down', '--name', NAME]).code, 0);
    assert.deepEqual(changedLines(before_, machinePicture(), NAME), []);
  });

  test('killing the agents of both ends loses no datagram, no connection, no name', async () => {
    const tally = await whileTrafficRuns(6, async () => {
      const pids = ['agent-node-1', 'agent-node-2', 'agent-node-3'].map(pidOf);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await sleep(3000);
      for (const [i, pid] of pids.entries())
        assert.notEqual(pidOf(`agent-node-${i + 1}`), pid, 'the supervisor started it again');
    });
    assertUnhurt(tally);
  });

  test('killing the supervisor changes nothing, and the next up takes over', async () => {
    const apiServer = pidOf('apiserver');
    process.kill(pidOf('supervisor'), 'SIGKILL');
    await sleep(500);
    assert.equal(pidOf('apiserver'), apiServer);
    assert.equal(fairlead(['up', '--name', NAME, '--no-check']).code, 0);
    assert.equal(fairlead(['status', '--name', NAME, '--wait']).code, 0);
    assert.equal(pidOf('apiserver'), apiServer);
  });

  test('kill -9 of the API server loses no object, and everybody comes back to it', async () => {
    kubectl(NAME, ['create', 'configmap', 'kept', '--from-literal=a=b']);
    const pid = pidOf('apiserver');
    process.kill(pid, 'SIGKILL');
    await eventually(() => assert.notEqual(pidOf('apiserver'), pid), BACK_MS);
    // The first answer that comes at all must have the object.
    await eventually(() => void kubectl(NAME, ['get', '--raw', '/readyz']), BACK_MS);
    assert.equal(kubectl(NAME, ['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}']), 'b');
    kubectl(NAME, ['-n', 'shop', 'scale', 'deploy/api', '--replicas=3']);
    kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deploy/api', '--timeout=60s']);
    assert.equal(fairlead(['status', '--name', NAME, '--wait']).code, 0);
  });

  test('while the API server hangs, new connections by name go on, also through agents and DNS processes that are killed', async () => {
    const dials = await dialsByName();
    const apiServer = pidOf('apiserver');
    const logsBefore = logBytes();
    process.kill(apiServer, 'SIGSTOP');
    try {
      assert.deepEqual(await dials(), [], 'with the API server gone');
      for (const { name } of ['1', '2', '3'].flatMap((i) => [
        { name: `agent-node-${i}` },
        { name: `dns-node-${i}` },
      ]))
        process.kill(pidOf(name), 'SIGKILL');
      await sleep(4000);
      for (let i = 0; i < 20; i++) {
        assert.deepEqual(await dials(), [], 'with all agents and DNS processes started anew');
        await sleep(200);
      }
      const grown = logBytes() - logsBefore;
      assert.ok(grown < 1_000_000, `nobody asks in a tight loop: logs grew by ${grown} bytes`);
    } finally {
      process.kill(apiServer, 'SIGCONT');
    }
    kubectl(NAME, ['-n', 'shop', 'scale', 'deploy/api', '--replicas=2']);
    kubectl(NAME, ['-n', 'shop', 'rollout', 'status', 'deploy/api', '--timeout=60s']);
    assert.equal(fairlead(['status', '--name', NAME, '--wait']).code, 0);
    assert.deepEqual(await dials(), []);
  });

  test('an agent that hangs: up waits no longer than it is told, and names the node', () => {
    const agent = pidOf('agent-node-2');
    process.kill(agent, 'SIGSTOP');
    try {
      const result = fairlead(['up', '--name', NAME, '--no-check', '--wait', '1s']);
      assert.equal(result.code, 124, result.stderr);
      assert.match(result.stderr, /node-2 to program .*: its agent to answer/);
    } finally {
      process.kill(agent, 'SIGCONT');
    }
    assert.equal(fairlead(['up', '--name', NAME]).code, 0);
  });

  test('a kubelet part that is killed adopts its pods: none restarts', async () => {
    const starts = (): string =>
      kubectl(NAME, [
        'get',
        'pods',
        '-A',
        '-o',
        'jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount} {.status.containerStatuses[*].state.running.startedAt}{"\\n"}{end}',
      ]);
    const asBefore = starts();
    process.kill(pidOf('kubelet'), 'SIGKILL');
    await sleep(3000);
    assert.equal(starts(), asBefore);
    assert.equal(fairlead(['connectivity', 'test', '--name', NAME]).code, 0);
  });
});
