// The addresses that an answer gives to the name that was asked for, whatever else it carries. Pure.

import { cidrHasIp, parseCidr } from '../base/cidr.ts';
import type { Ip } from '../base/ip.ts';
import type { ResourceRecord } from '../wire/dns/message.ts';
import { canonicalName, type DnsName } from '../wire/dns/name.ts';
import { MAX_ANSWER_ADDRESSES, MAX_TTL_S, type AnsweredAddress } from './learn-protocol.ts';

/** Aliases in a row that are followed: more than any resolver does. */
const MAX_ALIASES = 32;

/**
 * What no name server of somebody else may open: this host, the link (the machine's metadata among it), groups. Of IPv6 also what is written for
 * IPv4, which the programs' maps cannot tell from it.
 */
const REFUSED = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  '::ffff:0:0/96',
  'fe80::/10',
  'ff00::/8',
].map(parseCidr);

/**
 * At the end of its chain of aliases: they count for the name that was asked for, not for those on the way. Records of names that the chain does
 * not lead to are nobody's here, however an upstream comes to send them. An address lives as long as the shortest-lived link to it.
 */
export function answeredAddresses(
  name: DnsName,
  answers: readonly ResourceRecord[],
): readonly AnsweredAddress[] {
  const chain = chainOf(name, answers);
  const found = new Map<Ip, AnsweredAddress>();
  for (const { name: owner, ttlS, data } of answers) {
    const chainTtlS = chain.get(canonicalName(owner));
    if (chainTtlS === undefined || (data.kind !== 'a' && data.kind !== 'aaaa')) continue;
    if (found.has(data.ip) || REFUSED.some((it) => cidrHasIp(it, data.ip))) continue;
    found.set(data.ip, { ip: data.ip, ttlS: Math.min(ttlS, chainTtlS, MAX_TTL_S) });
    if (found.size === MAX_ANSWER_ADDRESSES) break;
  }
  return [...found.values()];
}

/** The names that the asked one stands for, with the shortest time to live on the way there. */
function chainOf(name: DnsName, answers: readonly ResourceRecord[]): ReadonlyMap<DnsName, number> {
  const aliases = new Map<DnsName, { readonly target: DnsName; readonly ttlS: number }>();
  for (const { name: owner, ttlS, data } of answers)
    if (data.kind === 'cname')
      aliases.set(canonicalName(owner), { target: canonicalName(data.target), ttlS });
  const chain = new Map<DnsName, number>();
  let [at, leastS] = [canonicalName(name), Infinity];
  while (!chain.has(at) && chain.size < MAX_ALIASES) {
    chain.set(at, leastS);
    const alias = aliases.get(at);
    if (alias === undefined) break;
    [at, leastS] = [alias.target, Math.min(leastS, alias.ttlS)];
  }
  return chain;
}
