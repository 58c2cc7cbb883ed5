// Pure: the chains that all frontends share, and the few jumps to them from the built-in chains. They follow from the node alone.

import { cidrFamily, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Family } from '../../base/ip.ts';
import { CHAINS, MARKS, OUR_FLOW_BIT } from './names.ts';
import type { OwnClients, Table } from './render.ts';
import {
  changeMark,
  fromSource,
  jump,
  markTranslated,
  setMark,
  whereMarked,
  whereNotMarked,
} from './rule-text.ts';

/**
 * `jump`: our rules in a built-in chain, whose other rules are not ours. `shared`: a chain in which frontends have rules, too; `rules` are those at
 * its end that are no frontend's. `chain`: ours alone.
 */
export interface SkeletonEntry {
  readonly kind: 'jump' | 'shared' | 'chain';
  readonly family: Family;
  readonly table: Table;
  readonly chain: string;
  readonly rules: readonly string[];
}

const FAMILIES: readonly Family[] = [4, 6];
const SHARED_CHAINS: ReadonlySet<string> = new Set([CHAINS.services, CHAINS.clusterIps]);
const COMMENT = '-m comment --comment fairlead-services';

/** What of the view the shared chains follow from. */
export interface SkeletonContext extends OwnClients {
  readonly serviceCidrs: readonly Cidr[];
}

/** Nothing of a family in which the node has neither addresses nor Services. */
export function renderSkeleton(context: SkeletonContext): ReadonlyMap<string, SkeletonEntry> {
  const entries = FAMILIES.filter((family) => hasFamily(context, family)).flatMap((family) => [
    ...chainsOf(context, family),
    ...jumpsOf(family),
  ]);
  return new Map(entries.map((it) => [skeletonKey(it), it]));
}

/** "4 nat FAIRLEAD-SERVICES". */
export function skeletonKey({ family, table, chain }: Omit<SkeletonEntry, 'rules' | 'kind'>): string {
  return `${family} ${table} ${chain}`;
}

export function isSameSkeleton(a: SkeletonEntry, b: SkeletonEntry): boolean {
  return a.rules.length === b.rules.length && a.rules.every((rule, at) => rule === b.rules[at]);
}

/** What kind of entry a chain is; undefined for chains that are none of the skeleton's. */
export function skeletonKind(chain: string): SkeletonEntry['kind'] | undefined {
  if (SHARED_CHAINS.has(chain)) return 'shared';
  if ((Object.values(CHAINS) as readonly string[]).includes(chain)) return 'chain';
  return undefined;
}

function hasFamily({ addresses, podCidrs, serviceCidrs }: SkeletonContext, family: Family): boolean {
  return (
    addresses.some((ip) => familyOf(ip) === family) ||
    [...serviceCidrs, ...podCidrs].some((cidr) => cidrFamily(cidr) === family)
  );
}

function chainsOf(context: SkeletonContext, family: Family): readonly SkeletonEntry[] {
  const nat = (chain: string, ...rules: readonly string[]): SkeletonEntry => {
    return { kind: skeletonKind(chain) ?? 'chain', family, table: 'nat', chain, rules };
  };
  const filter = (chain: string, ...rules: readonly string[]): SkeletonEntry => ({
    ...nat(chain, ...rules),
    table: 'filter',
  });
  const insiders = insideClients(context, family);
  const serviceCidrs = context.serviceCidrs.filter((cidr) => cidrFamily(cidr) === family);
  const unreachable = `-j REJECT --reject-with ${family === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'}`;
  const reset = '-j REJECT --reject-with tcp-reset';
  return [
    nat(CHAINS.services),
    nat(CHAINS.masqueradeOutside, ...insiders, setMark(MARKS.masquerade)),
    nat(CHAINS.markOutside, ...insiders, setMark(MARKS.outside)),
    // Nothing else may translate what is to be refused or dropped.
    nat(CHAINS.refuse, setMark(MARKS.refuse), jump('ACCEPT')),
    nat(CHAINS.drop, setMark(MARKS.drop), jump('ACCEPT')),
    nat(CHAINS.postrouting, ...postrouting(context, family)),
    filter(
      CHAINS.filter,
      markTranslated(OUR_FLOW_BIT),
      whereMarked(MARKS.drop, jump('DROP')),
      `-p tcp ${whereMarked(MARKS.refuse, reset)}`,
      whereMarked(MARKS.refuse, unreachable),
      ...serviceCidrs.map((cidr) => `-d ${cidr} ${jump(CHAINS.clusterIps)}`),
    ),
    filter(CHAINS.clusterIps, jump(CHAINS.unusedPorts)),
    filter(CHAINS.unusedPorts, `-p tcp ${reset}`, unreachable),
  ];
}

/** Pods of this node, and the node's own processes. */
function insideClients({ podCidrs }: SkeletonContext, family: Family): readonly string[] {
  const pods = podCidrs.filter((cidr) => cidrFamily(cidr) === family);
  return [
    ...pods.map((cidr) => fromSource(cidr, 'RETURN')),
    `-m addrtype --src-type LOCAL ${jump('RETURN')}`,
  ];
}

/**
 * The mark goes before the packet does: what a tunnel wraps around it keeps its mark and passes here again. The address is the node's own by name where it has one:
 * left to itself, the kernel takes the first address of any link for a link without one, as pods' are.
 */
function postrouting({ addresses }: SkeletonContext, family: Family): readonly string[] {
  const ip = addresses.find((it) => familyOf(it) === family);
  const hide = ip === undefined ? jump('MASQUERADE') : `-j SNAT --to-source ${ip}`;
  return [
    whereNotMarked(MARKS.masquerade, jump('RETURN')),
    changeMark(0, MARKS.masquerade),
    `${hide} --random-fully`,
  ];
}

function jumpsOf(family: Family): readonly SkeletonEntry[] {
  const entry = (table: Table, chain: string, rule: string): SkeletonEntry => {
    return { kind: 'jump', family, table, chain, rules: [rule] };
  };
  const toFilter = `-m conntrack --ctstate NEW ${COMMENT} ${jump(CHAINS.filter)}`;
  return [
    entry('nat', 'PREROUTING', `${COMMENT} ${jump(CHAINS.services)}`),
    entry('nat', 'OUTPUT', `${COMMENT} ${jump(CHAINS.services)}`),
    entry('nat', 'POSTROUTING', `${COMMENT} ${jump(CHAINS.postrouting)}`),
    entry('filter', 'INPUT', toFilter),
    entry('filter', 'FORWARD', toFilter),
    entry('filter', 'OUTPUT', toFilter),
  ];
}
