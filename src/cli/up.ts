// `fairlead up`: flags in, progress while it works, a summary to read at the end.

import { readFileSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import { clusterPaths, type PathRoots } from '../base/paths.ts';
import { checkConnectivity, type CheckReport } from '../lab/connectivity/check.ts';
import { gatewayAuthorityOf } from '../lab/cluster/process-table.ts';
import { up, type UpReport } from '../lab/cluster/up.ts';
import { loadManifests, type Manifest } from '../lab/manifests/load.ts';
import { isPolicyTest, type Assertion } from '../policy/assertion-file.ts';
import { SILENCE_MS } from '../policy/packet-plan.ts';
import type { PacketResult } from '../policy/packet-results.ts';
import type { IptablesFlavour } from '../sys/iptables.ts';
import { installation, machineRoots } from './installation.ts';
import { printForMachine } from './output.ts';
import { testWithPackets } from './policy-packets.ts';
import { loadAssertions } from './policy-test.ts';
import { untilTerminated } from './process-commands.ts';
import { progressFor, type Progress } from './progress.ts';
import { summarize, summaryText } from './up-summary.ts';

interface UpFlags {
  readonly filename: readonly string[];
  readonly name: string;
  readonly nodes?: number;
  readonly network?: 'vxlan';
  readonly proxy?: string;
  readonly xdp?: string;
  readonly podCidr?: readonly string[];
  readonly serviceCidr?: readonly string[];
  readonly loadBalancerCidr?: readonly string[];
  readonly nodePortAddresses?: readonly string[];
  readonly allowExternalIps?: boolean;
  readonly nodeLocalDns?: boolean;
  readonly iptablesFlavour?: IptablesFlavour;
  readonly wait: number;
  readonly check: boolean;
  readonly output?: string;
  readonly quiet?: boolean;
}

const CHECK_TIMEOUT_MS = 3_000;

export async function upCommand(flags: UpFlags): Promise<void> {
  const signal = untilTerminated();
  const progress = progressFor(flags);
  try {
    await raiseAndTell(flags, { signal, progress });
  } catch (error) {
    progress.fail();
    if (!signal.aborted) throw error;
    const name = flags.name;
    throw new FairleadError(
      'aborted',
      `Interrupted: the same command goes on with cluster "${name}", "fairlead down --name ${name}" takes away what is there`,
      { cause: error },
    );
  }
}

async function raiseAndTell(
  flags: UpFlags,
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: Progress },
): Promise<void> {
  const startedMs = performance.now();
  const { manifests, assertions } = apart(loadManifests(flags.filename, () => readFileSync(0, 'utf8')));
  const roots = machineRoots();
  const report = await up({
    name: flags.name,
    nodeCount: flags.nodes,
    network: flags.network,
    proxy: flags.proxy,
    xdp: flags.xdp,
    podCidrs: flags.podCidr,
    serviceCidrs: flags.serviceCidr,
    loadBalancerCidrs: flags.loadBalancerCidr,
    nodePortAddresses: flags.nodePortAddresses,
    allowsExternalIps: flags.allowExternalIps,
    hasNodeLocalDns: flags.nodeLocalDns,
    iptablesFlavour: flags.iptablesFlavour,
    manifests,
    timeoutMs: flags.wait,
    roots,
    installation: installation(),
    clock: systemClock,
    signal,
    onStep: (name) => progress.step(name),
    onDetail: (text) => progress.detail(text),
  });
  try {
    const check = flags.check ? await prove(report, { roots, signal, progress }) : undefined;
    progress.done();
    const policyTests = flags.check ? await holdTo(assertions, flags) : [];
    const kubeconfig = clusterPaths(roots, flags.name).kubeconfig;
    const seconds = (performance.now() - startedMs) / 1000;
    const summary = await summarize(report, {
      check,
      policyTests,
      kubeconfig,
      gatewayAuthority: `${gatewayAuthorityOf(roots, flags.name)}/ca.crt`,
      seconds,
    });
    if (!printForMachine(summary, flags.output))
      process.stdout.write(summaryText(summary, policyTests, flags.output === 'wide'));
    const isFailed = (check?.failures ?? []).length > 0 || policyTests.some((it) => it.failure !== undefined);
    if (isFailed) process.exitCode = 1;
  } finally {
    report.client.close();
  }
}

/** Tests of policies lie among the manifests and are no objects of the API. Throws `invalid` for their mistakes, before anything is raised. */
function apart(all: readonly Manifest[]): {
  readonly manifests: readonly Manifest[];
  readonly assertions: readonly Assertion[];
} {
  const [tests, manifests] = [
    all.filter(({ object }) => isPolicyTest(object)),
    all.filter(({ object }) => !isPolicyTest(object)),
  ];
  return { manifests, assertions: loadAssertions([...new Set(tests.map(({ file }) => file))]) };
}

async function holdTo(assertions: readonly Assertion[], flags: UpFlags): Promise<readonly PacketResult[]> {
  if (assertions.length === 0) return [];
  return testWithPackets(assertions, { ...flags, cluster: flags.name, filename: [], timeout: SILENCE_MS });
}

function prove(
  { client, cluster }: UpReport,
  of: { readonly roots: PathRoots; readonly signal: AbortSignal; readonly progress: Progress },
): Promise<CheckReport> {
  of.progress.step('check connectivity');
  return checkConnectivity({
    client,
    cluster,
    roots: of.roots,
    signal: of.signal,
    timeoutMs: CHECK_TIMEOUT_MS,
    onDetail: (text) => of.progress.detail(text),
  });
}
