// Makes a cluster stand: files, mounts, cgroups, wires, supervisor. Every step completes what an interrupted `up` left.

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { Lifetime } from '../../base/lifetime.ts';
import { clusterPaths, nodePaths, type PathRoots } from '../../base/paths.ts';
import { createCgroup } from '../../sys/cgroup.ts';
import { isMounted, mountBpf } from '../../sys/mount.ts';
import { clusterConfigFile, type ClusterConfig } from './cluster-config.ts';
import { writeCredentials } from './credentials.ts';
import { raiseFabric } from './fabric.ts';
import { liveRecords, recordOf, recordFolder, writeRecord } from './process-record.ts';

export interface RaiseOptions {
  readonly cluster: ClusterConfig;
  readonly roots: PathRoots;
  /** bin/fairlead of this clone. */
  readonly program: string;
  readonly onStep: (text: string) => void;
}

/** Returns once the supervisor runs; what it starts becomes ready later. */
export async function raiseCluster(options: RaiseOptions): Promise<void> {
  options.onStep('files');
  writeConfig(options);
  makeFolders(options);
  await writeCredentials(options.cluster, options.roots);
  options.onStep('wires');
  const lifetime = new Lifetime('raise');
  try {
    await raiseFabric(options.cluster, options.roots, lifetime);
  } finally {
    await lifetime.close();
  }
  options.onStep('processes');
  startSupervisor(options);
}

/** The settings come first of all: whatever is made after them, `down` and the next `up` know of. */
function writeConfig(options: RaiseOptions): void {
  const file = clusterConfigFile(options.roots, options.cluster.name);
  mkdirSync(clusterPaths(options.roots, options.cluster.name).state, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(options.cluster, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function makeFolders(options: RaiseOptions): void {
  const paths = clusterPaths(options.roots, options.cluster.name);
  for (const folder of [paths.run, paths.log, paths.pki, paths.bpf])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isMounted(paths.bpf)) mountBpf(paths.bpf);
  createCgroup(`${paths.cgroup}/control`);
  for (const node of options.cluster.nodes) {
    const of = nodePaths(options.roots, options.cluster.name, node.name);
    for (const folder of [of.run, of.state, of.bpf]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    createCgroup(`${of.cgroup}/system`);
  }
}

function startSupervisor(options: RaiseOptions): void {
  const paths = clusterPaths(options.roots, options.cluster.name);
  const folder = recordFolder(options.roots, options.cluster.name);
  if (liveRecords(folder).some((record) => record.name === 'supervisor')) return;
  const log = openSync(`${paths.log}/supervisor.log`, 'a');
  try {
    const child = spawn(options.program, ['supervisor', '--name', options.cluster.name], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
    });
    child.unref();
    if (child.pid === undefined) return;
    writeRecord(folder, recordOf('supervisor', child.pid));
  } finally {
    closeSync(log);
  }
}
