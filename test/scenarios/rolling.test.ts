// What people do to a cluster that serves: a new version is rolled out while the Service backend changes, a node is drained. Clients inside by
// the ClusterIP, and outside by `fairlead balancer`, lose not one request.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Lifetime } from '../../src/base/lifetime.ts';
import { pathRoots, podNetns } from '../../src/base/paths.ts';
import { findCgroupMount } from '../../src/sys/cgroup.ts';
import { clusterName, fairlead, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { setProxy } from './backend-rows.ts';
import { Prober } from './prober-client.ts';
import type { Tally } from './prober-types.ts';

const NAME = clusterName('ro');
const CLONE = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const EVERY_MS = 15;
const ANSWER_MS = 5_000;
const GONE_MS = 30_000;

/** A client, and by what it reaches the Service. */
interface Client {
  readonly name: string;
  readonly prober: Prober;
  readonly host: string;
  readonly port: number;
}

interface BalancerReport {
  readonly connections: Readonly<Record<string, number>>;
  readonly refused: number;
}

const lifetime = new Lifetime('rolling');
let clients: readonly Client[] = [];
let endBalancer: () => Promise<BalancerReport>;

suite('rolling', () => {
  before(async () => {
    const manifest = readFileSync(new URL('rolling.yaml', import.meta.url), 'utf8').replaceAll(
      'CLONE',
      CLONE,
    );
    const up = fairlead(['up', '--name', NAME, '--nodes', '2', '--no-check', '-q', '-f', '-'], manifest);
    assert.equal(up.code, 0, up.stderr + up.stdout);
    const balancer = await startBalancer();
    endBalancer = balancer.end;
    const clusterIp = kubectl(NAME, ['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
    clients = [
      { name: 'a pod', prober: await podProber(), host: clusterIp, port: 80 },
      { name: 'the machine', prober: await ownProber(), host: '127.0.0.1', port: balancer.port },
    ];
  });
  after(async () => {
    await lifetime.close();
    const down = fairlead(['down', '--name', NAME, '-q']);
    assert.equal(down.code, 0, down.stderr);
  });

  test('a new version and another Service backend at once lose no request', async () => {
    const old = podsOf('web');
    await underLoad(async () => {
      kubectl(NAME, ['rollout', 'restart', 'deploy/web']);
      setProxy(NAME, 'nftables');
      kubectl(NAME, ['rollout', 'status', 'deploy/web', '--timeout=60s']);
      await untilGone(old);
    });
  });

  test('a node that is drained loses no request', async () => {
    const leaving = podsOf('web', 'node-2');
    assert.ok(leaving.length > 0, 'node-2 has endpoints before');
    const tallies = await underLoad(async () => {
      kubectl(NAME, ['drain', 'node-2', '--ignore-daemonsets', '--force', '--timeout=60s']);
      await untilGone(leaving);
    });
    const used = new Set(tallies.flatMap((it) => Object.keys(it.texts)));
    assert.ok(leaving.some((it) => used.has(it)));
    assert.deepEqual(podsOf('web', 'node-2'), []);
  });

  test('the balancer has used both nodes, and found one for every connection', async () => {
    const { connections, refused } = await endBalancer();
    assert.deepEqual([Object.keys(connections).sort(), refused], [['node-1', 'node-2'], 0]);
  });
});

/** Asks from everywhere while `work` goes on: every answer must be a good one. */
async function underLoad(work: () => Promise<void>): Promise<readonly Tally[]> {
  const loads = await Promise.all(
    clients.map(({ prober, host, port }) =>
      prober.request('load', {
        ask: { kind: 'http', host, port, say: '/hostname', timeoutMs: ANSWER_MS },
        everyMs: EVERY_MS,
      }),
    ),
  );
  // A load that is left running would outlive the test.
  const stop = (): Promise<readonly Tally[]> =>
    Promise.all(clients.map(({ prober }, i) => prober.request('stop', loads[i] ?? 0)));
  await work().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const tallies = await stop();
  return tallies.map((tally, i) => {
    assert.deepEqual(tally.errors, {}, `${clients[i]?.name}: ${JSON.stringify(tally)}`);
    assert.ok(tally.sent > 100);
    return tally;
  });
}

function podsOf(app: string, node?: string): readonly string[] {
  const where = node === undefined ? [] : [`--field-selector=spec.nodeName=${node}`];
  const names = kubectl(NAME, ['get', 'pods', '-l', `app=${app}`, ...where, '-o', 'name']);
  return names
    .split('\n')
    .filter((it) => it !== '')
    .map((it) => it.replace('pod/', ''));
}

async function untilGone(pods: readonly string[]): Promise<void> {
  await eventually(() => {
    const there = podsOf('web');
    assert.deepEqual(
      pods.filter((it) => there.includes(it)),
      [],
    );
  }, GONE_MS);
}

function podProber(): Promise<Prober> {
  const uid = kubectl(NAME, ['get', 'pod', 'client', '-o', 'jsonpath={.metadata.uid}']);
  return connect(podNetns(pathRoots(findCgroupMount() ?? ''), NAME, uid), 'client');
}

function ownProber(): Promise<Prober> {
  const name = `${NAME}-outside`;
  const program = `${CLONE}/node_modules/node/bin/node`;
  const child = spawn(program, [`${CLONE}/test/scenarios/prober.ts`, name, '0'], { stdio: 'ignore' });
  lifetime.defer('prober outside', () => ended(child, 'SIGKILL'));
  return connect('/proc/self/ns/net', name);
}

async function connect(netns: string, name: string): Promise<Prober> {
  const prober = await Prober.connect(netns, name);
  lifetime.defer(`connection to ${name}`, () => prober.close());
  return prober;
}

/** As a user starts it; its end gives what it reports. */
async function startBalancer(): Promise<{
  readonly port: number;
  readonly end: () => Promise<BalancerReport>;
}> {
  const args = ['balancer', 'default/web', '--name', NAME, '--interval', '200ms', '-o', 'json'];
  const child = spawn(`${CLONE}/bin/fairlead`, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  lifetime.defer('balancer', () => ended(child, 'SIGKILL'));
  let report = '';
  child.stdout.on('data', (part: Buffer) => (report += part.toString()));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const match = /^Balances default\/web at 127\.0\.0\.1:(\d+) /.exec(line);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('exit', (code) => reject(new Error(`the balancer ended with ${code}`)));
  });
  const end = async (): Promise<BalancerReport> => {
    await ended(child, 'SIGINT');
    return JSON.parse(report) as BalancerReport;
  };
  return { port, end };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  await end;
}
