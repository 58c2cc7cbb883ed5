// Addresses of the Service prefixes that no backend has translated are refused at once, instead of leaving by the default route. Pure.
//
//   to an address that a Service has      is an endpoint's address already when these chains see it, whichever backend did that
//   to one that none has, or another port TCP reset, or ICMP port unreachable
//
// A rule and no `unreachable` route: what the node itself sends is routed to the virtual address before netfilter translates it.

import type { Family } from '../../base/ip.ts';
import type { ClusterNetwork } from '../../model/network.ts';
import { renderTable, type TableEntry, type TablePlan } from './table.ts';

const MARK = 'fairlead unused services 1';

export const UNUSED_SERVICES: TablePlan = {
  table: { family: 'inet', name: 'fairlead-unused-services' },
  sets: ['services'],
  lines: ['forward', 'output'].flatMap((hook) => [
    `add chain ${hook} { type filter hook ${hook} priority filter; policy accept; }`,
    ...rulesOf(hook, 'ip', 4, 'icmp'),
    ...rulesOf(hook, 'ip6', 6, 'icmpv6'),
  ]),
  rules: 8,
  mark: MARK,
};

/** What the node serves itself (cluster DNS) goes out by the loopback device, like answers to it. */
function rulesOf(hook: string, ip: string, family: Family, icmp: string): readonly string[] {
  const match = `add rule ${hook} oifname != "lo" ${ip} daddr @services${family}`;
  return [
    `${match} meta l4proto tcp counter reject with tcp reset comment "${MARK}"`,
    `${match} counter reject with ${icmp} type port-unreachable comment "${MARK}"`,
  ];
}

export function renderUnusedServices({ serviceCidrs }: ClusterNetwork): ReadonlyMap<string, TableEntry> {
  return renderTable(UNUSED_SERVICES, { services: serviceCidrs });
}
