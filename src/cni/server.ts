// The CNI socket of the agent: opens the leases, honours queued deletions, then serves requests side by side.

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { systemClock, type Clock } from '../base/clock.ts';
import { FairleadError, messageOf } from '../base/errors.ts';
import type { Lifetime } from '../base/lifetime.ts';
import type { CniContext } from './context.ts';
import { CniService, type CniEvent } from './cni-service.ts';
import { Dispatcher } from './dispatch.ts';
import type { NodeDoor, NodeNetwork, OpenPodDoor, PodDatapath, WaitForPolicy } from './doors.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { LeaseReconciler } from './lease-reconciler.ts';
import { LinkRemover } from './link-remover.ts';
import { LeaseStore, type Lease } from './lease-store.ts';
import type { PoolUsage } from './address-pool.ts';

export interface CniServerOptions {
  readonly socketPath: string;
  /** SQLite file of the address leases. */
  readonly leasesFile: string;
  /** Changes when every pod interface is gone for certain; see `bootIdentity` in `kernel-doors.ts`. */
  readonly boot: string;
  readonly node: NodeDoor;
  readonly openPod: OpenPodDoor;
  readonly datapath: PodDatapath;
  readonly waitForPolicy: WaitForPolicy;
  /** Asked at every request; undefined while the node is not known yet. */
  readonly network: () => NodeNetwork | undefined;
  readonly clock?: Clock;
  /** Default 30 s and 5 s, as `LeaseStoreOptions`. */
  readonly restMs?: number;
  readonly leastRestMs?: number;
  /** Time between two looks at leases and links; default 30 s. */
  readonly reconcileEveryMs?: number;
  readonly log?: (event: CniEvent) => void;
}

/** A running server; it ends with its lifetime. */
export interface CniServer {
  leases(): readonly Lease[];
  usage(): readonly PoolUsage[];
}

const DEFAULT_RECONCILE_MS = 30_000;
/** More than any burst: a client that finds the backlog full waits. */
const BACKLOG = 1024;

export async function startCniServer(options: CniServerOptions, lifetime: Lifetime): Promise<CniServer> {
  const clock = options.clock ?? systemClock;
  const leases = lifetime.own('address leases', openLeases(options, clock), (it) => it.close());
  const context = contextOf(options, leases, clock);
  const queue = new KeyedQueue();
  const dispatcher = new Dispatcher(context, queue);
  const { socketPath, log } = options;
  const service = new CniService({ socketPath, dispatcher, clock, signal: lifetime.signal, log });
  await service.drainQueue();
  await startReconciling({ options, context, queue, clock }, lifetime);
  const server = createServer((socket) => service.accept(socket));
  lifetime.defer('CNI socket', () => service.stop(server));
  await listen(server, options.socketPath);
  return { leases: () => leases.list(), usage: () => leases.usage() };
}

function openLeases(options: CniServerOptions, clock: Clock): LeaseStore {
  const { leasesFile: file, boot, restMs, leastRestMs } = options;
  const leases = new LeaseStore({
    file,
    boot,
    clock,
    ...(restMs === undefined ? {} : { restMs }),
    ...(leastRestMs === undefined ? {} : { leastRestMs }),
  });
  const network = options.network();
  if (network !== undefined && network.podCidrs.length > 0) leases.setPrefixes(network.podCidrs);
  return leases;
}

function contextOf(options: CniServerOptions, leases: LeaseStore, clock: Clock): CniContext {
  const { node, openPod, datapath, waitForPolicy } = options;
  const network = (): NodeNetwork => {
    const now = options.network();
    if (now === undefined || now.podCidrs.length === 0) {
      throw new FairleadError('unavailable', 'the node has no pod prefix yet');
    }
    if (now.podCidrs.join() !== leases.prefixes.join()) leases.setPrefixes(now.podCidrs);
    return now;
  };
  return {
    clock,
    leases,
    node,
    remover: new LinkRemover(node.removals),
    openPod,
    datapath,
    waitForPolicy,
    network,
  };
}

interface ReconcileParts {
  readonly options: CniServerOptions;
  readonly context: CniContext;
  readonly queue: KeyedQueue;
  readonly clock: Clock;
}

async function startReconciling(parts: ReconcileParts, lifetime: Lifetime): Promise<void> {
  const { options, context, queue, clock } = parts;
  const reconciler = new LeaseReconciler(context, queue);
  await reconciler.look();
  const loop = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(options.reconcileEveryMs ?? DEFAULT_RECONCILE_MS, lifetime.signal);
      await reconciler.look().catch((error: unknown) => {
        options.log?.({ kind: 'trouble', what: `Cannot reconcile address leases: ${messageOf(error)}` });
      });
    }
  };
  const running = loop().catch((error: unknown) => {
    if (!lifetime.signal.aborted) throw error;
  });
  lifetime.defer('lease reconciler', () => running);
}

async function listen(server: Server, socketPath: string): Promise<void> {
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o700 });
  // What a killed agent left; a living one holds the lease file, so that this one has not come here.
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: socketPath, backlog: BACKLOG }, () => resolve());
  });
  chmodSync(socketPath, 0o600);
}
