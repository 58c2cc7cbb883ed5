// Which connections of this node's pods the kernel tracks now, each as policies are asked about it: from the end that began it to the endpoint behind every
// translation. Knows no pod, only addresses.

import type { Ip } from '../base/ip.ts';
import { PROTOCOL_NUMBERS, type Protocol } from '../base/port.ts';
import { PORT_PROTOCOLS } from '../base/port-set.ts';
import { DENIED_FLOW_BIT } from '../backends/shared-policy/denied-flow.ts';
import type { SeenConnection } from '../policy/recommend/connection-recorder.ts';
import type { Conntrack } from '../sys/conntrack.ts';
import type { TrackedFlow } from '../wire/netlink/conntrack.ts';

export interface SeenConnections {
  readonly connections: readonly SeenConnection[];
  /** Flows for which there was no room: never of connections that are listed and were seen before. */
  readonly leftOut: number;
}

/** Whoever opens connections decides how many there are. */
const BOUNDS: SeenBounds = { connections: 8_192, flows: 65_536 };

interface SeenBounds {
  readonly connections: number;
  readonly flows: number;
}

const NAMES: ReadonlyMap<number, Protocol> = new Map(
  PORT_PROTOCOLS.map((name) => [PROTOCOL_NUMBERS[name], name]),
);

/** Those with an end among `ips`; what no policy let through, and what was never more than an attempt, is none. */
export async function seenConnections(
  conntrack: Pick<Conntrack, 'list'>,
  ips: ReadonlySet<Ip>,
  bounds = BOUNDS,
): Promise<SeenConnections> {
  const seen = new Map<string, SeenConnection & { readonly sourcePorts: number[] }>();
  let [flows, leftOut] = [0, 0];
  const note = (flow: TrackedFlow): void => {
    const found = connectionOf(flow);
    if (found === undefined || !(ips.has(found.source) || ips.has(found.destination))) return;
    const key = `${found.protocol} ${found.source} ${found.destination} ${found.port}`;
    const known = seen.get(key);
    if ((known === undefined && seen.size >= bounds.connections) || flows >= bounds.flows) {
      leftOut++;
      return;
    }
    flows++;
    const sourcePorts = known?.sourcePorts ?? [];
    sourcePorts.push(flow.original.sourcePort);
    seen.set(key, { ...found, isAnswered: found.isAnswered || known?.isAnswered === true, sourcePorts });
  };
  // Taken while the table is read, so that a large one is never held as a whole.
  await conntrack.list((flow) => {
    note(flow);
    return false;
  });
  return { connections: [...seen.values()], leftOut };
}

/** Undefined of what proves no need: denied, not established, in a zone of somebody else's, or of unknown direction. */
function connectionOf(flow: TrackedFlow): Omit<SeenConnection, 'sourcePorts'> | undefined {
  const { original, reply, isAnswered } = flow;
  const protocol = NAMES.get(flow.protocol);
  if (protocol === undefined || flow.zone !== 0 || (flow.mark & DENIED_FLOW_BIT) !== 0) return undefined;
  // A handshake is an answer of its own; datagrams may well have none.
  if (flow.isTakenUp || (protocol !== 'UDP' && !flow.isAssured)) return undefined;
  if (original.source === reply.source) return undefined;
  return {
    source: original.source,
    destination: reply.source,
    protocol,
    port: reply.sourcePort,
    isAnswered,
  };
}
