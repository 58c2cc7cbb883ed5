// Addresses that stand for all outside of the cluster: one for each block that a policy names, and one that is in none.

import {
  cidrFamily,
  cidrHasCidr,
  cidrHasIp,
  cidrBase,
  cidrOf,
  parseCidr,
  parseInterfaceAddress,
  type Cidr,
} from '../base/cidr.ts';
import { ipFromBigInt, type Family, type Ip } from '../base/ip.ts';
import type { RawPolicyObjects } from '../oracle/raw-policies.ts';
import { cidrRange } from './cidr-range.ts';

export interface OutsideSample {
  /** "203.0.113.0/24", or "outside" of what is in no block. */
  readonly name: string;
  readonly ip: Ip;
}

/** Documentation prefixes: nobody is there. */
const NOWHERE: Readonly<Record<Family, Cidr>> = {
  4: parseCidr('198.51.100.0/24'),
  6: parseCidr('2001:db8::/32'),
};

/** Blocks of the family that lie within others are told apart from them; what pods have is no outside. */
export function outsideSamples(
  worlds: readonly RawPolicyObjects[],
  family: Family,
  podCidrs: readonly Cidr[],
): readonly OutsideSample[] {
  const taken = new Set(
    worlds
      .flatMap((it) => it.nodes)
      .flatMap((it) => (it.status?.addresses ?? []).map(({ address }) => address)),
  );
  const blocks = [...new Set(worlds.flatMap(blocksOf))].filter((it) => cidrFamily(it) === family);
  const all = [...blocks, ...podCidrs.filter((it) => cidrFamily(it) === family)];
  const everything = cidrOf(cidrBase(NOWHERE[family]), 0);
  const outside = blocks.filter((it) => !podCidrs.some((pods) => cidrHasCidr(pods, it)));
  return [...new Set([everything, ...outside])].flatMap((block) => {
    const ip = addressIn(block, all, family);
    if (ip === undefined || taken.has(ip)) return [];
    return [{ name: block === everything ? 'outside' : block, ip }];
  });
}

function blocksOf(objects: RawPolicyObjects): readonly Cidr[] {
  const rules = objects.networkPolicies.flatMap(({ spec }) => [
    ...(spec?.ingress ?? []),
    ...(spec?.egress ?? []),
  ]);
  const texts = rules
    .flatMap((rule) => [...(rule.from ?? []), ...(rule.to ?? [])])
    .flatMap(({ ipBlock }) =>
      ipBlock === undefined || ipBlock === null ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])],
    );
  const networks = (objects.clusterNetworkPolicies ?? [])
    .flatMap(({ spec }) => spec.egress ?? [])
    .flatMap((rule) => (rule.to ?? []).flatMap((peer) => peer.networks ?? []));
  return [...texts, ...networks].map((text) => {
    const { ip, prefixLength } = parseInterfaceAddress(text);
    return cidrOf(ip, prefixLength);
  });
}

/** An address of the block that no smaller block has; undefined where they cover it. Begins where nobody is, if that is in it. */
function addressIn(block: Cidr, others: readonly Cidr[], family: Family): Ip | undefined {
  const smaller = others.filter((it) => it !== block && cidrHasCidr(block, it));
  const isFree = (value: bigint): Cidr | undefined =>
    smaller.find((it) => cidrHasIp(it, ipFromBigInt(value, family)));
  const start = cidrHasCidr(block, NOWHERE[family]) ? NOWHERE[family] : block;
  for (const [from, end] of [cidrRange(start), cidrRange(block)]) {
    // The first address of a prefix is nobody's by custom.
    let value = end - from > 1n ? from + 1n : from;
    while (value < end) {
      const within = isFree(value);
      if (within === undefined) return ipFromBigInt(value, family);
      value = cidrRange(within)[1];
    }
  }
  return undefined;
}
