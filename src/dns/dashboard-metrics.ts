// What CoreDNS's dashboards and alerts ask beside counts of queries: version, what is done at all, and upstreams by the names of before CoreDNS 1.11.

import type { Registry } from 'prom-client';
import { registerTally, type TallyHistogram } from '../base/tally.ts';
import { ownVersion } from '../sys/own-version.ts';

export interface DashboardSources {
  /** Label values that every metric of a server has. */
  readonly zone: Readonly<Record<string, string>>;
  /** Questions to upstreams, by their labels `to` and `rcode` as JSON. */
  readonly upstreams: ReadonlyMap<string, TallyHistogram>;
}

/** What of CoreDNS's plugins is done here. */
const PLUGINS = ['autopath', 'cache', 'forward', 'kubernetes', 'loadbalance', 'prometheus', 'ready'];

/** The kubernetes mixin's alerts ask for these; those of the histogram `coredns_proxy_request_duration_seconds` are the same numbers. */
const FORWARD = 'coredns_forward_request_duration_seconds';

export function registerDashboardMetrics(registry: Registry, { zone, upstreams }: DashboardSources): void {
  const build = { version: ownVersion(), revision: '', goversion: '' };
  registerTally(registry, {
    name: 'coredns_build_info',
    help: 'The version that answers: of Fairlead, in the place of CoreDNS.',
    type: 'gauge',
    values: () => [{ labels: build, value: 1 }],
  });
  registerTally(registry, {
    name: 'coredns_plugin_enabled',
    help: 'What of CoreDNS this server does.',
    type: 'gauge',
    values: () => PLUGINS.map((name) => ({ labels: { ...zone, name }, value: 1 })),
  });
  registerTally(registry, {
    name: FORWARD,
    help: 'Histogram of the time each request to an upstream took.',
    type: 'histogram',
    values: () => ofUpstreams(upstreams, (labels, tally) => tally.values(FORWARD, labels)),
  });
  registerTally(registry, {
    name: 'coredns_forward_responses_total',
    help: 'Answers by upstream and code.',
    type: 'counter',
    values: () => ofUpstreams(upstreams, (labels, tally) => [{ labels, value: tally.count }]),
  });
}

function ofUpstreams<T>(
  upstreams: DashboardSources['upstreams'],
  valuesOf: (labels: Readonly<Record<string, string>>, tally: TallyHistogram) => readonly T[],
): T[] {
  return [...upstreams].flatMap(([key, tally]) => {
    // Written by `DnsMetrics.exchanged` from texts alone.
    const { to = '', rcode = '' } = JSON.parse(key) as Readonly<Record<string, string>>;
    return valuesOf({ to, rcode }, tally);
  });
}
