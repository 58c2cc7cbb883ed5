// Which upstreams are worth asking: those that answer. One that stays silent is probed before it is believed dead, and until it answers.

import { backoffMs, type Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from './random.ts';
import type { ServerAddress } from './udp-server.ts';

/** Asks the upstream something harmless; true when it answers anything at all. */
export type Probe = (upstream: ServerAddress, signal: AbortSignal) => Promise<boolean>;

/** Silent questions in a row that raise the suspicion; a single slow zone of the world must not take an upstream down. */
const SUSPICIOUS_TIMEOUTS = 3;
const PROBE_BACKOFF: Backoff = { firstMs: 250, maxMs: 10_000, factor: 2 };

interface Health {
  readonly upstream: ServerAddress;
  timeouts: number;
  isUp: boolean;
  isProbed: boolean;
}

export interface PoolParts {
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly onChange?: (upstream: ServerAddress, isUp: boolean) => void;
}

export class UpstreamPool {
  readonly #parts: PoolParts;
  #members: readonly Health[] = [];

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Replaces the list; what is known of an upstream that stays is kept. */
  set(upstreams: readonly ServerAddress[]): void {
    this.#members = upstreams.map(
      (upstream) =>
        this.#members.find((it) => isSame(it.upstream, upstream)) ?? {
          upstream,
          timeouts: 0,
          isUp: true,
          isProbed: false,
        },
    );
  }

  /** The upstreams to try, in the order to try them: a random one first, so that load is spread. Empty when all are down. */
  candidates(): readonly ServerAddress[] {
    const up = this.#members.filter((it) => it.isUp).map((it) => it.upstream);
    const first = Math.floor(this.#parts.random.fraction() * up.length);
    return [...up.slice(first), ...up.slice(0, first)];
  }

  reportAnswer(upstream: ServerAddress): void {
    const member = this.#find(upstream);
    if (member !== undefined) member.timeouts = 0;
  }

  reportTimeout(upstream: ServerAddress): void {
    const member = this.#find(upstream);
    if (member === undefined) return;
    member.timeouts++;
    if (member.timeouts >= SUSPICIOUS_TIMEOUTS && !member.isProbed) void this.#watch(member);
  }

  #find(upstream: ServerAddress): Health | undefined {
    return this.#members.find((it) => isSame(it.upstream, upstream));
  }

  /** Probes until the upstream answers; it is down from the first failed probe on. */
  async #watch(member: Health): Promise<void> {
    const { probe, clock, random, signal } = this.#parts;
    member.isProbed = true;
    try {
      for (let failures = 1; !(await probe(member.upstream, signal)); failures++) {
        this.#setUp(member, false);
        await clock.sleep(
          backoffMs(PROBE_BACKOFF, failures, () => random.fraction()),
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

function isSame(a: ServerAddress, b: ServerAddress): boolean {
  return a.ip === b.ip && a.port === b.port;
}
