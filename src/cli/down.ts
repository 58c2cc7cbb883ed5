// `fairlead down`.

import { systemClock } from '../base/clock.ts';
import { checkClusterName } from '../lab/cluster/cluster-config.ts';
import { tearDown } from '../lab/cluster/tear-down.ts';
import { refuseUnprivileged } from '../lab/cluster/up.ts';
import { machineRoots } from './installation.ts';
import { makeProgress, silentProgress } from './progress.ts';

export async function downCommand(options: {
  readonly name: string;
  readonly quiet?: boolean;
}): Promise<void> {
  checkClusterName(options.name);
  refuseUnprivileged();
  const progress =
    options.quiet === true ? silentProgress : makeProgress(process.stderr, () => performance.now());
  // Ctrl-C must not stop half-way: what is begun is quick, and ends.
  process.on('SIGINT', () => progress.detail('finishing first'));
  progress.step(`take cluster "${options.name}" away`);
  const found = await tearDown({
    cluster: options.name,
    roots: machineRoots(),
    clock: systemClock,
    onStep: (text) => progress.detail(text),
  });
  progress.done();
  process.stdout.write(
    found
      ? `Cluster "${options.name}" is gone.\n`
      : `There is no cluster "${options.name}": nothing to do.\n`,
  );
}
