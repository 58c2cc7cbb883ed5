// What rules leave open between a pod and one peer, as ports. Pure: which rules concern the peer is the caller's to say.

import { isPort } from '../../base/port.ts';
import {
  ALL_PORTS,
  commonPorts,
  NO_PORTS,
  portsOf,
  portsWithout,
  unionOfPorts,
  type PortSet,
} from '../../base/port-set.ts';
import type { PolicyPort } from '../../objects/network-policy.ts';
import type { ContainerPort } from '../../objects/pod.ts';
import type { DirectionRule, DirectionRules } from './rules.ts';

/** Container ports with names, of whoever receives; none where that is no pod, `every` where a name may be any port. */
export type NamedPorts = readonly Pick<ContainerPort, 'name' | 'port' | 'protocol'>[] | 'every';

export interface Concern {
  /** Whether the rule is about the peer. */
  readonly concerns: (rule: DirectionRule) => boolean;
  /** What the rule's names of ports stand for. */
  readonly namedPorts: (rule: DirectionRule) => NamedPorts;
}

/** The open ports. Administrators' rules decide first, the first one that meets a port; what they leave or pass on is NetworkPolicies' where any isolates. */
export function decide(rules: DirectionRules, concern: Concern): PortSet {
  const admin = walkTier(rules.admin, ALL_PORTS, concern);
  if (rules.isolating.length > 0) {
    const open = rules.rules.filter(concern.concerns).map((it) => portsOfRule(it, concern.namedPorts(it)));
    return unionOfPorts(admin.accepted, commonPorts(admin.left, open.reduce(unionOfPorts, NO_PORTS)));
  }
  const baseline = walkTier(rules.baseline, admin.left, concern);
  return unionOfPorts(unionOfPorts(admin.accepted, baseline.accepted), baseline.left);
}

interface Tier {
  readonly accepted: PortSet;
  /** What no rule decided, or one passed on. */
  readonly left: PortSet;
}

function walkTier(rules: readonly DirectionRule[], from: PortSet, concern: Concern): Tier {
  let [undecided, accepted, passed] = [from, NO_PORTS, NO_PORTS];
  for (const rule of rules.filter(concern.concerns)) {
    const met = commonPorts(undecided, portsOfRule(rule, concern.namedPorts(rule)));
    undecided = portsWithout(undecided, met);
    if (rule.action === 'accept') accepted = unionOfPorts(accepted, met);
    if (rule.action === 'pass') passed = unionOfPorts(passed, met);
  }
  return { accepted, left: unionOfPorts(undecided, passed) };
}

/** The ports that a rule names; names that the receiver has not are none. */
export function portsOfRule({ ports }: Pick<DirectionRule, 'ports'>, namedPorts: NamedPorts): PortSet {
  if (ports === undefined) return ALL_PORTS;
  return ports.map((it) => portsOfReference(it, namedPorts)).reduce(unionOfPorts, NO_PORTS);
}

function portsOfReference({ protocol, port, endPort }: PolicyPort, namedPorts: NamedPorts): PortSet {
  if (port === undefined) return portsOf(protocol);
  if (isPort(port)) return portsOf(protocol, { from: port, to: endPort ?? port });
  if (namedPorts === 'every') return portsOf(protocol);
  return namedPorts
    .filter((it) => it.name === port && it.protocol === protocol)
    .map((it) => portsOf(protocol, { from: it.port, to: it.port }))
    .reduce(unionOfPorts, NO_PORTS);
}
