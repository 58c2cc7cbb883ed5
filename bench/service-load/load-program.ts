// The load generator of the Service benches: a server and a client in C, so that what is measured is the path of a packet.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Lifetime } from '../../src/base/lifetime.ts';

const SOURCE = new URL('../service-load.c', import.meta.url).pathname;

export type LoadMode = 'connections' | 'tcp' | 'udp' | 'flood';

/** Where a client is and whom it asks; a process in `cgroup` meets the socket programs. */
export interface LoadWay {
  readonly netns: string;
  readonly cgroup: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly seconds: number;
}

export class LoadProgram {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  static compile(lifetime: Lifetime): LoadProgram {
    const folder = mkdtempSync('/tmp/t-bench-load-');
    lifetime.defer('load program', () => rmSync(folder, { recursive: true }));
    execFileSync('gcc', ['-O2', '-o', `${folder}/load`, SOURCE]);
    return new LoadProgram(`${folder}/load`);
  }

  /** Serves TCP and UDP in a namespace until the lifetime ends. */
  async serve(netns: string, ip: string, port: number, lifetime: Lifetime): Promise<void> {
    for (const mode of ['serve-tcp', 'serve-udp']) {
      const args = ['1', 'nsenter', `--net=${netns}`, this.#file, mode, ip, String(port)];
      const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      lifetime.defer(mode, () => void child.kill('SIGKILL'));
      await once(child.stdout, 'data');
    }
  }

  /** Connections or round trips per second, on the server's core: on two the scheduler's choice halves or doubles a rate. */
  measure({ netns, cgroup, host, port, seconds }: LoadWay, mode: LoadMode): number {
    const enter = cgroup === undefined ? '' : `echo $$ > ${cgroup}/cgroup.procs; `;
    const client = `nsenter --net=${netns} ${this.#file} ${mode} ${host} ${port} ${seconds}`;
    return Number(execFileSync('sh', ['-c', `${enter}exec taskset 1 ${client}`], { encoding: 'utf8' }));
  }
}

/** The median of each turn's ratio to the same turn of `base`. */
export function medianRatio(rates: readonly number[], base: readonly number[]): number {
  return Number(median(base.map((it, turn) => (rates[turn] ?? 0) / it)).toFixed(3));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
