// Raises a cluster of a test's own through the command line, as a user would, and takes it away again.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { atEnd } from './at-end.ts';
import { scaledMs } from './time-scale.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A name of at most 12 characters for a cluster of this process. It is the test's to take down; one that stands at the end of the process is taken down then. */
export function clusterName(what: string): string {
  const name = `${what}-${process.pid}`;
  atEnd(() => {
    if (['/run', '/var/lib'].some((folder) => existsSync(`${folder}/fairlead/${name}`)))
      fairlead(['down', '--name', name, '-q']);
  });
  return name;
}

/** Runs a program of the repository or the machine to its end. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): CommandResult {
  const result = spawnSync(program, [...args], {
    encoding: 'utf8',
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
    timeout: scaledMs(180_000),
    maxBuffer: 64 << 20,
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

export function fairlead(args: readonly string[], input?: string): CommandResult {
  return run(`${ROOT}bin/fairlead`, args, input === undefined ? {} : { input });
}

/** kubectl against the cluster `name`; throws with its words where it fails. */
export function kubectl(
  name: string,
  args: readonly string[],
  options: { readonly program?: string; readonly input?: string } = {},
): string {
  const env = { KUBECONFIG: `/var/lib/fairlead/${name}/kubeconfig`, HOME: '/nonexistent' };
  const result = run(options.program ?? 'kubectl', args, {
    env,
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  if (result.code !== 0)
    throw new Error(`kubectl ${args.join(' ')}: exit ${result.code}\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}
