// `fairlead down`.

import { systemClock } from '../base/clock.ts';
import { checkClusterName } from '../lab/cluster/cluster-config.ts';
import { lockCluster } from '../lab/cluster/cluster-lock.ts';
import { refuseUnprivileged } from '../lab/cluster/requirements.ts';
import { removeSharedFolders, tearDown } from '../lab/cluster/tear-down.ts';
import { machineRoots } from './installation.ts';
import { printForMachine } from './output.ts';
import { progressFor } from './progress.ts';

export async function downCommand(flags: {
  readonly name: string;
  readonly output?: string;
  readonly quiet?: boolean;
}): Promise<void> {
  checkClusterName(flags.name);
  refuseUnprivileged();
  const roots = machineRoots();
  const progress = progressFor(flags);
  const onDetail = (text: string): void => progress.detail(text);
  const abort = new AbortController();
  // Before anything is removed Ctrl-C ends at once; after that the first one waits for the end, which is near, and the second does not.
  process.once('SIGINT', () => {
    abort.abort();
    progress.detail('finishing first; again to stop at once');
  });
  progress.step(`take cluster "${flags.name}" away`);
  try {
    const { signal } = abort;
    const lock = await lockCluster(flags.name, {
      roots,
      command: 'fairlead down',
      clock: systemClock,
      signal,
      onDetail,
    });
    let found: boolean;
    try {
      found = await tearDown({ cluster: flags.name, roots, clock: systemClock, onStep: onDetail });
    } finally {
      lock.release();
    }
    removeSharedFolders(roots);
    progress.done();
    if (printForMachine({ cluster: flags.name, found }, flags.output)) return;
    process.stdout.write(
      found ? `Cluster "${flags.name}" is gone.\n` : `There is no cluster "${flags.name}": nothing to do.\n`,
    );
  } catch (error) {
    progress.fail();
    throw error;
  }
}
