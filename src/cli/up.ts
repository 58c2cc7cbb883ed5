// `fairlead up`: flags in, progress while it works, a summary to read at the end.

import { readFileSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { clusterPaths } from '../base/paths.ts';
import { checkConnectivity } from '../lab/connectivity/check.ts';
import { up } from '../lab/cluster/up.ts';
import { loadManifests } from '../lab/manifests/load.ts';
import { installation, machineRoots } from './installation.ts';
import { printForMachine } from './output.ts';
import { untilTerminated } from './process-commands.ts';
import { makeProgress, silentProgress } from './progress.ts';
import { summarize, summaryText } from './up-summary.ts';

interface UpFlags {
  readonly filename: readonly string[];
  readonly name: string;
  readonly nodes?: number;
  readonly network: 'vxlan';
  readonly wait: number;
  readonly check: boolean;
  readonly output?: string;
  readonly quiet?: boolean;
}

export async function upCommand(flags: UpFlags): Promise<void> {
  const manifests = loadManifests(flags.filename, () => readFileSync(0, 'utf8'));
  const progress =
    flags.quiet === true ? silentProgress : makeProgress(process.stderr, () => performance.now());
  const roots = machineRoots();
  const signal = untilTerminated();
  const startedMs = performance.now();
  try {
    const report = await up({
      ...flags,
      nodeCount: flags.nodes,
      manifests,
      timeoutMs: flags.wait,
      roots,
      program: installation().program,
      clock: systemClock,
      signal,
      onStep: (name) => progress.step(name),
      onDetail: (text) => progress.detail(text),
    });
    const { client, cluster } = report;
    if (flags.check) progress.step('check connectivity');
    const check = flags.check
      ? await checkConnectivity({
          client,
          cluster,
          roots,
          signal,
          timeoutMs: 3_000,
          onDetail: (text) => progress.detail(text),
        })
      : undefined;
    progress.done();
    const kubeconfig = clusterPaths(roots, cluster.name).kubeconfig;
    const summary = await summarize(report, {
      check,
      kubeconfig,
      seconds: (performance.now() - startedMs) / 1000,
    });
    if (!printForMachine(summary, flags.output)) process.stdout.write(summaryText(summary));
    if (check !== undefined && check.failures.length > 0) process.exitCode = 1;
  } catch (error) {
    progress.fail();
    throw error;
  }
}
