// Metrics of the watches: how many objects, events and failures, and for how long the copy may be behind.

import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { WatchStatus } from './cluster-watch.ts';

/** Counts of a watch that only ever grow. */
const TOTALS = [
  { name: 'events', help: 'Changes that came by a watch' },
  { name: 'lists', help: 'Whole lists that were asked for' },
  { name: 'watches', help: 'Watches that were opened' },
  { name: 'failures', help: 'Lists and watches that failed and were retried' },
  { name: 'refused', help: 'Objects that could not be used and were skipped' },
] as const;

export function registerWatchMetrics(
  metrics: Registry,
  clock: Clock,
  status: () => readonly WatchStatus[],
): void {
  for (const { name, help } of TOTALS) {
    new Counter({
      name: `fairlead_watch_${name}_total`,
      help,
      labelNames: ['kind'],
      registers: [metrics],
      collect() {
        this.reset();
        for (const watch of status()) this.inc({ kind: watch.kind }, watch[name]);
      },
    });
  }
  gauge(metrics, 'fairlead_watch_objects', 'Objects in the copy', (set) => {
    for (const { kind, objects } of status()) set(kind, objects);
  });
  gauge(metrics, 'fairlead_watch_synced', 'Whether the first whole list has come (1)', (set) => {
    for (const { kind, isSynced } of status()) set(kind, isSynced ? 1 : 0);
  });
  gauge(metrics, 'fairlead_watch_disconnected_seconds', 'For how long no watch is open', (set) => {
    const nowMs = clock.monotonicMs();
    for (const it of status()) set(it.kind, (nowMs - (it.disconnectedSinceMs ?? nowMs)) / 1000);
  });
}

function gauge(
  metrics: Registry,
  name: string,
  help: string,
  read: (set: (kind: string, value: number) => void) => void,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['kind'],
    registers: [metrics],
    collect() {
      read((kind, value) => this.set({ kind }, value));
    },
  });
}
