// Ports and blocks of addresses in policies, written from the text of networking.k8s.io/v1 and policy.networking.k8s.io/v1alpha2.

import { cidrHasIp, cidrOf, parseInterfaceAddress } from '../base/cidr.ts';
import type { Family, Ip } from '../base/ip.ts';
import type { Protocol } from '../base/port.ts';
import { containerPorts, type LocatedEnd } from './policy-end.ts';
import type { RawClusterProtocol, RawDestination, RawNetworkPolicyPort } from './raw-policies.ts';

/** Where a connection goes to, as a rule's ports see it: `end` is its destination for rules of both directions. */
export interface Destination {
  readonly end: LocatedEnd;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number;
}

/** "If this field is empty or missing, this rule matches all ports." */
export function matchesPorts(
  ports: readonly RawNetworkPolicyPort[] | null | undefined,
  to: Destination,
): boolean {
  const all = ports ?? [];
  return all.length === 0 || all.some((it) => matchesPort(it, to));
}

function matchesPort(rule: RawNetworkPolicyPort, to: Destination): boolean {
  if ((rule.protocol ?? 'TCP') !== to.protocol) return false;
  const first = rule.port ?? undefined;
  const last = rule.endPort ?? undefined;
  if (typeof first === 'number') return first <= to.port && to.port <= (last ?? first);
  // A range needs a number to begin at; the API refuses the rest.
  if (last !== undefined) return false;
  return first === undefined || isNamed(first, to);
}

/** Names stand in the destination pod's containers, so nobody else has any. */
function isNamed(name: string, { end, protocol, port }: Destination): boolean {
  if (end.kind !== 'pod') return false;
  return containerPorts(end.pod).some(
    (it) => it.name === name && it.containerPort === port && (it.protocol ?? 'TCP') === protocol,
  );
}

/** "If unspecified, protocol-specific attributes will not be used to match traffic." */
export function matchesProtocols(
  protocols: readonly RawClusterProtocol[] | null | undefined,
  to: Destination,
): boolean {
  const all = protocols ?? [];
  return all.length === 0 || all.some((it) => matchesProtocol(it, to));
}

function matchesProtocol(rule: RawClusterProtocol, to: Destination): boolean {
  const ofProtocol = { TCP: rule.tcp, UDP: rule.udp, SCTP: rule.sctp }[to.protocol] ?? undefined;
  if (ofProtocol !== undefined) return matchesDestination(ofProtocol, to.port);
  const name = rule.destinationNamedPort ?? '';
  return name !== '' && isNamed(name, to);
}

function matchesDestination({ destinationPort }: RawDestination, port: number): boolean {
  const { number, range } = destinationPort ?? {};
  const span = range ?? undefined;
  return span === undefined ? number === port : span.start <= port && port <= span.end;
}

/** False of an entry that says nothing that is known here, as a newer version of the API may have. */
export function isKnownProtocol(rule: RawClusterProtocol): boolean {
  if ((rule.destinationNamedPort ?? '') !== '') return true;
  return [rule.tcp, rule.udp, rule.sctp].some((it) => {
    const { number, range } = it?.destinationPort ?? {};
    return typeof number === 'number' || (range ?? undefined) !== undefined;
  });
}

/** True where the address lies in the block; host bits in the text are no mistake to the API. */
export function blockHas(block: string, ip: Ip): boolean {
  const { ip: base, prefixLength } = parseInterfaceAddress(block);
  return cidrHasIp(cidrOf(base, prefixLength), ip);
}
