// `fairlead connectivity test`.

import { FairleadError } from '../base/errors.ts';
import { clusterPaths } from '../base/paths.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { loadKubeConfig } from '../kube/kube-config.ts';
import { readClusterConfig } from '../lab/cluster/cluster-config.ts';
import { checkConnectivity } from '../lab/connectivity/check.ts';
import { machineRoots } from './installation.ts';
import { printForMachine } from './output.ts';
import { untilTerminated } from './process-commands.ts';
import { makeProgress, silentProgress } from './progress.ts';
import { connectivityText } from './up-summary.ts';

export async function connectivityCommand(flags: {
  readonly name: string;
  readonly output?: string;
  readonly timeout: number;
}): Promise<void> {
  const roots = machineRoots();
  const cluster = readClusterConfig(roots, flags.name);
  if (cluster === undefined)
    throw new FairleadError(
      'not-found',
      `Cannot test cluster "${flags.name}": it does not exist; "fairlead up" raises it`,
    );
  const client = new KubeClient(await loadKubeConfig(clusterPaths(roots, flags.name).kubeconfig));
  const progress =
    flags.output === undefined ? makeProgress(process.stderr, () => performance.now()) : silentProgress;
  progress.step('check connectivity');
  const signal = untilTerminated();
  const report = await checkConnectivity({
    client,
    cluster,
    roots,
    signal,
    timeoutMs: flags.timeout,
    onDetail: (text) => progress.detail(text),
  });
  progress.done();
  if (!printForMachine(report, flags.output)) process.stdout.write(connectivityText(report));
  client.close();
  if (report.failures.length > 0) process.exitCode = 1;
}
