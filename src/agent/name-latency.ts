// How long a change of a headless Service's endpoints takes to be answered (Kubernetes' SLI of DNS programming): from the time that its EndpointSlice
// carries until the node's DNS process has it. Measured here, for the times come no further.

import type { Registry } from 'prom-client';
import { registerTally, TallyHistogram } from '../base/tally.ts';
import { SERVICE_NAME_LABEL } from '../objects/endpoint-slice.ts';
import { objectOf } from '../objects/json.ts';

export interface NameLatencyParts {
  readonly metrics: Registry;
  readonly nowMs: () => number;
  /** Has a selector and no address of its own; `service` as "namespace/name". Undefined while it is not known. */
  readonly isHeadless: (service: string) => boolean | undefined;
}

/** What is seen of a slice at its coming. */
interface Change {
  readonly service: string;
  readonly triggeredMs: number;
}

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
/** As CoreDNS has it, labels and bounds too: from a millisecond to 17 minutes. */
const NAME = 'coredns_kubernetes_dns_programming_duration_seconds';
const LABELS = { service_kind: 'headless_with_selector' };
const BOUNDS = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i);
/** Changes that wait for a DNS process, and slices whose last time is remembered: of what is beyond, nothing is measured. */
const MAX_KEPT = 10_000;
const MAX_WITHOUT_SERVICE_MS = 60_000;

export class NameLatency {
  readonly #parts: NameLatencyParts;
  readonly #startedMs: number;
  readonly #seconds = new TallyHistogram(BOUNDS);
  /** Seen, and not in a zone yet. */
  #seen: Change[] = [];
  /** The last time of each slice: it comes again with other changes, and with every list. */
  readonly #last = new Map<string, number>();
  /** In the zone of this revision. */
  #published: { readonly revision: number; readonly changes: readonly Change[] }[] = [];
  #applied = 0;

  constructor(parts: NameLatencyParts) {
    this.#parts = parts;
    this.#startedMs = parts.nowMs();
    registerTally(parts.metrics, {
      name: NAME,
      help: "Time from a change of a headless Service's endpoints until the node's DNS process answers it.",
      type: 'histogram',
      values: () => this.#seconds.values(NAME, LABELS),
    });
  }

  /** An EndpointSlice as it came. What changed before this agent was started says nothing about it. */
  seen(raw: unknown): void {
    const metadata = objectOf(objectOf(raw)['metadata']);
    const triggeredMs = Date.parse(String(objectOf(metadata['annotations'])[TRIGGER_TIME]));
    const name = objectOf(metadata['labels'])[SERVICE_NAME_LABEL];
    const service = `${String(metadata['namespace'])}/${String(name)}`;
    if (!(triggeredMs >= this.#startedMs) || this.#parts.isHeadless(service) === false) return;
    const slice = `${String(metadata['namespace'])}/${String(metadata['name'])}`;
    if (triggeredMs <= (this.#last.get(slice) ?? 0)) return;
    this.#remember(slice, triggeredMs);
    if (this.#seen.length + this.#published.length < MAX_KEPT) this.#seen.push({ service, triggeredMs });
  }

  #remember(slice: string, triggeredMs: number): void {
    this.#last.delete(slice);
    this.#last.set(slice, triggeredMs);
    const [oldest] = this.#last.keys();
    if (this.#last.size > MAX_KEPT && oldest !== undefined) this.#last.delete(oldest);
  }

  /** All that was seen is in the zone of `revision`; of 0 there is none yet. */
  published(revision: number): void {
    if (this.#seen.length === 0 || revision === 0) return;
    this.#published.push({ revision, changes: this.#seen });
    this.#seen = [];
    this.applied(this.#applied);
  }

  /** The DNS process answers from the zone of `revision`. */
  applied(revision: number): void {
    this.#applied = revision;
    const { nowMs, isHeadless } = this.#parts;
    const there = this.#published.filter((it) => it.revision <= revision);
    this.#published = this.#published.filter((it) => it.revision > revision);
    for (const change of there.flatMap(({ changes }) => changes)) {
      const is = isHeadless(change.service);
      // Clocks of two machines: a change cannot be answered before it is there.
      const tookMs = Math.max(0, nowMs() - change.triggeredMs);
      if (is === true) this.#seconds.add(tookMs / 1000);
      // The zone has nothing of it yet: its Service comes by a watch of its own.
      else if (is === undefined && tookMs < MAX_WITHOUT_SERVICE_MS) this.#seen.push(change);
    }
  }
}
