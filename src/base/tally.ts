// Counts on the hot path: a number added to a slot per event, made into labelled values only when somebody scrapes.

import type { MetricObject, MetricValue, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** Counts by a small number that stands for a set of labels. */
export class TallyCounter {
  readonly #counts = new Map<number, number>();

  add(slot: number, by = 1): void {
    this.#counts.set(slot, (this.#counts.get(slot) ?? 0) + by);
  }

  /** Values with the labels that `labelsOf` says a slot stands for; slots of equal labels are summed. */
  values(labelsOf: (slot: number) => Labels): MetricValue<string>[] {
    const sums = new Map<string, { labels: Labels; value: number }>();
    for (const [slot, count] of this.#counts) {
      const labels = labelsOf(slot);
      const key = JSON.stringify(labels);
      sums.set(key, { labels, value: (sums.get(key)?.value ?? 0) + count });
    }
    return [...sums.values()];
  }
}

/** Counts of values at or below each bound, as Prometheus wants them. */
export class TallyHistogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds` ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** How many values. */
  get count(): number {
    return this.#counts.reduce((sum, it) => sum + it, 0);
  }

  values(name: string, labels: Labels): (MetricValue<string> & { readonly metricName: string })[] {
    let below = 0;
    const buckets = [...this.#bounds.map(String), '+Inf'].map((le, i) => {
      below += this.#counts[i] ?? 0;
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: below },
    ];
  }
}

export interface TallyMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: () => readonly MetricValue<string>[];
}

/** Makes the registry print the metric from its tally at each scrape. */
export function registerTally(registry: Registry, metric: TallyMetric): void {
  const { name, help, type } = metric;
  const get = (): MetricObject =>
    // The registry reads name, help, type and values alone; its types ask for more than it uses.
    ({ name, help, type, aggregator: 'sum', values: metric.values() }) as unknown as MetricObject;
  registry.registerMetric({ name, get } as unknown as Parameters<Registry['registerMetric']>[0]);
}
