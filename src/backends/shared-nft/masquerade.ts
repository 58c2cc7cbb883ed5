// Which packets of pods leave with the node's address: those to what is neither pod, node nor multicast. Pure.
//
//   pod -> pod, pod -> node   unchanged
//   pod -> the outside        source becomes the node's address on the link it leaves by

import { cidrFamily, cidrHasCidr, hostCidr, type Cidr } from '../../base/cidr.ts';
import type { Family } from '../../base/ip.ts';
import type { NodeView } from '../../model/network.ts';

export const MASQUERADE_TABLE = { family: 'inet', name: 'fairlead-masquerade' } as const;

/** `pods`: who is translated. `inside`: towards whom nobody is. */
export type MasqueradeSet = 'pods4' | 'pods6' | 'inside4' | 'inside6';

export const MASQUERADE_SETS: Readonly<Record<MasqueradeSet, Family>> = {
  pods4: 4,
  pods6: 6,
  inside4: 4,
  inside6: 6,
};

/** The table without elements, or one element of one of its sets. Only elements change while a node runs. */
export type MasqueradeEntry =
  | { readonly kind: 'skeleton'; readonly mark: string }
  | { readonly kind: 'element'; readonly set: MasqueradeSet; readonly cidr: Cidr };

export const SKELETON_KEY = 'skeleton';
/** Written as comment of the rules; another number makes an agent load the table anew. */
export const SKELETON_MARK = 'fairlead masquerade 1';

/** Empty while the node has no pod prefix. Key is the set and the prefix: "inside4 10.89.1.12/32". */
export function renderMasquerade(view: NodeView): ReadonlyMap<string, MasqueradeEntry> {
  const { node, peers, cluster } = view;
  if (node.podCidrs.length === 0) return new Map();
  const nodeIps = [node, ...peers].flatMap((it) => it.addresses.map(hostCidr));
  const elements = [
    ...node.podCidrs.map((cidr) => element('pods', cidr)),
    ...withoutCovered([...cluster.podCidrs, ...node.podCidrs]).map((cidr) => element('inside', cidr)),
    ...nodeIps.map((cidr) => element('inside', cidr)),
  ];
  return new Map<string, MasqueradeEntry>([
    [SKELETON_KEY, { kind: 'skeleton', mark: SKELETON_MARK }],
    ...elements.map((it) => [elementKey(it), it] as const),
  ]);
}

export function elementKey(entry: Extract<MasqueradeEntry, { readonly kind: 'element' }>): string {
  return `${entry.set} ${entry.cidr}`;
}

function element(
  role: 'pods' | 'inside',
  cidr: Cidr,
): Extract<MasqueradeEntry, { readonly kind: 'element' }> {
  return { kind: 'element', set: `${role}${cidrFamily(cidr)}`, cidr };
}

/** The table with its sets, empty, and its rules. Loading it anew keeps nothing: elements follow in the same transaction. */
export function skeletonScript(): string {
  const table = `${MASQUERADE_TABLE.family} ${MASQUERADE_TABLE.name}`;
  const sets = Object.entries(MASQUERADE_SETS).map(
    ([name, family]) => `add set ${table} ${name} { type ipv${family}_addr; flags interval; }`,
  );
  const rule = (ip: string, family: Family, multicast: string): string =>
    `add rule ${table} postrouting ${ip} saddr @pods${family} ${ip} daddr != @inside${family} ${ip} daddr != ${multicast} counter masquerade fully-random comment "${SKELETON_MARK}"`;
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    ...sets,
    `add chain ${table} postrouting { type nat hook postrouting priority srcnat; policy accept; }`,
    rule('ip', 4, '224.0.0.0/4'),
    rule('ip6', 6, 'ff00::/8'),
    '',
  ].join('\n');
}

/** nft refuses overlapping elements of an interval set. */
function withoutCovered(cidrs: readonly Cidr[]): readonly Cidr[] {
  const unique = [...new Set(cidrs)];
  return unique.filter((inner) => !unique.some((outer) => outer !== inner && cidrHasCidr(outer, inner)));
}
