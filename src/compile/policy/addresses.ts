// Who is behind which address, as prefixes of which the longest one tells. Pure.

import { cidrHasCidr, hostCidr, parseCidr, type Cidr } from '../../base/cidr.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { PolicyAddress } from '../../model/policy.ts';
import type { Pod } from '../../objects/pod.ts';
import type { BlockIndex } from './blocks.ts';
import { isPolicyPod, type PeerBook } from './peers.ts';

/** Addresses that are no pods', by prefix. Of two for one prefix the later one counts. */
export interface FixedAddresses {
  readonly podPrefixes: readonly Cidr[];
  readonly ownNode: readonly Cidr[];
  /** Addresses of other nodes with their numbers. */
  readonly nodes: ReadonlyMap<Cidr, number>;
  readonly clusterDns: readonly Cidr[];
}

/** An IPv6 prefix that holds the mapped form of IPv4 would else answer for that, too. */
const EVERYWHERE = [parseCidr('0.0.0.0/0'), parseCidr('::/0')];

/** Prefixes with who is there. `fixed` are few, `pods` all of the cluster. */
export function addressesOf(
  pods: Iterable<Pod>,
  fixed: FixedAddresses,
  { book, blocks }: { readonly book: PeerBook; readonly blocks: BlockIndex },
): ReadonlyMap<Cidr, PolicyAddress> {
  const peers = new Map<Cidr, number>(EVERYWHERE.map((prefix) => [prefix, PEERS.outside]));
  for (const prefix of blocks.numbers.keys()) peers.set(prefix, PEERS.outside);
  for (const prefix of fixed.podPrefixes) peers.set(prefix, PEERS.unknownPod);
  for (const prefix of blocks.numbers.keys())
    if (isWithin(prefix, fixed.podPrefixes)) peers.set(prefix, PEERS.unknownPod);
  claimPods(peers, pods, book);
  for (const [prefix, number] of fixed.nodes) peers.set(prefix, number);
  for (const prefix of fixed.ownNode) peers.set(prefix, PEERS.host);
  for (const prefix of fixed.clusterDns) peers.set(prefix, PEERS.clusterDns);
  return new Map([...peers].map(([prefix, peer]) => [prefix, { peer, block: blocks.blockOf(prefix) }]));
}

/** Two pods that claim one address: one that ends gives way; of two that are the same to policies either one; else nobody can say. */
function claimPods(peers: Map<Cidr, number>, pods: Iterable<Pod>, book: PeerBook): void {
  const owners = new Map<Cidr, Pod>();
  for (const pod of pods) {
    if (!isPolicyPod(pod)) continue;
    for (const prefix of pod.ips.map(hostCidr)) {
      const rival = owners.get(prefix);
      if (rival !== undefined && pod.isTerminating && !rival.isTerminating) continue;
      const isClear = rival === undefined || rival.isTerminating !== pod.isTerminating;
      const number = book.peerOf(pod);
      owners.set(prefix, pod);
      peers.set(prefix, isClear || peers.get(prefix) === number ? number : PEERS.unknownPod);
    }
  }
}

function isWithin(prefix: Cidr, outer: readonly Cidr[]): boolean {
  return outer.some((it) => cidrHasCidr(it, prefix));
}
