// `fairlead connectivity test`.

import { clusterPaths } from '../base/paths.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { loadKubeConfig } from '../kube/kube-config.ts';
import { checkConnectivity, type CheckReport } from '../lab/connectivity/check.ts';
import { existingCluster } from './existing-cluster.ts';
import { machineRoots } from './installation.ts';
import { printForMachine, table } from './output.ts';
import { untilTerminated } from './process-commands.ts';
import { progressFor } from './progress.ts';
import { connectivityText } from './up-summary.ts';

export async function connectivityCommand(flags: {
  readonly name: string;
  readonly output?: string;
  readonly quiet?: boolean;
  readonly timeout: number;
}): Promise<void> {
  const roots = machineRoots();
  const cluster = await existingCluster(roots, flags.name, 'test');
  const client = new KubeClient(await loadKubeConfig(clusterPaths(roots, flags.name).kubeconfig));
  const progress = progressFor(flags);
  progress.step('check connectivity');
  try {
    const report = await checkConnectivity({
      client,
      cluster,
      roots,
      signal: untilTerminated(),
      timeoutMs: flags.timeout,
      onDetail: (text) => progress.detail(text),
    });
    progress.done();
    if (!printForMachine(report, flags.output))
      process.stdout.write(
        `${flags.output === 'wide' ? servicesText(report) : ''}${connectivityText(report)}`,
      );
    if (report.failures.length > 0) process.exitCode = 1;
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    client.close();
  }
}

function servicesText(report: CheckReport): string {
  const rows = report.targets.map((it) => [
    it.to,
    it.protocol,
    String(it.probes),
    String(it.acrossNodes),
    String(it.failed),
    it.medianMs === undefined ? '-' : it.medianMs.toFixed(1),
  ]);
  return `${table(['SERVICE', 'PROTOCOL', 'FROM PODS', 'ACROSS NODES', 'FAILED', 'MEDIAN MS'], rows)}\n`;
}
