// The command lines of the cluster's processes, and the processes found by them: what runs is read off the machine, records may be missing.

import { readFileSync } from 'node:fs';
import { clusterPaths, nodePaths, type PathRoots } from '../../base/paths.ts';
import { cgroupPids } from '../../sys/cgroup.ts';
import { recordOf, type ProcessRecord } from './process-record.ts';
import type { ProcessSpec } from './process-table.ts';

/** `command` as one that enters the cgroup first and is itself from then on, under the same pid. */
export function inCgroup(cgroup: string, command: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', cgroup, ...command];
}

/** Each step execs the next, so that the pid stays the same: shell (enters the cgroup), nsenter (enters the namespace), fairlead. */
export function commandLine(
  spec: Pick<ProcessSpec, 'name' | 'command' | 'node'>,
  of: { readonly cluster: string; readonly roots: PathRoots; readonly program: string },
): readonly string[] {
  const command = [of.program, spec.command, '--config', configFileOf(of.roots, of.cluster, spec.name)];
  const cgroup = cgroupOf(spec, of);
  if (spec.node === undefined) return inCgroup(cgroup, command);
  const { netns } = nodePaths(of.roots, of.cluster, spec.node);
  return inCgroup(cgroup, ['nsenter', `--net=${netns}`, ...command]);
}

export function configFileOf(roots: PathRoots, cluster: string, process_: string): string {
  return `${clusterPaths(roots, cluster).run}/config/${process_}.json`;
}

/**
 * The processes of the table that run, by name. Each is known by its configuration file among its arguments, in its own cgroup or, until it has
 * entered that, in the supervisor's: also one that was started by a supervisor that ended before it wrote a record.
 */
export function runningProcesses(
  specs: readonly ProcessSpec[],
  of: { readonly cluster: string; readonly roots: PathRoots },
): ReadonlyMap<string, ProcessRecord> {
  const byFile = new Map(specs.map((spec) => [configFileOf(of.roots, of.cluster, spec.name), spec.name]));
  const control = `${clusterPaths(of.roots, of.cluster).cgroup}/control`;
  const cgroups = new Set([control, ...specs.map((spec) => cgroupOf(spec, of))]);
  const found = new Map<string, ProcessRecord>();
  for (const pid of [...cgroups].flatMap((cgroup) => cgroupPids(cgroup))) {
    const name = argumentsOf(pid)
      .map((argument) => byFile.get(argument))
      .find((it) => it !== undefined);
    if (name !== undefined && !found.has(name)) found.set(name, recordOf(name, pid));
  }
  return found;
}

function cgroupOf(
  spec: Pick<ProcessSpec, 'node'>,
  of: { readonly cluster: string; readonly roots: PathRoots },
): string {
  return spec.node === undefined
    ? `${clusterPaths(of.roots, of.cluster).cgroup}/control`
    : `${nodePaths(of.roots, of.cluster, spec.node).cgroup}/system`;
}

function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // It ended meanwhile.
  }
}
