// Two clusters on one machine, with the same prefixes: each works, and the end of one is not felt in the other.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clusterName, fairlead, kubectl, type CommandResult } from '../support/cluster.ts';
import { clusterTraces } from '../support/cluster-traces.ts';
import { assertUnhurt, traffic } from '../support/traffic.ts';

const NAMES = [clusterName('sa'), clusterName('sb')] as const;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = `${ROOT}bin/fairlead`;

function fairleadAsync(args: readonly string[]): Promise<CommandResult> {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

suite('side by side', () => {
  before(async () => {
    // At the same moment: both want the first number of the machine.
    const results = await Promise.all(
      NAMES.map((name) => fairleadAsync(['up', '--name', name, '--nodes', '2', '-f', 'examples/shop'])),
    );
    for (const result of results) assert.equal(result.code, 0, `${result.stderr}\n${result.stdout}`);
  });

  after(() => {
    for (const name of NAMES) assert.equal(fairlead(['down', '--name', name]).code, 0);
    assert.deepEqual(NAMES.flatMap(clusterTraces), []);
  });

  test('both have the same pod prefixes, and each reaches its own', async () => {
    for (const name of NAMES) {
      const prefixes = kubectl(name, ['get', 'nodes', '-o', 'jsonpath={.items[*].spec.podCIDR}']);
      assert.equal(prefixes, '10.244.0.0/24 10.244.1.0/24');
    }
    const results = await Promise.all(
      NAMES.map((name) => fairleadAsync(['connectivity', 'test', '--name', name])),
    );
    for (const result of results) assert.equal(result.code, 0, result.stdout);
  });

  test('the end of one loses no packet, no connection and no name in the other', async () => {
    const [gone, kept] = NAMES;
    const counted = traffic(kept, 'ds/toolbox', 8);
    await sleep(2_000);
    const down = await fairleadAsync(['down', '--name', gone]);
    assert.equal(down.code, 0, down.stderr);
    assert.deepEqual(clusterTraces(gone), []);
    assertUnhurt(await counted);
    const status = fairlead(['status', '--name', kept]);
    assert.equal(status.code, 0, status.stdout);
  });
});
