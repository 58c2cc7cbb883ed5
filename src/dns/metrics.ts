// What is counted, under the names that CoreDNS gives it, so that dashboards and alerts made for CoreDNS work unchanged.

import { Registry } from 'prom-client';
import { familyOf } from '../base/ip.ts';
import { RCODE, rcodeName, TYPE } from '../wire/dns/constants.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { CacheLookup } from './caching-resolver.ts';
import { registerDashboardMetrics } from './dashboard-metrics.ts';
import { ForwardCounts } from './forward-counts.ts';
import type { KernelAnswers } from './feed-answers.ts';
import type { ExchangeFacts } from './forwarder.ts';
import type { PassedAnswer } from './name-gate.ts';
import type { AnsweredQuery } from './answered-query.ts';
import { registerTally, TallyCounter, TallyHistogram } from '../base/tally.ts';
import { upstreamText } from './upstream.ts';
import type { LoopingUpstream } from './zone-forwarder.ts';
import type { ZoneState } from './zone-state.ts';

/** Bounds as CoreDNS has them: seconds from 0.25 ms doubled, octets. */
const DURATION_BOUNDS = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
const SIZE_BOUNDS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3];
const TRANSPORTS = ['udp', 'tcp'] as const;
/** One server block without views: the label values CoreDNS uses then. */
const SERVER = { server: 'dns://:53', view: '' };
const ZONE = { ...SERVER, zone: '.' };
const CACHE = { ...SERVER, zones: '.' };
/** "type" of every other type, so that clients cannot make label values. */
const OTHER = 0;
const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TYPE).map(([name, code]) => [code, name]),
);

export interface MetricsSources {
  readonly cache: () => AnswerCache | undefined;
  readonly zone: ZoneState;
  readonly isFeedConnected: () => boolean;
  readonly looping: () => readonly LoopingUpstream[];
}

export class DnsMetrics {
  readonly registry = new Registry();
  readonly forwards = new ForwardCounts();
  readonly #requests = new TallyCounter();
  readonly #responses = new TallyCounter();
  readonly #durations = new TallyHistogram(DURATION_BOUNDS);
  readonly #requestSizes = TRANSPORTS.map(() => new TallyHistogram(SIZE_BOUNDS));
  readonly #responseSizes = TRANSPORTS.map(() => new TallyHistogram(SIZE_BOUNDS));
  readonly #lookups: Record<CacheLookup, number> = {
    hit: 0,
    'denial-hit': 0,
    stale: 0,
    miss: 0,
    rejected: 0,
    prefetch: 0,
  };
  readonly #upstreams = new Map<string, TallyHistogram>();
  readonly #gated: Record<PassedAnswer['result'], number> = { known: 0, late: 0, crowded: 0 };
  readonly #holds = new TallyHistogram(DURATION_BOUNDS);
  #hiddenRetries = 0;
  #completed = 0;
  #dnssecOk = 0;
  #failures = 0;

  constructor(sources: MetricsSources) {
    registerDashboardMetrics(this.registry, { zone: ZONE, upstreams: this.#upstreams });
    this.forwards.register(this.registry);
    this.#registerQueries();
    this.#registerCache(sources.cache);
    this.#registerUpstreams(sources);
    this.#registerZone(sources);
    this.#registerGate();
  }

  answered(query: AnsweredQuery, nowMs: number): void {
    const isTcp = query.client.transport === 'tcp' ? 1 : 0;
    const isV6 = query.client.address.includes(':') ? 2 : 0;
    const typeCode = query.typeCode !== undefined && TYPE_NAMES.has(query.typeCode) ? query.typeCode : OTHER;
    this.#requests.add((typeCode << 2) | isV6 | isTcp);
    this.#requestSizes[isTcp]?.add(query.requestBytes);
    if (query.isCompleted) this.#completed++;
    if (query.isDnssecOk) this.#dnssecOk++;
    if (query.rcode === undefined) return;
    this.#responses.add((query.rcode << 1) | (query.isFromZone ? 1 : 0));
    this.#responseSizes[isTcp]?.add(query.responseBytes);
    this.#durations.add((nowMs - query.startedMs) / 1000);
  }

  /** Neither sizes nor times are known of what the kernel answered: its histograms go on about the process alone. */
  answeredInKernel({ client, typeCode, isDnssecOk, count }: KernelAnswers): void {
    this.#requests.add((typeCode << 2) | (familyOf(client) === 6 ? 2 : 0), count);
    this.#responses.add((RCODE.NOERROR << 1) | 1, count);
    if (isDnssecOk) this.#dnssecOk += count;
  }

  lookedUp(lookup: CacheLookup): void {
    this.#lookups[lookup]++;
  }

  exchanged(facts: ExchangeFacts): void {
    const { upstream, result } = facts;
    const rcode = result.kind === 'reply' ? rcodeName(result.message.rcode) : 'SERVFAIL';
    const to = upstreamText({ ...upstream, tls: undefined });
    const key = JSON.stringify({ proxy_name: 'forward', to, rcode });
    const known = this.#upstreams.get(key) ?? new TallyHistogram(DURATION_BOUNDS);
    known.add(facts.durationMs / 1000);
    this.#upstreams.set(key, known);
    if (facts.isRetry) this.#hiddenRetries++;
  }

  passed({ result, heldMs }: PassedAnswer): void {
    this.#gated[result]++;
    this.#holds.add(heldMs / 1000);
  }

  failed(): void {
    this.#failures++;
  }

  #registerQueries(): void {
    registerTally(this.registry, {
      name: 'coredns_dns_requests_total',
      help: 'Counter of DNS requests made per zone, protocol and family.',
      type: 'counter',
      values: () =>
        this.#requests.values((slot) => ({
          ...ZONE,
          family: (slot & 2) === 0 ? '1' : '2',
          proto: TRANSPORTS[slot & 1] ?? '',
          type: TYPE_NAMES.get(slot >> 2) ?? 'other',
        })),
    });
    registerTally(this.registry, {
      name: 'coredns_dns_responses_total',
      help: 'Counter of response status codes.',
      type: 'counter',
      values: () =>
        this.#responses.values((slot) => ({
          ...ZONE,
          plugin: (slot & 1) === 1 ? 'kubernetes' : 'forward',
          rcode: rcodeName(slot >> 1),
        })),
    });
    const name = 'coredns_dns_request_duration_seconds';
    registerTally(this.registry, {
      name,
      help: 'Histogram of the time (in seconds) each request took per zone.',
      type: 'histogram',
      values: () => this.#durations.values(name, ZONE),
    });
    this.#registerSizes('request', this.#requestSizes);
    this.#registerSizes('response', this.#responseSizes);
    const dnssecOk = (): number => this.#dnssecOk;
    this.#counter('coredns_dns_do_requests_total', 'Requests with the DO bit set.', dnssecOk, ZONE);
    this.#counter(
      'coredns_autopath_success_total',
      'Counter of requests that did autopath.',
      () => this.#completed,
      { server: SERVER.server },
    );
    this.#counter('coredns_panics_total', 'Requests that failed by a defect.', () => this.#failures, {});
  }

  #registerSizes(what: 'request' | 'response', tallies: readonly TallyHistogram[]): void {
    const name = `coredns_dns_${what}_size_bytes`;
    registerTally(this.registry, {
      name,
      help: `Size of the ${what} in bytes.`,
      type: 'histogram',
      values: () =>
        tallies.flatMap((tally, i) => tally.values(name, { ...ZONE, proto: TRANSPORTS[i] ?? '' })),
    });
  }

  #registerCache(cache: MetricsSources['cache']): void {
    const lookups = this.#lookups;
    registerTally(this.registry, {
      name: 'coredns_cache_hits_total',
      help: 'The count of cache hits.',
      type: 'counter',
      values: () => [
        { labels: { ...CACHE, type: 'success' }, value: lookups.hit },
        { labels: { ...CACHE, type: 'denial' }, value: lookups['denial-hit'] },
      ],
    });
    const misses = (): number => lookups.miss + lookups.rejected;
    this.#counter('coredns_cache_misses_total', 'The count of cache misses.', misses, CACHE);
    const requests = (): number => misses() + lookups.hit + lookups['denial-hit'] + lookups.stale;
    this.#counter('coredns_cache_requests_total', 'The count of cache requests.', requests, CACHE);
    const stale = 'Requests served from stale cache entries.';
    this.#counter('coredns_cache_served_stale_total', stale, () => lookups.stale, CACHE);
    const prefetches = 'Times the cache has asked for an entry anew before its end.';
    this.#counter('coredns_cache_prefetch_total', prefetches, () => lookups.prefetch, CACHE);
    registerTally(this.registry, {
      name: 'coredns_cache_entries',
      help: 'The number of elements in the cache.',
      type: 'gauge',
      values: () =>
        Object.entries(cache()?.counts.entries ?? {}).map(([type, value]) => ({
          labels: { ...CACHE, type },
          value,
        })),
    });
    const evictions = (): number => cache()?.counts.evictions ?? 0;
    this.#counter('coredns_cache_evictions_total', 'The count of cache evictions.', evictions, CACHE);
  }

  #registerUpstreams({ looping }: MetricsSources): void {
    registerTally(this.registry, {
      name: 'fairlead_dns_looping_upstreams',
      help: 'Upstreams that pass questions on to us and are not asked.',
      type: 'gauge',
      values: () => looping().map(({ zone, upstream }) => ({ labels: { zone, to: upstream }, value: 1 })),
    });
    const name = 'coredns_proxy_request_duration_seconds';
    registerTally(this.registry, {
      name,
      help: 'Histogram of the time each proxied request took.',
      type: 'histogram',
      values: () =>
        [...this.#upstreams].flatMap(([key, tally]) =>
          // Written by `exchanged` from texts alone.
          tally.values(name, JSON.parse(key) as Readonly<Record<string, string>>),
        ),
    });
    this.#counter(
      'coredns_forward_max_concurrent_rejects_total',
      'Queries refused because too many were on their way.',
      () => this.#lookups.rejected,
      {},
    );
    this.#counter(
      'fairlead_dns_hidden_retries_total',
      'Questions asked upstream again without the client noticing.',
      () => this.#hiddenRetries,
      {},
    );
  }

  #registerZone({ zone, isFeedConnected }: MetricsSources): void {
    const gauge = (name: string, help: string, value: () => number): void =>
      registerTally(this.registry, {
        name,
        help,
        type: 'gauge',
        values: () => [{ labels: {}, value: value() }],
      });
    gauge('fairlead_dns_zone_revision', 'Revision of the zone that answers.', () => zone.revision ?? 0);
    gauge('fairlead_dns_zone_entries', 'Services and pods with names.', () => zone.index.entries.size);
    gauge('fairlead_dns_feed_connected', '1 while the agent feeds the zone.', () =>
      isFeedConnected() ? 1 : 0,
    );
  }

  #registerGate(): void {
    registerTally(this.registry, {
      name: 'fairlead_dns_held_answers_total',
      help: 'Answers that policies speak of, by how they went on: their addresses were open (known), or not in time (late, crowded).',
      type: 'counter',
      values: () => Object.entries(this.#gated).map(([result, value]) => ({ labels: { result }, value })),
    });
    const name = 'fairlead_dns_hold_seconds';
    registerTally(this.registry, {
      name,
      help: 'How long such answers waited.',
      type: 'histogram',
      values: () => this.#holds.values(name, {}),
    });
  }

  #counter(name: string, help: string, value: () => number, labels: Readonly<Record<string, string>>): void {
    registerTally(this.registry, { name, help, type: 'counter', values: () => [{ labels, value: value() }] });
  }
}
