// Which connections the policies of this node's pods denied lately: by pod, direction, other end and port, with how often and when. Bounded, because
// whoever is denied decides how many there are.

import type { Clock } from '../base/clock.ts';
import type { Ip } from '../base/ip.ts';
import type { PacketEvent } from '../backends/shared-bpf/packet-events.ts';

/** Times are those of the wall clock. */
export interface DeniedConnection {
  /** Of the pod that its policies isolate. */
  readonly direction: 'ingress' | 'egress';
  readonly source: Ip;
  readonly destination: Ip;
  /** IP protocol number. */
  readonly protocol: number;
  /** The destination's; 0 where the protocol has none. */
  readonly port: number;
  readonly packets: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The one that was seen last the longest ago makes room. */
const MOST = 1024;

const DIRECTIONS = { 'policy-ingress': 'ingress', 'policy-egress': 'egress' } as const;

export class DeniedConnections {
  readonly #clock: Clock;
  readonly #most: number;
  /** In the order in which they were last seen. */
  readonly #known = new Map<string, DeniedConnection>();

  constructor(clock: Clock, most = MOST) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Events of other kinds are left aside. */
  note({ reason, source, destination, protocol, destinationPort: port }: PacketEvent): void {
    if (reason !== 'policy-ingress' && reason !== 'policy-egress') return;
    const direction = DIRECTIONS[reason];
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
