// Which connections the policies of this node's pods denied lately: by pod, direction, other end and port, with how often and when. Bounded, because
// whoever is denied decides how many there are.

import type { Clock } from '../base/clock.ts';
import type { DeniedPacket } from '../backends/shared-policy/denied-packet.ts';

/** Times are those of the wall clock. */
export interface DeniedConnection extends DeniedPacket {
  readonly packets: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The one that was seen last the longest ago makes room. */
const MOST = 1024;

export class DeniedConnections {
  readonly #clock: Clock;
  readonly #most: number;
  /** In the order in which they were last seen. */
  readonly #known = new Map<string, DeniedConnection>();

  constructor(clock: Clock, most = MOST) {
    this.#clock = clock;
    this.#most = most;
  }

  note({ direction, source, destination, protocol, port }: DeniedPacket): void {
    const key = `${direction} ${source} ${destination} ${protocol} ${port}`;
    const nowMs = this.#clock.nowMs();
    const { packets = 0, firstMs = nowMs } = this.#known.get(key) ?? {};
    this.#known.delete(key);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= this.#most && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(key, {
      direction,
      source,
      destination,
      protocol,
      port,
      packets: packets + 1,
      firstMs,
      lastMs: nowMs,
    });
  }

  /** The newest first. */
  list(): readonly DeniedConnection[] {
    return [...this.#known.values()].toReversed();
  }
}
