// The processes of the scenarios' own cluster, by the records that its supervisor keeps.

import { readFileSync } from 'node:fs';
import { eventually } from '../support/eventually.ts';

function pidOfProcess(cluster: string, name: string): number {
  return (JSON.parse(readFileSync(`/run/fairlead/${cluster}/pids/${name}.json`, 'utf8')) as { pid: number })
    .pid;
}

/** Ends a process as a crash would and waits for the one that takes its place; gives how long that took. */
export async function killProcess(cluster: string, name: string): Promise<number> {
  const pid = pidOfProcess(cluster, name);
  const startMs = performance.now();
  process.kill(pid, 'SIGKILL');
  await eventually(() => pidOfProcess(cluster, name) !== pid, 5000);
  return Math.round(performance.now() - startMs);
}
