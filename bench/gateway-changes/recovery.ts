// HAProxy killed, until requests are answered again: by the loop of its pod, from the files in its folder.

import { setTimeout as pause } from 'node:timers/promises';
import { askOnce } from '../../test/support/raw-client.ts';
import * as objects from './objects.ts';
import { HTTP_PORT } from './objects.ts';
import { ADDRESS, rssMb, type World } from './world.ts';

export interface Recovery {
  readonly what: string;
  /** From the signal until the first request after which none failed any more. */
  readonly ms: number;
  /** Of the new worker, when it answers. */
  readonly workerMb: number;
}

const TIMEOUT_MS = 30_000;

export async function* measureRecovery(world: World): AsyncIterable<Recovery> {
  for (const what of ['worker', 'master', 'worker and master'] as const) {
    const { master, workers } = await world.proxyProcesses();
    const pids = [...(what === 'master' ? [] : workers), ...(what === 'worker' ? [] : [master])];
    const ms = await recovered(world, { pids, master });
    // The driver looks at the new process too.
    await pause(1000);
    const [worker = 0] = (await world.proxyProcesses()).workers;
    yield { what: `killed: ${what}`, ms, workerMb: rssMb(worker) };
  }
}

async function recovered(
  world: World,
  { pids, master }: { readonly pids: readonly number[]; readonly master: number },
): Promise<number> {
  const last = world.routes - 1;
  const startMs = performance.now();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  let backMs: number | undefined;
  for (;;) {
    const isAnswered = await askOnce(
      { address: ADDRESS, port: HTTP_PORT },
      objects.hostOf(last),
      objects.pathOf(last),
    ).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (!isAnswered) backMs = undefined;
    else backMs ??= performance.now() - startMs;
    // What is answered by a worker that has not heard yet of its master's end does not count.
    if (backMs !== undefined && (await world.proxyProcesses()).master !== master) return backMs;
    if (performance.now() - startMs > TIMEOUT_MS) throw new Error('HAProxy does not come back');
    await pause(2);
  }
}
