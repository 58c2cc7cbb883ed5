// What is counted of upstreams' health: it outlives the configuration that names them.

import type { Registry } from 'prom-client';
import { registerTally } from '../base/tally.ts';
import { upstreamText, type Upstream } from './upstream.ts';

export class ForwardCounts {
  readonly #failedProbes = new Map<string, number>();
  #broken = 0;

  /** It did not answer the probe that a suspicion led to. */
  probeFailed(upstream: Upstream): void {
    const to = upstreamText({ ...upstream, tls: undefined });
    this.#failedProbes.set(to, (this.#failedProbes.get(to) ?? 0) + 1);
  }

  /** A question came for a zone whose upstreams are all down. */
  allDown(): void {
    this.#broken++;
  }

  /** By CoreDNS's names of now, and of before 1.11. */
  register(registry: Registry): void {
    const failures = (more: Readonly<Record<string, string>>) => () =>
      [...this.#failedProbes].map(([to, value]) => ({ labels: { ...more, to }, value }));
    const help = 'Counter of the number of failed healthchecks.';
    for (const [name, values] of [
      ['coredns_proxy_healthcheck_failures_total', failures({ proxy_name: 'forward' })],
      ['coredns_forward_healthcheck_failures_total', failures({})],
    ] as const)
      registerTally(registry, { name, help, type: 'counter', values });
    registerTally(registry, {
      name: 'coredns_forward_healthcheck_broken_total',
      help: 'Questions that came while all upstreams of their zone were down.',
      type: 'counter',
      values: () => [{ labels: {}, value: this.#broken }],
    });
  }
}
