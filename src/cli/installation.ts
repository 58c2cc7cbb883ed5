// Where this clone keeps what processes need.

import { fileURLToPath } from 'node:url';
import { FairleadError } from '../base/errors.ts';
import { pathRoots, type PathRoots } from '../base/paths.ts';
import type { Installation } from '../lab/cluster/process-table.ts';
import { findCgroupMount } from '../sys/cgroup.ts';

const HOME = fileURLToPath(new URL('../..', import.meta.url));

export function installation(): Installation {
  return {
    program: `${HOME}bin/fairlead`,
    home: HOME,
    objectDir: `${HOME}build/bpf`,
    cniProgram: `${HOME}build/native/fairlead-cni`,
    runProgram: `${HOME}build/native/fairlead-run`,
  };
}

export function machineRoots(): PathRoots {
  const mount = findCgroupMount();
  if (mount === undefined) {
    throw new FairleadError(
      'unsupported',
      'Cannot find a cgroup version 2 mount: mount -t cgroup2 none /sys/fs/cgroup/unified',
    );
  }
  return pathRoots(mount);
}
