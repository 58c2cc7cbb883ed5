// What the CNI server does, as log lines and metrics.

import { Counter, Gauge, Histogram } from 'prom-client';
import { messageOf } from '../base/errors.ts';
import type { CniEvent } from '../cni/cni-service.ts';
import type { CniServer } from '../cni/server.ts';
import type { AgentContext } from './agent-context.ts';

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** A listener for the CNI server that logs and counts. */
export function cniReporter({ log, metrics }: AgentContext): (event: CniEvent) => void {
  const registers = [metrics];
  const duration = new Histogram({
    name: 'fairlead_cni_request_seconds',
    help: 'Time of CNI requests by verb and outcome',
    labelNames: ['verb', 'outcome'],
    buckets: BUCKETS,
    registers,
  });
  const troubles = new Counter({
    name: 'fairlead_cni_troubles_total',
    help: 'Work of the CNI server beside requests that failed: queued deletions, looks at leases',
    registers,
  });
  return (event) => {
    if (event.kind === 'trouble') {
      troubles.inc();
      log.warn(event.what);
      return;
    }
    const { request, error } = event.outcome;
    const verb = request?.kind ?? 'unknown';
    duration.observe({ verb, outcome: error === undefined ? 'done' : 'refused' }, event.durationMs / 1000);
    const about = { verb, key: request !== undefined && 'key' in request ? request.key : undefined };
    if (error === undefined) log.debug(about, `CNI ${verb} done`);
    else log.warn({ ...about, err: error }, `CNI ${verb} refused: ${messageOf(error)}`);
  };
}

export function registerCniGauges({ metrics }: AgentContext, server: CniServer): void {
  new Gauge({
    name: 'fairlead_cni_addresses',
    help: 'Addresses of a pod prefix: used, resting before reuse, free',
    labelNames: ['prefix', 'state'],
    registers: [metrics],
    collect() {
      for (const { prefix, used, resting, free } of server.usage()) {
        this.set({ prefix, state: 'used' }, used);
        this.set({ prefix, state: 'resting' }, resting);
        this.set({ prefix, state: 'free' }, free);
      }
    },
  });
}
