// The long-running commands that the supervisor and real nodes start: each takes one configuration file and ends on SIGTERM.

import { Option, type Command } from 'commander';
import { FairleadError } from '../base/errors.ts';
import type { GatewayProcess } from '../gateway/main.ts';

type Run = (configFile: string, signal: AbortSignal) => Promise<void>;

/** Command, what it is, and where its code is; loaded only by the process that runs it. */
const PROCESSES: readonly {
  readonly name: string;
  readonly about: string;
  readonly load: () => Promise<Run>;
}[] = [
  { name: 'agent', about: "a node's agent", load: async () => (await import('../agent/main.ts')).runAgent },
  {
    name: 'apiserver',
    about: 'the embedded Kubernetes API',
    load: async () => (await import('../apiserver/main.ts')).runApiServer,
  },
  {
    name: 'controller',
    about: "the cluster's controllers",
    load: async () => (await import('../lab/controllers/main.ts')).runControllers,
  },
  {
    name: 'kubelet',
    about: 'the pods of a one-machine cluster',
    load: async () => (await import('../lab/kubelet/main.ts')).runKubelet,
  },
  {
    name: 'workload',
    about: "the stand-ins of a one-machine cluster's node",
    load: async () => (await import('../lab/workload/main.ts')).runWorkload,
  },
];

export function addProcessCommands(program: Command): void {
  for (const { name, about, load } of PROCESSES) {
    program
      .command(name)
      .description(`Run ${about} in the foreground`)
      .requiredOption('--config <file>', 'configuration (JSON)')
      .action(async ({ config }: { config: string }) => {
        const run = await load();
        await run(config, untilTerminated());
      });
  }
  addGatewayCommand(program);
}

interface GatewayFlags extends Omit<GatewayProcess, 'kubeconfig' | 'of'> {
  readonly gateway?: string;
  readonly ingressClass?: string;
  readonly kubeconfig?: string;
}

/** Beside a proxy, in its pod: what it has to know stands in the pod's template. */
function addGatewayCommand(program: Command): void {
  program
    .command('gateway')
    .description("Run the control of a Gateway's or an IngressClass' HAProxy in the foreground")
    .addOption(new Option('--gateway <namespace/name>', 'the Gateway').conflicts('ingressClass'))
    .option('--ingress-class <name>', 'the class whose Ingresses are served instead')
    .requiredOption('--service <namespace/name>', 'the Service by which the proxy is reached')
    .requiredOption('--node <name>', 'the node that the proxy runs on')
    .requiredOption('--folder <folder>', 'files and sockets that are shared with HAProxy')
    .option('--kubeconfig <file>', 'how the API is reached from outside of a pod')
    .action(async ({ kubeconfig, gateway, ingressClass, ...options }: GatewayFlags) => {
      const { runGateway } = await import('../gateway/main.ts');
      await runGateway({ ...options, of: servedBy(gateway, ingressClass), kubeconfig }, untilTerminated());
    });
}

function servedBy(gateway: string | undefined, className: string | undefined): GatewayProcess['of'] {
  if (gateway !== undefined) return { kind: 'gateway', key: gateway };
  if (className !== undefined) return { kind: 'ingresses', className };
  throw new FairleadError('invalid', 'Cannot run: name a Gateway by --gateway or a class by --ingress-class');
}

/** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
export function untilTerminated(): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => abort.abort());
  return abort.signal;
}
