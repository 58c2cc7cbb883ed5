// `up` and `down` ended at any moment: whatever they leave, the next `up` completes and the next `down` clears.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clusterName, fairlead, kubectl, run, type CommandResult } from '../support/cluster.ts';
import { clusterTraces } from '../support/cluster-traces.ts';

const NAME = clusterName('in');
const PROGRAM = fileURLToPath(new URL('../../bin/fairlead', import.meta.url));
const UP = ['up', '--name', NAME, '--nodes', '1', '--no-check'];
const DOWN = ['down', '--name', NAME];

/** Starts the command and sends it `signal` after a while, in whatever it is doing then. */
async function endedAfter(
  args: readonly string[],
  ms: number,
  signal: NodeJS.Signals,
): Promise<CommandResult & { readonly signal: NodeJS.Signals | null }> {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('close', (code, by) => resolve([code, by])),
  );
  const timer = setTimeout(() => child.kill(signal), ms);
  const [code, by] = await ended;
  clearTimeout(timer);
  return { code, signal: by, stdout, stderr };
}

/** One process of each name at most: two supervisors would fight over everything. */
function assertNoDoubles(): void {
  const processes = clusterTraces(NAME).filter((line) => line.startsWith('processes:'));
  const configs = processes.map((line) => /config\/([^ ]+)\.json/.exec(line)?.[1] ?? 'supervisor');
  assert.deepEqual([...new Set(configs)].sort(), configs.toSorted(), processes.join('\n'));
}

function good(args: readonly string[]): CommandResult {
  const result = fairlead(args);
  assert.equal(result.code, 0, `fairlead ${args.join(' ')}\n${result.stdout}\n${result.stderr}`);
  return result;
}

suite('interrupted', () => {
  after(() => {
    good(DOWN);
    assert.deepEqual(clusterTraces(NAME), []);
  });

  test('kill -9 and Ctrl-C at any moment of up and down', async (t) => {
    // Delays that grow by a factor: the first milliseconds hold the most steps. The sequence is fixed, the machine is random enough.
    for (let round = 0; round < 12; round++) {
      const ms = Math.round(180 * 1.25 ** round);
      const signal = round % 3 === 2 ? 'SIGINT' : 'SIGKILL';
      const up = await endedAfter(UP, ms, signal);
      t.diagnostic(`up: ${signal} after ${ms} ms: ${up.signal ?? up.code}`);
      if (signal === 'SIGINT' && up.signal === null && up.code !== 0) assert.equal(up.code, 130, up.stderr);
      if (round % 2 === 0) {
        const down = await endedAfter(DOWN, 120 + 60 * round, 'SIGKILL');
        t.diagnostic(`down: SIGKILL after ${120 + 60 * round} ms: ${down.signal ?? down.code}`);
      }
    }
    good(UP);
    good(['status', '--name', NAME, '--wait']);
    assertNoDoubles();
    good(DOWN);
    assert.deepEqual(clusterTraces(NAME), []);
  });

  test('a namespace without its mount, stale and damaged records, a lock file: up completes, down clears', () => {
    mkdirSync('/run/netns', { recursive: true });
    for (const owner of ['fabric', 'node-1']) writeFileSync(`/run/netns/${NAME}.${owner}`, '');
    const pids = `/run/fairlead/${NAME}/pids`;
    mkdirSync(pids, { recursive: true });
    writeFileSync(`/run/fairlead/${NAME}.lock`, '"fairlead up" (process 1)');
    writeFileSync(
      `${pids}/apiserver.json`,
      JSON.stringify({ name: 'apiserver', pid: process.pid, startTime: 1 }),
    );
    writeFileSync(`${pids}/kubelet.json`, '{"name":"kube');
    good(UP);
    assert.equal(existsSync(`/run/fairlead/${NAME}.lock`), false);
    good(['status', '--name', NAME, '--wait']);
    // A host's end that an earlier `up` made and did not come to address.
    const links = (): readonly string[] =>
      clusterTraces(NAME).filter((line) => /^(addresses|routes)/.test(line));
    const whole = links();
    assert.equal(run('ip', ['address', 'flush', 'dev', `fl-${NAME}`]).code, 0);
    assert.equal(run('ip', ['link', 'set', `fl-${NAME}`, 'down']).code, 0);
    assert.notDeepEqual(links(), whole);
    good(UP);
    assert.deepEqual(
      links().filter((line) => !line.includes('fe80')),
      whole.filter((line) => !line.includes('fe80')),
    );
  });

  test('two at once: one waits for the other, and one supervisor runs', async () => {
    good(DOWN);
    const results = await Promise.all([1, 2, 3].map(() => endedAfter(UP, 170_000, 'SIGKILL')));
    for (const result of results) assert.equal(result.code, 0, result.stderr);
    assert.equal(results.filter((it) => it.stdout.includes(' is up')).length, 1);
    assertNoDoubles();
  });

  test('a supervisor that dies before it writes down what it started is followed by one that finds it', () => {
    const record = `/run/fairlead/${NAME}/pids/agent-node-1.json`;
    const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number };
    const supervisor = JSON.parse(readFileSync(`/run/fairlead/${NAME}/pids/supervisor.json`, 'utf8')) as {
      pid: number;
    };
    process.kill(supervisor.pid, 'SIGKILL');
    rmSync(record);
    good(UP);
    good(['status', '--name', NAME, '--wait']);
    assertNoDoubles();
    assert.equal((JSON.parse(readFileSync(record, 'utf8')) as { pid: number }).pid, pid);
  });

  test('down while up waits: up says what happened', async () => {
    const pod = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'never' },
      spec: { containers: [{ name: 'c', image: 'x' }], nodeSelector: { no: 'where' } },
    });
    writeFileSync(`/tmp/${NAME}.json`, pod);
    try {
      const waiting = endedAfter([...UP, '-f', `/tmp/${NAME}.json`], 170_000, 'SIGKILL');
      for (let i = 0; i < 300 && !isThere('pod/never'); i++) await sleep(100);
      good(DOWN);
      const result = await waiting;
      assert.equal(result.code, 130, result.stderr);
      assert.match(result.stderr, /it was taken down meanwhile/);
    } finally {
      rmSync(`/tmp/${NAME}.json`);
    }
  });

  test('after a reboot (nothing left but the state) up brings all back, pods too', () => {
    good([...UP, '-f', 'examples/shop']);
    const before = kubectl(NAME, ['get', 'pods', '-A', '-o', 'name']);
    reboot();
    assert.deepEqual(
      clusterTraces(NAME).filter((line) => !/^(folders|clusters)/.test(line)),
      [],
    );
    const result = good(['up', '--name', NAME, '-f', 'examples/shop']);
    assert.match(result.stdout, /stood already and nothing had to change/);
    assert.match(result.stdout, /Connectivity: all good/);
    assert.equal(kubectl(NAME, ['get', 'pods', '-A', '-o', 'name']), before);
  });
});

function isThere(what: string): boolean {
  return (
    run('kubectl', ['get', what], { env: { KUBECONFIG: `/var/lib/fairlead/${NAME}/kubeconfig` } }).code === 0
  );
}

/** What a reboot takes: processes, namespaces, links, mounts, cgroups, everything below /run. */
function reboot(): void {
  const cgroup = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup']
    .map((mount) => `${mount}/fairlead/${NAME}`)
    .find((path) => existsSync(path));
  assert.ok(cgroup);
  writeFileSync(`${cgroup}/cgroup.kill`, '1');
  const shell = (script: string): void => {
    const result = run('/bin/sh', ['-ec', script]);
    assert.equal(result.code, 0, result.stderr);
  };
  shell(
    `for i in $(seq 100); do test -d ${cgroup} || break; find ${cgroup} -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1; done; test ! -d ${cgroup}`,
  );
  for (const name of readdirSync('/run/netns').filter((it) => it.startsWith(`${NAME}.`)))
    shell(`umount /run/netns/${name}; rm /run/netns/${name}`);
  shell(`ip link delete fl-${NAME} 2>/dev/null || true`);
  shell(
    `tac /proc/mounts | cut -d' ' -f2 | grep -E '^/(run|var/lib)/fairlead/${NAME}/' | while read -r m; do umount "$m"; done`,
  );
  rmSync(`/run/fairlead/${NAME}`, { recursive: true });
}
