// `fairlead supervisor`: what `up` starts in the background.

import { systemClock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import { readClusterConfig } from '../lab/cluster/cluster-config.ts';
import { processTable } from '../lab/cluster/process-table.ts';
import { lockSupervision } from '../lab/cluster/supervisor-lock.ts';
import { supervise } from '../lab/cluster/supervisor.ts';
import { installation, machineRoots } from './installation.ts';
import { untilTerminated } from './process-commands.ts';

export async function supervisorCommand(options: { readonly name: string }): Promise<void> {
  const roots = machineRoots();
  const cluster = readClusterConfig(roots, options.name);
  if (cluster === undefined)
    throw new FairleadError('not-found', `Cannot supervise cluster "${options.name}": it does not exist`);
  const lock = lockSupervision(roots, cluster.name);
  // Another one was quicker: two starts at the same moment.
  if (lock === undefined) return;
  const here = installation();
  await supervise(
    {
      cluster,
      roots,
      processes: processTable(cluster, roots, here),
      program: here.program,
      clock: systemClock,
      log: (event) =>
        process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`),
    },
    untilTerminated(),
  );
  lock.release();
}
