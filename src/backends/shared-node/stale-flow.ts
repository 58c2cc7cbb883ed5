// Which tracked flows lead past what the Services are now. Pure; knows neither the kernel nor a backend.

import { cidrHasIp } from '../../base/cidr.ts';
import { PROTOCOL_NUMBERS, type Port, type Protocol } from '../../base/port.ts';
import { frontendKey, type Frontend, type NetworkNode, type NodeView } from '../../model/network.ts';
import type { FlowTuple, TrackedFlow } from '../../wire/netlink/conntrack.ts';

/** What the flows are judged by. */
export type FlowView = Pick<NodeView, 'node' | 'peers' | 'frontends' | 'cluster'>;

/** Flows of these take a new endpoint with their next packet. A TCP connection would only break: it ends with its endpoint. */
const JUDGED = new Map<number, Protocol>([
  [PROTOCOL_NUMBERS.UDP, 'UDP'],
  [PROTOCOL_NUMBERS.SCTP, 'SCTP'],
]);

/** The API server's range unless it is told otherwise. */
const [FIRST_NODE_PORT, LAST_NODE_PORT] = [30_000, 32_767];

/** True for keys of frontends whose flows are judged. */
export function isJudgedKey(key: string): boolean {
  return key.endsWith('/UDP') || key.endsWith('/SCTP');
}

/**
 * True for a flow to a frontend, or to what can only have been one, that does not lead to one of its endpoints. Inside and outside
 * endpoints count alike: who sent a flow does not always show in it.
 */
export function isStale(flow: TrackedFlow, view: FlowView): boolean {
  const protocol = JUDGED.get(flow.protocol);
  // Fairlead uses no zones: flows in one are somebody else's.
  if (protocol === undefined || flow.zone !== 0 || flow.original.destinationPort === 0) return false;
  const { destination: ip, destinationPort } = flow.original;
  // Not 0, and 16 bits wide.
  const frontend = view.frontends.get(frontendKey({ ip, port: destinationPort as Port, protocol }));
  if (frontend === undefined) return isTranslated(flow) && wasFrontend(flow, view);
  if (frontend.kind === 'node-local') return isTranslated(flow);
  if (leadsTo(frontend, flow.reply)) return isHiddenOtherwise(flow, frontend, view);
  // Without endpoints nothing is translated: an untranslated flow is what a refused packet leaves at most.
  return isTranslated(flow) || hasEndpoints(frontend);
}

/** Of an outside client that was hidden and is to keep its address now, or the other way round: answers take another way. */
function isHiddenOtherwise(
  { original, reply }: TrackedFlow,
  frontend: Frontend,
  { node }: FlowView,
): boolean {
  const isInside =
    node.addresses.includes(original.source) || node.podCidrs.some((it) => cidrHasIp(it, original.source));
  const isHidden = reply.destination !== original.source;
  return !isInside && isHidden !== frontend.masqueradesOutside;
}

/** Answers come from elsewhere than the flow was sent to. */
function isTranslated({ original, reply }: TrackedFlow): boolean {
  return original.destination !== reply.source || original.destinationPort !== reply.sourcePort;
}

function leadsTo({ inside, outside }: Frontend, reply: FlowTuple): boolean {
  return [inside, outside].some(({ endpoints }) =>
    endpoints.some((it) => it.ip === reply.source && it.port === reply.sourcePort),
  );
}

function hasEndpoints({ inside, outside }: Frontend): boolean {
  return inside.endpoints.length > 0 || outside.endpoints.length > 0;
}

/**
 * No object tells of a frontend that has gone, and none is remembered: its addresses and its endpoints are known by where they are. Rules
 * of somebody else translate to such places hardly ever; what of theirs is forgotten they translate again.
 */
function wasFrontend({ original, reply }: TrackedFlow, view: FlowView): boolean {
  const { node, peers, cluster } = view;
  if (cluster.serviceCidrs.some((cidr) => cidrHasIp(cidr, original.destination))) return true;
  const isNodePort =
    original.destinationPort >= FIRST_NODE_PORT && original.destinationPort <= LAST_NODE_PORT;
  if (isNodePort && node.addresses.includes(original.destination)) return true;
  // A load balancer's address or a host port: the way led to a pod, or to a host-network pod of another node.
  const isPod = cluster.podCidrs.some((cidr) => cidrHasIp(cidr, reply.source));
  return isPod || peers.some((peer: NetworkNode) => peer.addresses.includes(reply.source));
}

/** "10.0.0.1:53", "[fd00::1]:53". */
export function endText(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
