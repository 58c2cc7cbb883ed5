// Traffic from a pod to the shop's api, counted inside of the pod: what tests disturb while it runs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

const PING_PONG = fileURLToPath(new URL('ping-pong.ts', import.meta.url));

interface Tally {
  readonly udpSent: number;
  readonly udpBack: number;
  readonly newSent: number;
  readonly newGood: number;
  readonly held: boolean;
  readonly heldAnswers: boolean;
  readonly problems: readonly string[];
}

/** Runs for `seconds` in `pod` ("ds/toolbox", a pod's name) of the cluster; resolves with what was counted. */
export function traffic(cluster: string, pod: string, seconds: number): Promise<Tally> {
  // By standard input and for the machine's own Node: the clone may lie where a pod sees a folder of its own (/tmp).
  const program = ['node', '--input-type=module', '-', 'api', '8080', '8081', String(seconds)];
  const child = spawn('kubectl', ['-n', 'shop', 'exec', '-i', pod, '--', ...program], {
    env: { ...process.env, KUBECONFIG: `/var/lib/fairlead/${cluster}/kubeconfig` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(stripTypeScriptTypes(readFileSync(PING_PONG, 'utf8')));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', () => {
      try {
        resolve(JSON.parse(text) as Tally);
      } catch {
        reject(new Error(`no tally came from ${pod}: "${text}"`));
      }
    });
  });
}

/** Every datagram, connection and name came through. */
export function assertUnhurt(tally: Tally): void {
  assert.deepEqual(tally.problems, []);
  assert.equal(tally.udpBack, tally.udpSent, 'every datagram came back');
  assert.equal(tally.newGood, tally.newSent, 'every new connection by name was served');
  assert.ok(tally.held && tally.heldAnswers, 'the held connection lives');
  assert.ok(tally.udpSent > 100 && tally.newSent > 10);
}
