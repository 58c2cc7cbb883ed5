// The table's sets and maps by name, and the numbers that stand in them. Pure.

import type { Family, Ip } from '../../base/ip.ts';

export const POLICY_TABLE = 'fairlead-policy';

/** Comment of every rule; another number makes an agent load the table anew. */
export const POLICY_MARK = 'fairlead policy 2';

/** Named counters of what is denied, by the direction of the policies. */
export const DENIED_COUNTERS = { ingress: 'denied-in', egress: 'denied-out' } as const;

/** Values from here on are profiles: what is open depends on the other end's address. */
export const FIRST_PROFILE = 0x8000_0001;
/** In the place of a profile: who is behind a prefix. */
export const WHO = 0x8000_0000;

/** Bits of the packet mark by which IPVS and iptables remember whom they hide, until they do so behind this table. */
export const HIDING_BITS = { ipvs: 0x0080_0000, iptables: 0x0200_0000 } as const;

export type FieldKind = 'ip4' | 'ip6' | 'mark' | 'protocol' | 'port' | 'link';

const FIELD_KINDS: readonly string[] = ['mark', 'protocol', 'port', 'link'] satisfies readonly FieldKind[];

export interface SetPlan {
  readonly fields: readonly FieldKind[];
  /** What a map gives is a mark. */
  readonly isMap: boolean;
  /** Its keys are ranges. */
  readonly isInterval: boolean;
}

const FAMILIES: readonly Family[] = [4, 6];

/** One of each per family, named with it: "in4". */
const FAMILY_SETS = {
  /** Addresses of the node's pods that nothing is kept from, and that are kept from nothing. */
  'open-in': ['ip'],
  'open-out': ['ip'],
  /** A pod's address and the other end's number: a rule set or a profile. */
  in: ['ip', 'mark', '=> mark'],
  out: ['ip', 'mark', '=> mark'],
  /** Who has an address. */
  hosts: ['ip', '=> mark'],
  /** A profile and an address: a rule set; `WHO` and an address: who is there. */
  ranges: ['mark', 'ip', 'ranges', '=> mark'],
  /** What a pod's packets carry. */
  identities: ['ip', '=> mark'],
  /** Pods that speak to themselves by way of a Service. */
  selves: ['ip', 'ip'],
  /** The cluster's DNS on the node. */
  dns: ['ip'],
} as const;

const SETS = {
  /** Links of pods, by their numbers. */
  links: ['link'],
  /** A profile: the rule set for addresses of which it says nothing. */
  defaults: ['mark', '=> mark'],
  /** Open ports of a rule set. */
  ports: ['mark', 'protocol', 'port', 'ranges'],
  /** Rule sets that let through what has no ports. */
  others: ['mark'],
} as const;

/** By the name in the kernel, in the order in which they are made. */
export const SET_PLANS: ReadonlyMap<string, SetPlan> = new Map([
  ...Object.entries(FAMILY_SETS).flatMap(([name, words]) =>
    FAMILIES.map((family) => [`${name}${family}`, planOf(words, family)] as const),
  ),
  ...Object.entries(SETS).map(([name, words]) => [name, planOf(words, 4)] as const),
]);

function planOf(words: readonly string[], family: Family): SetPlan {
  const fields = words.flatMap((word): readonly FieldKind[] => {
    if (word === 'ip') return [family === 4 ? 'ip4' : 'ip6'];
    return FIELD_KINDS.includes(word) ? [word as FieldKind] : []; // One of them, as the list says.
  });
  return { fields, isMap: words.includes('=> mark'), isInterval: words.includes('ranges') };
}

/** Elements by set and key: "in4 10.244.1.7 300" -> "5"; without a value where the set is no map. Keys of ranges are "first-last". */
export type PolicyElements = ReadonlyMap<string, string>;

/** The table as it is or shall be. */
export interface PolicyTable {
  /** `POLICY_MARK` where the rules are ours. */
  readonly mark: string;
  readonly elements: PolicyElements;
  /** Where it is another table with few elements otherwise: which one, and where. */
  readonly change?: TableChange | undefined;
}

export interface TableChange {
  readonly from: WeakRef<PolicyElements>;
  readonly keys: ReadonlySet<string>;
  /** All that the change is about. */
  readonly ips: ReadonlySet<Ip>;
  /** Nothing is less open by it. */
  readonly isOpening: boolean;
}

export function markText(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
