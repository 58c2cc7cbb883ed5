// The pod and Service prefixes of a cluster: what is asked for, completed by the defaults, and why it cannot be had. Pure.

import { cidrFamily, cidrLength, cidrsOverlap, cidrSubnetAt, parseCidr, type Cidr } from '../../base/cidr.ts';
import { FairleadError } from '../../base/errors.ts';

/** The one table of prefixes that no cluster may use: the pods' gateway lives in the link-local one. */
const RESERVED = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
].map(parseCidr);

/** Prefixes of one kind, one per family, IPv4 first. */
export type CidrPair = readonly [Cidr, Cidr];

export const DEFAULT_POD_CIDRS: CidrPair = [parseCidr('10.244.0.0/16'), parseCidr('fd00:10:244::/56')];
export const DEFAULT_SERVICE_CIDRS: CidrPair = [parseCidr('10.96.0.0/16'), parseCidr('fd00:10:96::/112')];

/** Length of a node's own part of the pod prefixes. */
const NODE_LENGTHS = { 4: 24, 6: 64 } as const;
/** Shortest and longest Service prefix: 2^20 addresses are the API's own limit, and the DNS server has the tenth. */
const SERVICE_LENGTHS = { 4: [12, 27], 6: [108, 123] } as const;

/** "10.1.0.0/16" or "10.1.0.0/16,fd01::/56": each prefix takes the place of the default of its family. */
export function completeCidrs(
  flag: string,
  asked: readonly string[] | undefined,
  defaults: CidrPair,
): CidrPair {
  const cidrs = readPrefixes(flag, asked ?? []);
  const families = cidrs.map(cidrFamily);
  if (new Set(families).size < families.length)
    throw refusal(flag, cidrs.join(','), 'one prefix per address family');
  return [
    cidrs.find((cidr) => cidrFamily(cidr) === 4) ?? defaults[0],
    cidrs.find((cidr) => cidrFamily(cidr) === 6) ?? defaults[1],
  ];
}

/** Throws `invalid` naming the flag. */
export function readPrefixes(flag: string, asked: readonly string[]): readonly Cidr[] {
  return asked.map((text) => readPrefix(flag, text));
}

function readPrefix(flag: string, text: string): Cidr {
  try {
    return parseCidr(text.trim());
  } catch (error) {
    throw refusal(flag, text, error instanceof Error ? error.message : String(error));
  }
}

/** Throws `invalid` where the prefixes are too small, too large, reserved, or overlap each other. */
export function checkCidrs(pod: CidrPair, service: CidrPair, nodeCount: number): void {
  for (const cidr of pod) checkPodCidr(cidr, nodeCount);
  for (const cidr of service) {
    const [shortest, longest] = SERVICE_LENGTHS[cidrFamily(cidr)];
    const length = cidrLength(cidr);
    if (length < shortest || length > longest)
      throw refusal('--service-cidr', cidr, `its length must be between /${shortest} and /${longest}`);
  }
  for (const [flag, cidrs] of [
    ['--pod-cidr', pod],
    ['--service-cidr', service],
  ] as const) {
    for (const cidr of cidrs) {
      const reserved = RESERVED.find((it) => cidrsOverlap(it, cidr));
      if (reserved !== undefined) throw refusal(flag, cidr, `it overlaps ${reserved}, which is reserved`);
    }
  }
  for (const cidr of pod) {
    const clash = service.find((it) => cidrsOverlap(it, cidr));
    if (clash !== undefined)
      throw refusal('--pod-cidr', cidr, `it overlaps the Service prefix ${clash} (--service-cidr)`);
  }
}

/** Throws `invalid` where load balancers' addresses would be somebody else's. */
export function checkBalancerCidrs(cidrs: readonly Cidr[], others: readonly Cidr[]): void {
  for (const [i, cidr] of cidrs.entries()) {
    const reserved = RESERVED.find((it) => cidrsOverlap(it, cidr));
    if (reserved !== undefined)
      throw refusal('--load-balancer-cidr', cidr, `it overlaps ${reserved}, which is reserved`);
    const clash = [...others, ...cidrs.slice(0, i)].find((it) => cidrsOverlap(it, cidr));
    if (clash !== undefined)
      throw refusal('--load-balancer-cidr', cidr, `it overlaps the cluster's prefix ${clash}`);
  }
}

function checkPodCidr(cidr: Cidr, nodeCount: number): void {
  const nodeLength = NODE_LENGTHS[cidrFamily(cidr)];
  if (cidrLength(cidr) > nodeLength)
    throw refusal(
      '--pod-cidr',
      cidr,
      `each node gets a /${nodeLength} of it: it must be that long or shorter`,
    );
  try {
    cidrSubnetAt(cidr, nodeLength, nodeCount - 1);
  } catch {
    const count = 1 << (nodeLength - cidrLength(cidr));
    throw refusal('--pod-cidr', cidr, `it holds a /${nodeLength} for ${count} of ${nodeCount} nodes`);
  }
}

function refusal(flag: string, value: string, because: string): FairleadError {
  return new FairleadError('invalid', `Cannot use ${flag} ${value}: ${because}`);
}
