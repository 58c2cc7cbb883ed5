// A set of open ports as rules of a chain. Pure.

import { PORT_PROTOCOLS, type PortRange, type PortSet } from '../../base/port-set.ts';
import type { Protocol } from '../../base/port.ts';
import { portGroups, type PolicyRule, type RuleEnd } from './rule.ts';

const WORDS = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const satisfies Readonly<Record<Protocol, string>>;

/** What is open returns. */
export function portRules(ports: PortSet, deny: RuleEnd): readonly PolicyRule[] {
  const open = PORT_PROTOCOLS.flatMap((it) => openRules(it, ports[it]));
  if (!ports.others) return [...open, { end: deny }];
  const closed = PORT_PROTOCOLS.map((it): PolicyRule => ({ protocol: WORDS[it], end: deny }));
  return [...open, ...closed, { end: { kind: 'return' } }];
}

function openRules(protocol: Protocol, ranges: readonly PortRange[]): readonly PolicyRule[] {
  const open = { protocol: WORDS[protocol], end: { kind: 'return' } } as const;
  const [first] = ranges;
  if (first?.from === 0 && first.to === 65_535) return [open];
  return portGroups(ranges).map((ports) => ({ ...open, ports }));
}
