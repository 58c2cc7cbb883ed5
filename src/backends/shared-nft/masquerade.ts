// Which packets of pods leave with the node's address: those to what is neither pod, node nor multicast. Pure.
//
//   pod -> pod, pod -> node   unchanged
//   pod -> the outside        source becomes the node's address on the link it leaves by

import { hostCidr } from '../../base/cidr.ts';
import type { Family } from '../../base/ip.ts';
import type { NodeView } from '../../model/network.ts';
import { renderTable, type TableEntry, type TablePlan } from './table.ts';

const MARK = 'fairlead masquerade 1';

/** `pods`: who is translated. `inside`: towards whom nobody is. */
export const MASQUERADE: TablePlan = {
  table: { family: 'inet', name: 'fairlead-masquerade' },
  sets: ['pods', 'inside'],
  lines: [
    'add chain postrouting { type nat hook postrouting priority srcnat; policy accept; }',
    ruleOf('ip', 4, '224.0.0.0/4'),
    ruleOf('ip6', 6, 'ff00::/8'),
  ],
  rules: 2,
  mark: MARK,
};

function ruleOf(ip: string, family: Family, multicast: string): string {
  return `add rule postrouting ${ip} saddr @pods${family} ${ip} daddr != @inside${family} ${ip} daddr != ${multicast} counter masquerade fully-random comment "${MARK}"`;
}

/** Empty while the node has no pod prefix. */
export function renderMasquerade(view: NodeView): ReadonlyMap<string, TableEntry> {
  const { node, peers, cluster } = view;
  if (node.podCidrs.length === 0) return new Map();
  const nodeIps = [node, ...peers].flatMap((it) => it.addresses.map(hostCidr));
  return renderTable(MASQUERADE, {
    pods: node.podCidrs,
    inside: [...cluster.podCidrs, ...node.podCidrs, ...nodeIps],
  });
}
