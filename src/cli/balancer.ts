// `fairlead balancer`: what a cloud's load balancer does for a Service, from this machine, until it is interrupted.

import { systemClock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import { Lifetime } from '../base/lifetime.ts';
import { clusterPaths } from '../base/paths.ts';
import { KubeClient } from '../kube/kube-client.ts';
import { loadKubeConfig } from '../kube/kube-config.ts';
import { NODES, SERVICES } from '../kube/resource.ts';
import { balancedNodes } from '../lab/balancer/balanced-nodes.ts';
import { startBalancer } from '../lab/balancer/balancer.ts';
import type { BalancedNode } from '../lab/balancer/node-health.ts';
import { existingCluster } from './existing-cluster.ts';
import { machineRoots } from './installation.ts';
import { printForMachine, table } from './output.ts';
import { untilTerminated } from './process-commands.ts';

interface BalancerFlags {
  readonly name: string;
  readonly port?: number;
  readonly listen: string;
  readonly interval: number;
  readonly output?: string;
}

/** How soon nodes that come and go are noticed; what they say of themselves is asked far more often. */
const NODES_EVERY_MS = 2_000;

export async function balancerCommand(service: string, flags: BalancerFlags): Promise<void> {
  const roots = machineRoots();
  await existingCluster(roots, flags.name, 'balance for');
  const listen = placeOf(flags.listen);
  const signal = untilTerminated();
  const lifetime = new Lifetime('balancer');
  const access = await loadKubeConfig(clusterPaths(roots, flags.name).kubeconfig);
  const client = lifetime.own('API client', new KubeClient(access), (it) => it.close());
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    const read = (): Promise<readonly BalancedNode[]> => readNodes(client, service, flags.port);
    let nodes = await read();
    const onChange = ({ name }: BalancedNode, isHealthy: boolean, because: string): void =>
      say(`${name} ${isHealthy ? 'takes connections' : 'takes no new connections'} (${because})`);
    const options = { nodes: () => nodes, periodMs: flags.interval, clock: systemClock, onChange, listen };
    const balancer = await startBalancer(options, lifetime);
    say(`Balances ${service} at ${listen.host}:${balancer.port} until it is interrupted`);
    while (!signal.aborted) {
      await systemClock.sleep(NODES_EVERY_MS, signal).catch(() => undefined);
      // An API server that is away changes nothing: the nodes' own answers go on to decide.
      nodes = await read().catch(() => nodes);
    }
    const report = { service, ...balancer.report() };
    if (!printForMachine(report, flags.output)) process.stdout.write(reportText(report));
  } finally {
    await lifetime.close();
  }
}

async function readNodes(
  client: KubeClient,
  text: string,
  port: number | undefined,
): Promise<readonly BalancedNode[]> {
  const [name = '', namespace = 'default'] = text.split('/').toReversed();
  const [service, nodes] = await Promise.all([client.get(SERVICES, { namespace, name }), client.list(NODES)]);
  return balancedNodes(service, nodes.items, port);
}

/** "127.0.0.1:8080", "[::1]:8080", or a port alone. */
function placeOf(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:(\[[0-9a-f:]+\]|[0-9.]+):)?([0-9]{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535)
    throw new FairleadError(
      'invalid',
      `Cannot listen on "${text}": write ADDRESS:PORT, or a port (--listen)`,
    );
  return { host: (match[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port };
}

function reportText(report: {
  readonly connections: Readonly<Record<string, number>>;
  readonly refused: number;
}): string {
  const rows = Object.entries(report.connections).map(([node, count]) => [node, String(count)]);
  return `${table(['NODE', 'CONNECTIONS'], rows)}${report.refused} refused for want of a healthy node.\n`;
}
