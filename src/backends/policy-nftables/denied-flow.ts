// Which tracked flows policies do not allow any more, and which they allow again. Packets of the direction in which a flow began are judged by the table;
// of one in which answers come first, or alone, no packet is, nor one of a flow that was denied, in which nothing else comes. Pure.

import type { Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import { PORT_PROTOCOLS } from '../../base/port-set.ts';
import { PROTOCOL_NUMBERS, type Protocol } from '../../base/port.ts';
import type { TrackedFlow } from '../../wire/netlink/conntrack.ts';
import { DENIED_FLOW_BIT } from './table-plan.ts';
import type { PolicyTrace } from './trace.ts';

/** True for a flow that may still carry something, as far as its mark says. Fairlead uses no zones: flows in one are somebody else's. */
export function isJudgedFlow({ protocol, zone, isOver, mark }: TrackedFlow): boolean {
  return NAMES.has(protocol) && zone === 0 && !isOver && (mark & DENIED_FLOW_BIT) === 0;
}

/** True for a flow whose answers end, because it was denied. */
export function isMarkedDenied({ mark, zone }: TrackedFlow): boolean {
  return (mark & DENIED_FLOW_BIT) !== 0 && zone === 0;
}

/** True for a flow that would not begin now. */
export function isDeniedFlow(table: PolicyTrace, flow: TrackedFlow): boolean {
  return sidesOf(table, flow).includes('kept');
}

/** True for a flow that could begin now. Neither is true where only packets say who sends them. */
export function isAllowedFlow(table: PolicyTrace, flow: TrackedFlow): boolean {
  return sidesOf(table, flow).every((it) => it === 'open');
}

/** What the policies of a flow's end say to it. */
type FlowSide = 'open' | 'kept' | 'unknown';

/** A pod's flow to itself has none. */
function sidesOf(table: PolicyTrace, { protocol, original, reply }: TrackedFlow): readonly FlowSide[] {
  const ends = {
    from: original.source,
    to: reply.source,
    port: reply.sourcePort,
    protocol: NAMES.get(protocol),
  };
  if (ends.from === ends.to) return [];
  return [sideOf(table, 'egress', ends), sideOf(table, 'ingress', ends)];
}

const NAMES: ReadonlyMap<number, Protocol> = new Map(
  PORT_PROTOCOLS.map((name) => [PROTOCOL_NUMBERS[name], name]),
);

interface Ends {
  readonly from: Ip;
  readonly to: Ip;
  readonly port: number;
  readonly protocol: Protocol | undefined;
}

function sideOf(
  table: PolicyTrace,
  direction: 'egress' | 'ingress',
  { from, to, port, protocol }: Ends,
): FlowSide {
  const [own, remote] = direction === 'egress' ? [from, to] : [to, from];
  if (!table.knows(own)) return 'open';
  const peer = table.peerAt(remote);
  // Whose an address is that nobody knows, the packets say: what they began is left to them.
  if (peer === PEERS.host || peer === PEERS.unknownPod) return 'unknown';
  const passes = table.passes({ direction, own, remote, protocol, port, mark: 0, isOfNode: false });
  return passes ? 'open' : 'kept';
}
