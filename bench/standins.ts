// Memory of a stand-in pod and how fast they come and go: one workload process, N stand-ins with a TCP and a UDP port each,
// in real namespaces. Prints JSON lines. Needs root.
// usage: node bench/standins.ts [stand-ins, default 300]

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parsePort } from '../src/base/port.ts';
import { ControlClient } from '../src/lab/workload/control-client.ts';
import type { WorkloadSpec } from '../src/lab/workload/workload-spec.ts';
import { createNetns, deleteNetns } from '../src/sys/netns.ts';

const COUNT = Number(process.argv[2] ?? 300);
const ROOT = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync('/tmp/t-bench-standins-');
const prefix = `t-bench-standins-${process.pid}`;
const { signal } = new AbortController();

const socket = `${folder}/workload.sock`;
writeFileSync(`${folder}/config.json`, JSON.stringify({ socket, node: 'bench' }));
writeFileSync(`${folder}/resolv.conf`, '');
const code = `import { runWorkload } from '${ROOT}src/lab/workload/main.ts';
  const abort = new AbortController();
  process.on('SIGTERM', () => abort.abort());
  process.on('SIGUSR2', () => gc());
  await runWorkload('${folder}/config.json', abort.signal);`;
const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', code], {
  stdio: 'inherit',
});
while (!existsSync(socket)) await delay(20);
const client = new ControlClient(socket);

function facts(): { readonly rssKb: number; readonly descriptors: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return { rssKb, descriptors: readdirSync(`/proc/${child.pid}/fd`).length };
}

async function settled(): Promise<ReturnType<typeof facts>> {
  for (let i = 0; i < 3; i++) {
    child.kill('SIGUSR2');
    await delay(200);
  }
  return facts();
}

function specOf(index: number): WorkloadSpec {
  return {
    podUid: `pod-${index}`,
    container: 'main',
    attempt: 0,
    netns: `/run/netns/${prefix}-${index}`,
    facts: {
      namespace: 'default',
      pod: `pod-${index}`,
      hostname: `pod-${index}`,
      node: 'bench',
      container: 'main',
      image: 'x',
      ips: [],
    },
    program: { kind: 'stand-in', endsAtOnce: false },
    ports: [
      { name: undefined, port: parsePort(80), protocol: 'TCP' },
      { name: undefined, port: parsePort(53), protocol: 'UDP' },
    ],
    env: { PATH: '/bin', HOSTNAME: `pod-${index}` },
    mounts: [],
    resolvConf: `${folder}/resolv.conf`,
    hosts: `${folder}/resolv.conf`,
    log: `${folder}/${index}.log`,
  };
}

const indexes = Array.from({ length: COUNT }, (_, index) => index);
for (const index of indexes) createNetns(`/run/netns/${prefix}-${index}`);
try {
  await client.start(specOf(0), signal);
  const before = await settled();
  const beganMs = performance.now();
  await Promise.all(indexes.map((index) => client.start(specOf(index), signal)));
  const startMs = performance.now() - beganMs;
  const full = await settled();
  const endMs = performance.now();
  await Promise.all(indexes.map((index) => client.stop(`pod-${index}`, 'main', signal)));
  const stopMs = performance.now() - endMs;
  const after = await settled();
  const perPodKb = (full.rssKb - before.rssKb) / (COUNT - 1);
  console.log(
    JSON.stringify({
      bench: 'stand-ins',
      count: COUNT,
      perPodKb: Math.round(perPodKb * 10) / 10,
      processKb: { empty: before.rssKb, full: full.rssKb, after: after.rssKb },
      descriptors: { empty: before.descriptors, full: full.descriptors, after: after.descriptors },
      startMsPerPod: Math.round((startMs / COUNT) * 100) / 100,
      stopMsPerPod: Math.round((stopMs / COUNT) * 100) / 100,
      goal: 'perPodKb < 1024',
    }),
  );
} finally {
  client.close();
  child.kill('SIGTERM');
  for (const index of indexes) await deleteNetns(`/run/netns/${prefix}-${index}`);
  rmSync(folder, { recursive: true, force: true });
}
