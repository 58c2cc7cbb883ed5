// The ports that policies speak of: between two of them every port is like the next, so one stands for all.

import type { Protocol } from '../base/port.ts';
import type { RawClusterProtocol, RawNetworkPolicyPort } from '../oracle/raw-policies.ts';

/** A port; where `last` is greater, all from `first` to `last`. */
export interface PortSpan {
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
}

const LAST_PORT = 65_535;
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;

/** The numbers that an entry of `ports` names; none of a name. */
export function spanOfPort({ protocol, port, endPort }: RawNetworkPolicyPort): readonly PortSpan[] {
  const known = PROTOCOLS.find((it) => it === (protocol ?? 'TCP'));
  if (known === undefined) return [];
  if (typeof port === 'number') return [{ protocol: known, first: port, last: endPort ?? port }];
  return port === undefined || port === null ? [{ protocol: known, first: 1, last: LAST_PORT }] : [];
}

/** The same of an entry of `protocols`. */
export function spanOfProtocol(rule: RawClusterProtocol): readonly PortSpan[] {
  return PROTOCOLS.flatMap((protocol) => {
    const of = { TCP: rule.tcp, UDP: rule.udp, SCTP: rule.sctp }[protocol] ?? undefined;
    if (of === undefined) return [];
    const { number, range } = of.destinationPort ?? {};
    if (typeof number === 'number') return [{ protocol, first: number, last: number }];
    return range === undefined || range === null ? [] : [{ protocol, first: range.start, last: range.end }];
  });
}

/** The ports of a protocol in spans within which none of the numbers and ranges makes a difference. */
export function splitPorts(protocol: Protocol, spans: readonly PortSpan[]): readonly PortSpan[] {
  const starts = new Set([1]);
  for (const span of spans)
    if (span.protocol === protocol) for (const start of [span.first, span.last + 1]) starts.add(start);
  const sorted = [...starts].filter((it) => it >= 1 && it <= LAST_PORT).sort((a, b) => a - b);
  return sorted.map((first, i) => ({ protocol, first, last: (sorted[i + 1] ?? LAST_PORT + 1) - 1 }));
}
