// Which upstreams are worth asking: those that answer. One that stays silent is probed before it is believed dead, and until it answers.

import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { ForwardZone } from './forward-config.ts';
import type { Random } from './random.ts';
import { upstreamText, type Upstream } from './upstream.ts';

/** Asks the upstream something harmless; true when it answers anything at all. */
export type Probe = (upstream: Upstream, signal: AbortSignal) => Promise<boolean>;

/** Silent questions in a row that raise the suspicion; a single slow zone of the world must not take an upstream down. */
const SUSPICIOUS_TIMEOUTS = 3;
const MAX_PROBE_WAIT_MS = 10_000;

interface Health {
  readonly upstream: Upstream;
  timeouts: number;
  isUp: boolean;
  isProbed: boolean;
  /** It passes questions on to us: not to be asked, whatever its health. */
  isLooping: boolean;
}

export interface PoolParts {
  readonly settings: Pick<ForwardZone, 'policy' | 'maxFails' | 'healthCheckMs'>;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onChange?: (upstream: Upstream, isUp: boolean) => void;
  readonly onProbeFailed?: (upstream: Upstream) => void;
}

export class UpstreamPool {
  readonly #parts: PoolParts;
  #upstreams: readonly Upstream[] = [];
  #members: readonly Health[] = [];
  #turns = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** The list as it was set last. */
  get upstreams(): readonly Upstream[] {
    return this.#upstreams;
  }

  /** Replaces the list; what is known of an upstream that stays is kept. */
  set(upstreams: readonly Upstream[]): void {
    this.#upstreams = upstreams;
    this.#members = upstreams.map(
      (upstream) =>
        this.#members.find((it) => isSame(it.upstream, upstream)) ?? {
          upstream,
          timeouts: 0,
          isUp: true,
          isProbed: false,
          isLooping: false,
        },
    );
  }

  setLooping(looping: readonly Upstream[]): void {
    for (const member of this.#members) {
      member.isLooping = looping.some((it) => isSame(it, member.upstream));
    }
  }

  /** The upstreams to try, in the order to try them. Empty when all are down. */
  candidates(): readonly Upstream[] {
    const up = this.#members.filter((it) => it.isUp && !it.isLooping).map((it) => it.upstream);
    const first = this.#firstOf(up.length);
    return [...up.slice(first), ...up.slice(0, first)];
  }

  /** There are upstreams, and none of them is believed to answer. */
  get isBroken(): boolean {
    return this.#members.length > 0 && !this.#members.some((it) => it.isUp);
  }

  #firstOf(count: number): number {
    const { settings, random } = this.#parts;
    switch (settings.policy) {
      case 'random':
        return Math.floor(random.fraction() * count);
      case 'round_robin':
        return this.#turns++ % Math.max(1, count);
      case 'sequential':
        return 0;
      default:
        return settings.policy satisfies never;
    }
  }

  reportAnswer(upstream: Upstream): void {
    const member = this.#find(upstream);
    if (member !== undefined) member.timeouts = 0;
  }

  reportTimeout(upstream: Upstream): void {
    const member = this.#find(upstream);
    if (member === undefined) return;
    member.timeouts++;
    const isSuspicious = this.#parts.settings.maxFails > 0 && member.timeouts >= SUSPICIOUS_TIMEOUTS;
    if (isSuspicious && !member.isProbed) void this.#watch(member);
  }

  #find(upstream: Upstream): Health | undefined {
    return this.#members.find((it) => isSame(it.upstream, upstream));
  }

  /** Probes until the upstream answers; it is down from the `maxFails`-th failed probe on. */
  async #watch(member: Health): Promise<void> {
    const { probe, clock, random, signal, settings } = this.#parts;
    const { maxFails, healthCheckMs: firstMs } = settings;
    const backoff = { firstMs, maxMs: Math.max(firstMs, MAX_PROBE_WAIT_MS), factor: 2 };
    member.isProbed = true;
    try {
      for (let failures = 1; !(await probe(member.upstream, signal)); failures++) {
        this.#parts.onProbeFailed?.(member.upstream);
        if (failures >= maxFails) this.#setUp(member, false);
        await clock.sleep(
          backoffMs(backoff, failures, () => random.fraction()),
          signal,
        );
      }
      member.timeouts = 0;
      this.#setUp(member, true);
    } catch (error) {
      // Only the end of the process ends the sleep early.
      if (!signal.aborted) throw error;
    } finally {
      member.isProbed = false;
    }
  }

  #setUp(member: Health, isUp: boolean): void {
    if (member.isUp === isUp) return;
    member.isUp = isUp;
    this.#parts.onChange?.(member.upstream, isUp);
  }
}

function isSame(a: Upstream, b: Upstream): boolean {
  return upstreamText(a) === upstreamText(b);
}
