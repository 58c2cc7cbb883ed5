// What the engine does, as log lines and metrics.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { messageOf } from '../base/errors.ts';
import type { EngineEvent, EngineStatus } from '../reconcile/status.ts';
import type { AgentContext } from './agent-context.ts';

/** Seconds; from a map update to a whole resync. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** More lines than a reader follows are cut; the count stands beside them. */
const LINES_MAX = 20;

/** A listener for the engine that logs and counts. */
export function engineReporter({ log, metrics }: AgentContext): (event: EngineEvent) => void {
  const of = engineMetrics(metrics);
  return (event) => {
    switch (event.kind) {
      case 'observed':
        of.duration.observe({ target: event.target, verb: 'observe' }, event.durationMs / 1000);
        return;
      case 'applied': {
        const { target, verb, count } = event;
        of.duration.observe({ target, verb }, event.durationMs / 1000);
        of.operations.inc({ target, verb }, count);
        if (log.isLevelEnabled('debug')) {
          log.debug({ target, lines: event.lines().slice(0, LINES_MAX) }, `${verb} ${count} of ${target}`);
        }
        return;
      }
      case 'repaired': {
        const { target, count } = event;
        of.repairs.inc({ target }, count);
        const lines = event.lines().slice(0, LINES_MAX);
        log.warn({ target, count, lines }, `${target}: repaired ${count} that somebody else had changed`);
        return;
      }
      case 'failed': {
        const { target, key, attempts, error } = event;
        of.errors.inc({ target });
        log.warn({ target, key, attempts, err: error }, `${target} ${key}: ${messageOf(error)}`);
        return;
      }
      case 'passed': {
        if (event.latencyMs !== undefined) of.latency.observe(event.latencyMs / 1000);
        of.passes.observe(event.durationMs / 1000);
        return;
      }
    }
  };
}

// The return type is the table itself: writing it out again would be the second place to change.
// oxlint-disable-next-line typescript/explicit-module-boundary-types
function engineMetrics(registry: Registry) {
  const registers = [registry];
  return {
    duration: new Histogram({
      name: 'fairlead_target_duration_seconds',
      help: 'Time of one observation, or of one batch of updates or deletions, of a target',
      labelNames: ['target', 'verb'],
      buckets: BUCKETS,
      registers,
    }),
    operations: new Counter({
      name: 'fairlead_target_operations_total',
      help: 'Entries that were updated or deleted in the kernel',
      labelNames: ['target', 'verb'],
      registers,
    }),
    repairs: new Counter({
      name: 'fairlead_target_repairs_total',
      help: 'Entries that somebody else had changed or removed in the kernel, and that are as they should be again',
      labelNames: ['target'],
      registers,
    }),
    errors: new Counter({
      name: 'fairlead_target_errors_total',
      help: 'Operations that failed and are retried',
      labelNames: ['target'],
      registers,
    }),
    latency: new Histogram({
      name: 'fairlead_reconcile_latency_seconds',
      help: 'From a change of the cluster as the agent saw it to the end of the pass that programmed it',
      buckets: BUCKETS,
      registers,
    }),
    passes: new Histogram({
      name: 'fairlead_reconcile_pass_seconds',
      help: 'Time of one pass over all targets',
      buckets: BUCKETS,
      registers,
    }),
  };
}

/** Gauges that are read from the engine's status whenever somebody asks for metrics. */
export function registerEngineGauges(metrics: Registry, status: () => EngineStatus): void {
  new Gauge({
    name: 'fairlead_target_entries',
    help: 'Entries of a target: desired, observed in the kernel, pending, and failed',
    labelNames: ['target', 'state'],
    registers: [metrics],
    collect() {
      for (const it of status().targets) {
        this.set({ target: it.name, state: 'desired' }, it.desiredCount ?? 0);
        this.set({ target: it.name, state: 'observed' }, it.observedCount ?? 0);
        this.set({ target: it.name, state: 'pending' }, it.pendingCount);
        this.set({ target: it.name, state: 'failed' }, it.failures.length);
      }
    },
  });
  new Gauge({
    name: 'fairlead_revision',
    help: 'Newest compiled revision',
    registers: [metrics],
    collect() {
      this.set(status().revision);
    },
  });
  new Gauge({
    name: 'fairlead_converged',
    help: 'Whether a target is as the newest revision wants it (1) or not (0)',
    labelNames: ['target'],
    registers: [metrics],
    collect() {
      for (const it of status().targets) this.set({ target: it.name }, it.isConverged ? 1 : 0);
    },
  });
}
