// Which tracked flows policies do not allow any more, and which they allow again. Packets of the direction in which a flow began are judged by the rules;
// of one in which answers come first, or alone, no packet is, nor one of a flow that was denied, in which nothing else comes.

import { familyOf, type Family, type Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import { PORT_PROTOCOLS } from '../../base/port-set.ts';
import { PROTOCOL_NUMBERS, type Protocol } from '../../base/port.ts';
import type { MarkChange, TrackedFlow } from '../../wire/netlink/conntrack.ts';
import type { Conntrack } from '../../sys/conntrack.ts';
import type { PolicyJudge } from './policy-judge.ts';

/** Bit of the connection mark: the flow was let through once and is not any more, so its answers end too. Services use bits 29 and 30. */
export const DENIED_FLOW_BIT = 0x1000_0000;

/** Which flows are asked about. */
export interface FlowChoice {
  readonly isMeant: (flow: TrackedFlow) => boolean;
  readonly families: readonly Family[];
}

/** Flows with one of these addresses at an end. */
export function flowsOf(ips: ReadonlySet<Ip>): FlowChoice {
  return { isMeant: (flow) => isOf(flow, ips), families: [...new Set([...ips].map(familyOf))] };
}

/**
 * Sets the bit on flows that would not begin now, and frees those that would; of those alone that are meant, where that is given. `makeJudge` is
 * called where there is a flow to ask about. True where flows that were looked at have the bit afterwards.
 */
export async function markDeniedFlows(
  conntrack: Pick<Conntrack, 'changeMarks'>,
  makeJudge: () => PolicyJudge,
  choice?: FlowChoice,
): Promise<boolean> {
  let made: PolicyJudge | undefined;
  let hasDenied = false;
  const judge = (): PolicyJudge => (made ??= makeJudge());
  const changeOf = (flow: TrackedFlow): MarkChange | undefined => {
    const isMeant = choice === undefined || choice.isMeant(flow);
    if (isMarkedDenied(flow)) {
      if (isMeant && isAllowedFlow(judge(), flow)) return FREED;
      hasDenied = true;
    } else if (isMeant && isJudgedFlow(flow) && isDeniedFlow(judge(), flow)) {
      hasDenied = true;
      return DENIED;
    }
    return undefined;
  };
  await conntrack.changeMarks(changeOf, choice?.families);
  return hasDenied;
}

const DENIED: MarkChange = { mask: DENIED_FLOW_BIT, value: DENIED_FLOW_BIT };
const FREED: MarkChange = { mask: DENIED_FLOW_BIT, value: 0 };

function isOf({ original, reply }: TrackedFlow, ips: ReadonlySet<Ip>): boolean {
  return ips.has(original.source) || ips.has(original.destination) || ips.has(reply.source);
}

/** True for a flow that may still carry something, as far as its mark says. Fairlead uses no zones: flows in one are somebody else's. */
export function isJudgedFlow({ protocol, zone, isOver, mark }: TrackedFlow): boolean {
  return NAMES.has(protocol) && zone === 0 && !isOver && (mark & DENIED_FLOW_BIT) === 0;
}

/** True for a flow whose answers end, because it was denied. */
export function isMarkedDenied({ mark, zone }: TrackedFlow): boolean {
  return (mark & DENIED_FLOW_BIT) !== 0 && zone === 0;
}

/** True for a flow that would not begin now. */
export function isDeniedFlow(judge: PolicyJudge, flow: TrackedFlow): boolean {
  return sidesOf(judge, flow).includes('kept');
}

/** True for a flow that could begin now. Neither is true where only packets say who sends them. */
export function isAllowedFlow(judge: PolicyJudge, flow: TrackedFlow): boolean {
  return sidesOf(judge, flow).every((it) => it === 'open');
}

/** What the policies of a flow's end say to it. */
type FlowSide = 'open' | 'kept' | 'unknown';

/** A pod's flow to itself has none. */
function sidesOf(judge: PolicyJudge, { protocol, original, reply }: TrackedFlow): readonly FlowSide[] {
  const ends = {
    from: original.source,
    to: reply.source,
    port: reply.sourcePort,
    protocol: NAMES.get(protocol),
  };
  if (ends.from === ends.to) return [];
  return [sideOf(judge, 'egress', ends), sideOf(judge, 'ingress', ends)];
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
  judge: PolicyJudge,
  direction: 'egress' | 'ingress',
  { from, to, port, protocol }: Ends,
): FlowSide {
  const [own, remote] = direction === 'egress' ? [from, to] : [to, from];
  if (!judge.knows(own)) return 'open';
  const peer = judge.peerAt(remote);
  // Whose an address is that nobody knows, the packets say: what they began is left to them.
  if (peer === PEERS.host || peer === PEERS.unknownPod) return 'unknown';
  const passes = judge.passes({ direction, own, remote, protocol, port, mark: 0, isOfNode: false });
  return passes ? 'open' : 'kept';
}
