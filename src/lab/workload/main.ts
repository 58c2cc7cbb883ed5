// The workload process of one node: serves the stand-ins and known workloads of its pods. Started inside the node's
// network namespace, so its probes come from the node; ends on the signal and closes all it serves.

import { readFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { Lifetime } from '../../base/lifetime.ts';
import { serveControl } from './control-server.ts';
import { kernelPodSockets } from './kernel-pod-sockets.ts';
import { resolveForPod } from './pod-resolver.ts';
import { Workloads } from './workloads.ts';

/** The one configuration file of the process. */
export interface WorkloadConfig {
  /** Unix socket of the control protocol. */
  readonly socket: string;
  readonly node: string;
}

/** Serves until the signal aborts. Throws `invalid` for a configuration that cannot be read. */
export async function runWorkload(configFile: string, signal: AbortSignal): Promise<void> {
  const config = parseConfig(await readFile(configFile, 'utf8'), configFile);
  const lifetime = new Lifetime(`workload process of ${config.node}`);
  try {
    const workloads = new Workloads({
      sockets: kernelPodSockets,
      clock: systemClock,
      resolve: resolveForPod,
    });
    lifetime.defer('workloads', () => workloads.close());
    await serveControl(config.socket, workloads, lifetime);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await lifetime.close();
  }
}

function parseConfig(text: string, file: string): WorkloadConfig {
  let config: Partial<WorkloadConfig>;
  try {
    // Fields are checked below.
    config = JSON.parse(text) as Partial<WorkloadConfig>;
  } catch (error) {
    throw new FairleadError('invalid', `Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  const { socket, node } = config;
  if (typeof socket !== 'string' || typeof node !== 'string') {
    throw new FairleadError('invalid', `Cannot read ${file}: socket and node must be texts`);
  }
  return { socket, node };
}
