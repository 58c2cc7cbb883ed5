// Makes a cluster stand: files, mounts, cgroups, wires, supervisor. Every step completes what an interrupted `up` left.

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { Lifetime } from '../../base/lifetime.ts';
import { clusterPaths, nodePaths, type PathRoots } from '../../base/paths.ts';
import { createCgroup } from '../../sys/cgroup.ts';
import { isMounted, mountBpf } from '../../sys/mount.ts';
import { writeClusterConfig, type ClusterConfig } from './cluster-config.ts';
import { writeCredentials } from './credentials.ts';
import { raiseFabric } from './fabric.ts';
import { inCgroup } from './process-start.ts';
import { markRaised } from './raised-at.ts';
import { isSupervised } from './supervisor-lock.ts';

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
  // The settings come first of all: whatever is made after them, `down` and the next `up` know of.
  writeClusterConfig(options.roots, options.cluster);
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

function makeFolders(options: RaiseOptions): void {
  const paths = clusterPaths(options.roots, options.cluster.name);
  for (const folder of [paths.run, paths.log, paths.pki, paths.bpf])
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  markRaised(options.roots, options.cluster.name);
  if (!isMounted(paths.bpf)) mountBpf(paths.bpf);
  createCgroup(`${paths.cgroup}/control`);
  for (const node of options.cluster.nodes) {
    const of = nodePaths(options.roots, options.cluster.name, node.name);
    for (const folder of [of.run, of.state, of.bpf]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    createCgroup(`${of.cgroup}/system`);
  }
}

/** Starts one unless one runs. It enters the cluster's cgroup before all else, so that `down` finds it whatever becomes of us. */
function startSupervisor(options: RaiseOptions): void {
  const paths = clusterPaths(options.roots, options.cluster.name);
  if (isSupervised(options.roots, options.cluster.name)) return;
  const log = openSync(`${paths.log}/supervisor.log`, 'a');
  try {
    const command = [options.program, 'supervisor', '--name', options.cluster.name];
    const [program = '', ...args] = inCgroup(`${paths.cgroup}/control`, command);
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
    child.unref();
  } finally {
    closeSync(log);
  }
}
