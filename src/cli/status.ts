// `fairlead status`: what a cluster is doing, for people and for scripts.

import { findPair } from '../backends/pairs.ts';
import { systemClock } from '../base/clock.ts';
import { clusterStatus, type ClusterStatus } from '../lab/cluster/status.ts';
import { existingCluster } from './existing-cluster.ts';
import { installation, machineRoots } from './installation.ts';
import { printForMachine, table } from './output.ts';
import { untilTerminated } from './process-commands.ts';
import { progressFor } from './progress.ts';
import { servedByLine } from './served-by-line.ts';

interface StatusFlags {
  readonly name: string;
  readonly output?: string;
  readonly wait?: boolean;
  readonly waitDuration: number;
  readonly quiet?: boolean;
}

const POLL_MS = 250;

/** Exit code 1 where something is not right, 124 where it did not become right in time. */
export async function statusCommand(flags: StatusFlags): Promise<void> {
  const roots = machineRoots();
  const cluster = await existingCluster(roots, flags.name, 'show');
  const signal = untilTerminated();
  const read = (): Promise<ClusterStatus> =>
    clusterStatus({ cluster, roots, installation: installation(), signal });
  let status = await read();
  if (flags.wait === true && status.problems.length > 0)
    status = await untilWell(flags, { read, signal, status });
  if (!printForMachine(status, flags.output))
    process.stdout.write(statusText(status, flags.output === 'wide'));
  if (status.problems.length > 0) process.exitCode = flags.wait === true ? 124 : 1;
}

async function untilWell(
  flags: StatusFlags,
  of: {
    readonly read: () => Promise<ClusterStatus>;
    readonly signal: AbortSignal;
    readonly status: ClusterStatus;
  },
): Promise<ClusterStatus> {
  const progress = progressFor(flags);
  progress.step(`wait for cluster "${flags.name}"`);
  const deadlineMs = systemClock.monotonicMs() + flags.waitDuration;
  let { status } = of;
  while (status.problems.length > 0 && systemClock.monotonicMs() < deadlineMs) {
    progress.detail(status.problems[0] ?? '');
    await systemClock.sleep(POLL_MS, of.signal);
    status = await of.read();
  }
  if (status.problems.length === 0) progress.done();
  else progress.fail();
  return status;
}

function statusText(status: ClusterStatus, isWide: boolean): string {
  const nodes = status.nodes.map((node) => [
    node.name,
    node.isReady === undefined ? 'unknown' : node.isReady ? 'ready' : 'NOT READY',
    node.pods === undefined ? '-' : `${node.pods.ready}/${node.pods.total}`,
    node.engine === undefined ? 'no answer' : node.engine.isConverged ? 'converged' : 'working',
    servicesText(node),
    node.policies?.carrier ?? node.policies?.next ?? '-',
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
    `Cluster "${status.cluster}": ${status.processes.filter((it) => it.pid !== undefined).length} of ${status.processes.length} processes run\n`,
    status.loadBalancerCidrs.length === 0
      ? '\n'
      : `Load balancers: ${status.loadBalancerCidrs.join(', ')} by this machine's link to the cluster\n\n`,
    table(['NODE', 'STATE', 'PODS', 'AGENT', 'SERVICES BY', 'POLICIES BY', 'ENTRIES'], nodes),
    ...(isWide
      ? [
          '\n',
          table(
            ['NODE', 'SERVICES ARE TRANSLATED AT', 'POLICIES ARE ASKED AT', 'NAMES LEARNED'],
            hookRows(status),
          ),
        ]
      : []),
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
    ...(isWide ? [`\n${servedByLine(status.servedBy)}`] : []),
    `\n${problems}`,
  ].join('');
}

/** In which hooks of the kernel, nothing of a node that is still on its way to its first pair; and how many addresses are known for how many domain names of policies. */
function hookRows({ nodes }: ClusterStatus): readonly (readonly string[])[] {
  return nodes.map(({ name, services, policies, learned }) => {
    const pair = findPair(services?.carrier ?? '', policies?.carrier ?? '');
    const names = learned === undefined ? '-' : `${learned.addresses} for ${learned.patterns}`;
    return [name, pair?.translated ?? '-', pair?.judged ?? '-', names];
  });
}

/** "nftables", "ebpf, nftables next", "nftables, ebpf drains". */
function servicesText({ services, engine }: ClusterStatus['nodes'][number]): string {
  if (services === undefined) return '-';
  const { carrier, next } = services;
  const draining = (engine?.targets ?? []).filter((it) =>
    it.failures.some(({ code }) => code === 'draining'),
  );
  return [
    carrier ?? 'nobody yet',
    ...(next === undefined ? [] : [`${next} next`]),
    ...draining.map(({ name }) => `${name.replace(/^service-/, '')} drains`),
  ].join(', ');
}
