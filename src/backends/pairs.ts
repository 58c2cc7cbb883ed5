// Which Service backend goes with which policy backend, and in which hooks of the kernel packets of a node with such a pair get their endpoint and are judged.
// A pair that is not in this table is refused: by `fairlead set` before anything is written, and by the agent of a node whose settings ask for it.

import type { Support } from '../model/support.ts';

export interface BackendPair {
  /** Names of the backends. */
  readonly service: string;
  readonly policy: string;
  /** Where packets to Services get their endpoint: those of pods, and after a semicolon all others where they do elsewhere. */
  readonly translated: string;
  /** Where policies are asked, behind that: about what pods send and receive, and after a semicolon about what the node serves in the place of pods. */
  readonly judged: string;
  /** Who an outside client is to policies where its node hides it on the way to the endpoint: itself where they are asked before, else the address of the node. */
  readonly hidden: 'client' | 'node';
}

const PROGRAMS = 'the socket or tc at the link';
const NAT = 'nat prerouting and output';
const IPVS = 'IPVS at input, sent on by output';
/** Programs at pods' links that judge want the endpoint first: they translate, whoever carries the rest. */
const BEFORE_PROGRAMS = 'tc at the pod’s link';

const BY_PROGRAMS = 'tc at the pod’s link';
const BY_NFTABLES = 'postrouting, srcnat - 10; input for the cluster’s DNS';
const BY_IPTABLES = 'mangle POSTROUTING; INPUT for the cluster’s DNS';

/** Each Service backend with the policy backends that it goes with. */
export const BACKEND_PAIRS: readonly BackendPair[] = [
  { service: 'ebpf', policy: 'ebpf', translated: PROGRAMS, judged: BY_PROGRAMS, hidden: 'node' },
  { service: 'ebpf', policy: 'nftables', translated: PROGRAMS, judged: BY_NFTABLES, hidden: 'node' },
  { service: 'ebpf', policy: 'iptables', translated: PROGRAMS, judged: BY_IPTABLES, hidden: 'node' },
  {
    service: 'nftables',
    policy: 'ebpf',
    translated: `${BEFORE_PROGRAMS}; ${NAT}`,
    judged: BY_PROGRAMS,
    hidden: 'node',
  },
  { service: 'nftables', policy: 'nftables', translated: NAT, judged: BY_NFTABLES, hidden: 'client' },
  { service: 'nftables', policy: 'iptables', translated: NAT, judged: BY_IPTABLES, hidden: 'client' },
  {
    service: 'iptables',
    policy: 'ebpf',
    translated: `${BEFORE_PROGRAMS}; ${NAT}`,
    judged: BY_PROGRAMS,
    hidden: 'node',
  },
  { service: 'iptables', policy: 'nftables', translated: NAT, judged: BY_NFTABLES, hidden: 'client' },
  { service: 'iptables', policy: 'iptables', translated: NAT, judged: BY_IPTABLES, hidden: 'client' },
  {
    service: 'ipvs',
    policy: 'ebpf',
    translated: `${BEFORE_PROGRAMS}; ${IPVS}`,
    judged: BY_PROGRAMS,
    hidden: 'node',
  },
  { service: 'ipvs', policy: 'nftables', translated: IPVS, judged: BY_NFTABLES, hidden: 'client' },
  { service: 'ipvs', policy: 'iptables', translated: IPVS, judged: BY_IPTABLES, hidden: 'client' },
];

/** Undefined for a pair that is refused. */
export function findPair(
  service: string,
  policy: string,
  pairs: readonly BackendPair[] = BACKEND_PAIRS,
): BackendPair | undefined {
  return pairs.find((it) => it.service === service && it.policy === policy);
}

/** Whether a node may have the pair. */
export function pairSupport(
  service: string,
  policy: string,
  pairs: readonly BackendPair[] = BACKEND_PAIRS,
): Support {
  if (findPair(service, policy, pairs) !== undefined) return { kind: 'yes' };
  const others = pairs.filter((it) => it.policy === policy).map((it) => it.service);
  const because =
    others.length === 0
      ? `policies by ${policy} go with no Service backend`
      : `policies by ${policy} go with Services by ${others.join(', ')}, not by ${service}`;
  return { kind: 'no', because };
}
