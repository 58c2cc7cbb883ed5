// A TCP balancer outside of the cluster, as a cloud has one: connections go in turn to the nodes that call themselves healthy. Those that
// are open stay where they are when a node leaves: only new ones go elsewhere.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { FairleadError } from '../../base/errors.ts';
import type { Lifetime } from '../../base/lifetime.ts';
import { NodeHealth, type BalancedNode, type HealthOptions } from './node-health.ts';

export interface BalancerOptions extends HealthOptions {
  readonly listen: { readonly host: string; readonly port: number };
}

export interface BalancerReport {
  /** Connections that reached a node, by its name. */
  readonly connections: Readonly<Record<string, number>>;
  /** Connections for which no node was there. */
  readonly refused: number;
  readonly open: number;
}

export interface Balancer {
  readonly port: number;
  /** Asks every node now: after it the first connections find their way. */
  readonly round: () => Promise<void>;
  readonly report: () => BalancerReport;
}

/** How long a node may take to accept; then the next one is tried. */
const CONNECT_MS = 1_000;

/** Balances until the lifetime ends. */
export async function startBalancer(options: BalancerOptions, lifetime: Lifetime): Promise<Balancer> {
  const health = new NodeHealth(options);
  const connections = new Map<string, number>();
  const open = new Set<Socket>();
  let refused = 0;
  let turn = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    const nodes = health.healthy();
    const first = turn++ % Math.max(nodes.length, 1);
    void reach([...nodes.slice(first), ...nodes.slice(0, first)]).then((reached) => {
      if (reached === undefined) {
        refused++;
        client.resetAndDestroy();
        return;
      }
      const { node, upstream } = reached;
      connections.set(node.name, (connections.get(node.name) ?? 0) + 1);
      join(client, upstream);
    });
  });
  lifetime.own('balancer', await listen(server, options.listen), async (it) => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => it.close(resolve));
  });
  await health.round();
  const asking = health.run(lifetime.signal);
  lifetime.defer('health checks', () => asking);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.listen.port,
    round: () => health.round(),
    report: () => ({ connections: Object.fromEntries(connections), refused, open: open.size }),
  };
}

interface Reached {
  readonly node: BalancedNode;
  readonly upstream: Socket;
}

/** The first node that accepts. Nothing of the client's has been sent before: another one may be tried. */
async function reach(nodes: readonly BalancedNode[]): Promise<Reached | undefined> {
  for (const node of nodes) {
    const upstream = await dial(node);
    if (upstream !== undefined) return { node, upstream };
  }
  return undefined;
}

function dial({ ip, port }: BalancedNode): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port, allowHalfOpen: true });
    const fail = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    const timer = setTimeout(fail, CONNECT_MS);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}

/** What ends at one side ends at the other in the same way: politely, or by a reset. */
function join(client: Socket, upstream: Socket): void {
  const pairs = [
    [client, upstream],
    [upstream, client],
  ] as const;
  for (const [from, to] of pairs) {
    from.on('error', () => to.resetAndDestroy());
    from.once('close', () => {
      if (!to.writableEnded) to.destroy();
    });
    from.pipe(to);
  }
  client.resume();
}

function listen(server: Server, where: BalancerOptions['listen']): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new FairleadError('unavailable', `Cannot listen on ${where.host}:${where.port}: ${cause.message}`, {
          cause,
        }),
      ),
    );
    server.listen(where, () => {
      server.removeAllListeners('error');
      resolve(server);
    });
  });
}
