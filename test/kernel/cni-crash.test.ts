// The CNI server is killed with SIGKILL while it serves ADD and DEL, again and again: no address is lost, none is given out twice, and what
// was answered stands.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openNetlink } from '../../src/sys/netlink.ts';
import { createNetns, deleteNetns } from '../../src/sys/netns.ts';
import { runCni, type CniExit } from '../support/cni-executable.ts';
import { assertNoLeaks, takeSnapshot, type LeakSnapshot } from '../support/leaks.ts';
import { scaledMs } from '../support/time-scale.ts';
import { ownName } from '../support/own-name.ts';

const ROUNDS = Number(process.env['CNI_CRASH_ROUNDS'] ?? 15);
const PREFIX = ownName('crash');
const NODE = `/run/netns/${PREFIX}-node`;
const PODS = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
const PROGRAM = new URL('../support/cni-server-process.ts', import.meta.url).pathname;
const folder = mkdtempSync(path.join(tmpdir(), `${PREFIX}-`));
const socket = `${folder}/cni.sock`;
let machine: LeakSnapshot;
let server: ChildProcess | undefined;

before(async () => {
  machine = await takeSnapshot({ prefix: PREFIX });
  createNetns(NODE);
  for (const pod of PODS) createNetns(netnsOf(pod));
});
after(async () => {
  await kill();
  for (const netns of [NODE, ...PODS.map(netnsOf)]) await deleteNetns(netns);
  rmSync(folder, { recursive: true });
  await assertNoLeaks(machine, { prefix: PREFIX });
});

function netnsOf(pod: string): string {
  return `/run/netns/${PREFIX}-${pod}`;
}

/** As many addresses as pods: one that leaks is missed at once. */
async function start(): Promise<void> {
  const config = {
    socketPath: socket,
    leasesFile: `${folder}/leases.db`,
    podCidrs: ['10.244.1.0/29', 'fd00:10:244:1::/64'],
    nodeIps: [],
    restMs: 0,
    reconcileEveryMs: 50,
  };
  const args = [`--net=${NODE}`, process.execPath, PROGRAM, JSON.stringify(config)];
  const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  server = child;
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the CNI server ended')));
  });
}

async function kill(): Promise<void> {
  const child = server;
  server = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
}

function call(command: 'ADD' | 'DEL' | 'CHECK', pod: string, prevResult?: unknown): Promise<CniExit> {
  const config = { cniVersion: '1.1.0', name: 'crash', type: 'fairlead-cni', socket, prevResult };
  return runCni({
    command,
    containerId: pod,
    netns: netnsOf(pod),
    ifname: 'eth0',
    config,
    timeoutMs: scaledMs(10_000),
  });
}

/** What the runtime knows: the result of every ADD that was answered with success and not deleted since. */
type Added = Map<string, Readonly<Record<string, unknown>>>;

/** One ADD or DEL per pod at once, and the server killed `afterMs` into it. */
async function disturbedRound(added: Added, afterMs: number): Promise<readonly string[]> {
  const calls = PODS.map(async (pod) => {
    const wasAdded = added.has(pod);
    const exit = await call(wasAdded ? 'DEL' : 'ADD', pod);
    return { pod, wasAdded, exit };
  });
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await kill();
  const failed: string[] = [];
  for (const { pod, wasAdded, exit } of await Promise.all(calls)) {
    if (wasAdded) {
      assert.equal(exit.code, 0, `a DEL succeeds or is queued: ${exit.stdout}`);
      added.delete(pod);
    } else if (exit.code === 0 && exit.json !== undefined) {
      added.set(pod, exit.json);
    } else {
      assert.equal(exit.json?.['code'], 11, exit.stdout);
      failed.push(pod);
    }
  }
  return failed;
}

function addressesOf(added: Added): readonly string[] {
  return [...added.values()].flatMap((it) => (it['ips'] as { address: string }[]).map((ip) => ip.address));
}

test(`${ROUNDS} deaths at random points of ADD and DEL`, async (t) => {
  const delays = fc.sample(fc.integer({ min: 0, max: 60 }), ROUNDS);
  t.diagnostic(`killed after ${delays.join(', ')} ms`);
  const added: Added = new Map();
  for (const afterMs of delays) {
    await start();
    const failed = await disturbedRound(added, afterMs);
    await start();
    // What a runtime does about a failed ADD.
    for (const pod of failed) assert.equal((await call('DEL', pod)).code, 0);
    for (const [pod, prevResult] of added) {
      const check = await call('CHECK', pod, prevResult);
      assert.equal(check.code, 0, check.stdout);
    }
    const addresses = addressesOf(added);
    assert.equal(new Set(addresses).size, addresses.length, addresses.join(' '));
    await kill();
  }
});

test('afterwards every address is still there to be given out, and DEL leaves no link', async () => {
  await start();
  for (const pod of PODS) assert.equal((await call('DEL', pod)).code, 0);
  const all: Added = new Map();
  for (const pod of PODS) {
    const exit = await call('ADD', pod);
    assert.equal(exit.code, 0, exit.stdout);
    all.set(pod, exit.json ?? {});
  }
  assert.equal(new Set(addressesOf(all)).size, 2 * PODS.length);
  for (const pod of PODS) assert.equal((await call('DEL', pod)).code, 0);
  const netlink = openNetlink(NODE);
  assert.deepEqual(
    (await netlink.links()).map((it) => it.name),
    ['lo'],
  );
  netlink.close();
  await kill();
});

test('a failed ADD whose DEL never comes is taken back by the agent itself once its namespace is gone', async () => {
  createNetns(netnsOf('brief'));
  await start();
  assert.equal((await call('ADD', 'brief')).code, 0);
  await kill();
  await deleteNetns(netnsOf('brief'));
  await start();
  const results: Added = new Map();
  const deadline = Date.now() + 5000;
  for (const pod of PODS) {
    let exit = await call('ADD', pod);
    while (exit.code !== 0 && Date.now() < deadline) exit = await call('ADD', pod);
    assert.equal(exit.code, 0, exit.stdout);
    results.set(pod, exit.json ?? {});
  }
  for (const pod of PODS) assert.equal((await call('DEL', pod)).code, 0);
  await kill();
});
