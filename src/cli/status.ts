// `fairlead status`: exit code 0 only when all is well.

import { systemClock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import { readClusterConfig } from '../lab/cluster/cluster-config.ts';
import { clusterStatus, type ClusterStatus } from '../lab/cluster/status.ts';
import { installation, machineRoots } from './installation.ts';
import { printForMachine, table } from './output.ts';
import { untilTerminated } from './process-commands.ts';

interface StatusFlags {
  readonly name: string;
  readonly output?: string;
  readonly wait?: boolean;
  readonly waitDuration: number;
}

const POLL_MS = 250;

export async function statusCommand(flags: StatusFlags): Promise<void> {
  const roots = machineRoots();
  const cluster = readClusterConfig(roots, flags.name);
  if (cluster === undefined) {
    throw new FairleadError(
      'not-found',
      `Cannot show cluster "${flags.name}": it does not exist; "fairlead up" raises it`,
    );
  }
  const signal = untilTerminated();
  const read = (): Promise<ClusterStatus> =>
    clusterStatus({ cluster, roots, installation: installation(), signal });
  const deadlineMs = systemClock.monotonicMs() + (flags.wait === true ? flags.waitDuration : 0);
  let status = await read();
  while (status.problems.length > 0 && systemClock.monotonicMs() < deadlineMs) {
    await systemClock.sleep(POLL_MS, signal);
    status = await read();
  }
  if (!printForMachine(status, flags.output))
    process.stdout.write(statusText(status, flags.output === 'wide'));
  if (status.problems.length > 0) process.exitCode = 1;
}

function statusText(status: ClusterStatus, isWide: boolean): string {
  const nodes = status.nodes.map((node) => [
    node.name,
    node.isReady ? 'ready' : 'NOT READY',
    `${node.pods.ready}/${node.pods.total}`,
    node.engine === undefined ? 'no answer' : node.engine.isConverged ? 'converged' : 'working',
    String(node.engine?.targets.reduce((sum, target) => sum + (target.desiredCount ?? 0), 0) ?? ''),
  ]);
  const targets = status.nodes.flatMap((node) =>
    (node.engine?.targets ?? []).map((target) => [
      node.name,
      target.name,
      String(target.desiredCount ?? '-'),
      String(target.observedCount ?? '-'),
      String(target.failures.length),
      target.convergedAtMs === undefined ? '-' : new Date(target.convergedAtMs).toISOString(),
    ]),
  );
  const problems =
    status.problems.length === 0
      ? 'All is well.\n'
      : `${status.problems.map((it) => `! ${it}`).join('\n')}\n`;
  return [
    `Cluster "${status.cluster}": ${status.processes.filter((it) => it.pid !== undefined).length} of ${status.processes.length} processes run\n\n`,
    table(['NODE', 'STATE', 'PODS', 'AGENT', 'ENTRIES'], nodes),
    ...(isWide ? ['\n', table(['NODE', 'TARGET', 'WANTED', 'THERE', 'ERRORS', 'CONVERGED'], targets)] : []),
    ...(isWide
      ? [
          '\n',
          table(
            ['PROCESS', 'PID'],
            status.processes.map((it) => [it.name, String(it.pid ?? 'down')]),
          ),
        ]
      : []),
    `\n${problems}`,
  ].join('');
}
