// The chains that do not depend on what policies say. README.md has the way of a packet. Pure.

import { parseCidr, type Cidr } from '../../base/cidr.ts';
import type { Family } from '../../base/ip.ts';
import { DENIED_FLOW_BIT } from '../shared-policy/denied-flow.ts';
import { DENIAL_LOG_GROUP, DENIAL_LOG_RATE, DENIAL_PREFIXES } from '../shared-policy/denial-log.ts';
import type { DenialDirection } from '../shared-policy/denied-packet.ts';
import type { ChainBook } from './chain-book.ts';
import { CHAINS, JUMPS, NODE_FLOW_BIT } from './names.ts';
import type { PolicyRule, RuleEnd } from './rule.ts';

/** Our rule in a built-in chain, by the name of that. */
export const JUMP_RULES: ReadonlyMap<string, string> = new Map(
  JUMPS.map(([builtIn, chain]) => [builtIn, `-m comment --comment fairlead-policy -j ${chain}`]),
);

const RETURN: RuleEnd = { kind: 'return' };
const DROP: RuleEnd = { kind: 'drop' };
const jump = (chain: string): RuleEnd => ({ kind: 'jump', chain });

const DENIED = { value: DENIED_FLOW_BIT, mask: DENIED_FLOW_BIT };
const STANDS = { value: 0, mask: DENIED_FLOW_BIT };
const OF_NODE = { value: NODE_FLOW_BIT, mask: NODE_FLOW_BIT };

/** Neighbour discovery (RFC 4861): solicitations and advertisements of routers and neighbours, and redirects. */
const DISCOVERY_TYPES = [133, 134, 135, 136, 137];

/**
 * What the node says to a link by itself, of which the kernel gives the link as the incoming one, too. Tracking leaves it out. Nothing that is forwarded looks so:
 * a router takes one from the hop limit, and hands no multicast of a link on.
 */
function linkRules(family: Family): readonly PolicyRule[] {
  if (family === 4) return [];
  const discovery = { protocol: 'ipv6-icmp', hopLimit: 255, end: RETURN } as const;
  return [
    ...DISCOVERY_TYPES.map((icmpType): PolicyRule => ({ ...discovery, icmpType })),
    { destination: parseCidr('ff02::/16'), end: RETURN },
  ];
}

/** What belongs to a flow that stands: answers, and errors about it. */
function knownRules(family: Family): readonly PolicyRule[] {
  return [
    { flow: 'reply', flowMark: STANDS, end: RETURN },
    { flow: 'reply', end: DROP },
    { protocol: family === 4 ? 'icmp' : 'ipv6-icmp', flow: 'related', end: RETURN },
  ];
}

/** What passed is no denied flow any more. */
const PASSED: PolicyRule = { flowMark: DENIED, end: { kind: 'mark-flow', ...STANDS } };

function dropRules(direction: DenialDirection): readonly PolicyRule[] {
  const log = { group: DENIAL_LOG_GROUP, prefix: DENIAL_PREFIXES[direction], ...DENIAL_LOG_RATE };
  return [{ end: { kind: 'log', ...log } }, { end: { kind: 'mark-flow', ...DENIED } }, { end: DROP }];
}

/** `dns`: addresses of the cluster's DNS on the node. */
export function addSkeleton(book: ChainBook, family: Family, dns: readonly Cidr[]): void {
  // The one place where packets end, in each direction.
  book.name(CHAINS.dropIn, dropRules('ingress'));
  book.name(CHAINS.dropOut, dropRules('egress'));
  book.name(CHAINS.judge, [
    ...knownRules(family),
    { flowMark: OF_NODE, isFromNode: true, end: RETURN },
    ...linkRules(family),
    { end: jump(CHAINS.toPod) },
    { end: jump(CHAINS.fromPod) },
    PASSED,
  ]);
  book.name(CHAINS.dns, [...knownRules(family), { end: jump(CHAINS.fromPod) }, PASSED]);
  // All that the node itself serves is open to its pods, but for what stands in the place of pods.
  book.name(
    CHAINS.own,
    dns.map((destination) => ({ destination, end: jump(CHAINS.dns) })),
  );
  book.name(CHAINS.sent, [
    { flow: 'original', flowMark: { ...OF_NODE, isNegated: true }, end: { kind: 'mark-flow', ...OF_NODE } },
  ]);
}
