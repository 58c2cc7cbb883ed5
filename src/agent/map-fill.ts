// How full the BPF maps are, as metrics and for the status: counted anew at most every second, and seldom where that takes
// long, whoever asks how often.

import { Gauge, type Registry } from 'prom-client';
import { isCrowded, type MapFill } from '../backends/shared-bpf/map-fill.ts';
import type { Clock } from '../base/clock.ts';
import type { AgentContext } from './agent-context.ts';

const KEEP_LEAST_MS = 1_000;
/** With many Services a count takes milliseconds: for a thousand times as long its answer is kept. */
const KEEP_PER_COUNT = 1_000;

/** `count` with its last answer kept for a while. */
export function keptFills(count: () => readonly MapFill[], clock: Clock): () => readonly MapFill[] {
  let fills: readonly MapFill[] = [];
  let untilMs = -Infinity;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs < untilMs) return fills;
    fills = count();
    const tookMs = clock.monotonicMs() - nowMs;
    untilMs = nowMs + Math.max(KEEP_LEAST_MS, tookMs * KEEP_PER_COUNT);
    return fills;
  };
}

/** Shows the fills as metrics, and gives them to others. */
export function watchMapFills(
  { metrics, clock }: Pick<AgentContext, 'metrics' | 'clock'>,
  count: () => readonly MapFill[],
): () => readonly MapFill[] {
  const fills = keptFills(count, clock);
  registerMapGauges(metrics, fills);
  return fills;
}

/** Maps that are nearly full, in words. */
export function crowdedMaps(fills: readonly MapFill[]): readonly string[] {
  return fills
    .filter(isCrowded)
    .map(({ map, entries, limit }) => `BPF map ${map} is nearly full: ${entries} of ${limit} entries`);
}

function registerMapGauges(metrics: Registry, fills: () => readonly MapFill[]): void {
  const gauges = [
    ['fairlead_bpf_map_entries', 'Entries of a BPF map that can get full', (it: MapFill) => it.entries],
    ['fairlead_bpf_map_max_entries', 'Entries that a BPF map has room for', (it: MapFill) => it.maxEntries],
    ['fairlead_bpf_map_limit_entries', 'Entries that it can grow to', (it: MapFill) => it.limit],
    ['fairlead_bpf_map_growths', 'How often it has grown since the agent began', (it: MapFill) => it.growths],
  ] as const;
  for (const [name, help, read] of gauges)
    new Gauge({
      name,
      help,
      labelNames: ['map'],
      registers: [metrics],
      collect() {
        for (const it of fills()) this.set({ map: it.map }, read(it));
      },
    });
}
