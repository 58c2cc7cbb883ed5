// Objects -> what policies mean for the pods of one node, again and again. What it gives depends on the objects of now alone; what it remembers only
// saves work (a property test holds a compiler with a past equal to a new one).

import { cidrHasIp, hostCidr, type Cidr } from '../../base/cidr.ts';
import type { Ip } from '../../base/ip.ts';
import type { ClusterNetwork } from '../../model/network.ts';
import type { NodePolicies } from '../../model/policy.ts';
import type { Node } from '../../objects/node.ts';
import type { Pod } from '../../objects/pod.ts';
import { AddressBook, type FixedAddresses } from './addresses.ts';
import { BlockIndex, keepBlocks } from './blocks.ts';
import { NamedBook, patternsOf } from './named.ts';
import { OwnGroups } from './own-groups.ts';
import { isPolicyPod, keepIfEqual, mentionedBy, PeerBook, type Mentioned, type PodChange } from './peers.ts';
import type { PolicyObjects } from './policy-objects.ts';
import { sortPolicies, type Policies } from './rules.ts';
import { SubjectBook } from './subjects.ts';

export interface PolicySettings {
  readonly nodeName: string;
  readonly cluster: Pick<ClusterNetwork, 'podCidrs' | 'dnsIps'>;
}

/** What can be other than at the compilation before. */
export interface PolicyChanges {
  /** NetworkPolicies or ClusterNetworkPolicies. */
  readonly policies: boolean;
  /** Namespaces, nodes, identities, the Service of the cluster's DNS. */
  readonly peers: boolean;
  /** Keys of pods. */
  readonly pods: ReadonlySet<string>;
  /** Addresses that have other names. */
  readonly learned: ReadonlySet<Ip>;
}

/** What is compiled, and how it differs. */
export interface CompiledPolicies {
  readonly policies: NodePolicies;
  /** Prefixes that are otherwise than at the compilation before; undefined for any. */
  readonly changedAddresses: ReadonlySet<Cidr> | undefined;
}

export class PolicyCompiler {
  readonly #settings: PolicySettings;
  readonly #book = new PeerBook();
  readonly #named = new NamedBook();
  readonly #addresses = new AddressBook(this.#book, this.#named);
  readonly #groups: OwnGroups;
  readonly #subjects = new SubjectBook();
  /** All that policies are about, as they were at the compilation before. */
  readonly #pods = new Map<string, Pod>();
  #mentioned: Mentioned = { labelKeys: new Set(), portNames: new Set() };
  #sorted: Policies | undefined;
  #blocks = new BlockIndex([]);
  #podPrefixes: readonly Cidr[] = [];
  /** Addresses that lie in the wide prefixes, to be looked at once. */
  #inside: { readonly wide: readonly Cidr[]; readonly ips: Set<Ip> } = { wide: [], ips: new Set() };

  constructor(settings: PolicySettings) {
    this.#settings = settings;
    this.#groups = new OwnGroups(settings.nodeName, this.#book);
  }

  /** `changes` since the call before, undefined for any. */
  compile(objects: PolicyObjects, changes?: PolicyChanges): NodePolicies {
    return this.follow(objects, changes).policies;
  }

  /** The same, with what is other than before. */
  follow(objects: PolicyObjects, changes?: PolicyChanges): CompiledPolicies {
    const hasPolicies = changes?.policies !== false;
    const mentioned = hasPolicies ? keepIfEqual(this.#mentioned, mentionedBy(objects)) : this.#mentioned;
    const isKnown = changes !== undefined && !changes.peers && mentioned === this.#mentioned;
    this.#mentioned = mentioned;
    const podChanges = isKnown ? this.#followPods(objects, changes.pods) : undefined;
    if (podChanges === undefined) this.#takePods(objects);
    if (hasPolicies || this.#sorted === undefined) this.#sorted = sortPolicies(objects);
    const { groups, pods } = this.#groups.update(this.#pods, {
      changes: hasPolicies ? undefined : podChanges,
      policies: this.#sorted,
      namespaces: objects.namespaces,
    });
    const blocks = keepBlocks(this.#blocks, groups.values());
    const hasNames =
      hasPolicies && this.#named.setPatterns(patternsOf(objects.clusterNetworkPolicies.values()));
    const isSameBasis = podChanges !== undefined && blocks === this.#blocks && !hasNames;
    this.#blocks = blocks;
    const changedAddresses = isSameBasis
      ? this.#addresses.follow(podChanges.values(), {
          names: objects.learned,
          changed: changes?.learned ?? [],
        })
      : this.#rebuildAddresses(objects);
    this.#named.settle();
    const { subjects, ruleSets } = this.#subjects.update(groups.values(), {
      classes: this.#book.index,
      named: this.#named.index,
      blocks,
      podPrefixes: this.#podPrefixes,
    });
    const { addresses } = this.#addresses;
    const names = this.#named.patterns.all;
    return {
      policies: { pods, subjects, addresses, blocks: blocks.numbers, names, ruleSets },
      changedAddresses,
    };
  }

  /** Single pods as they were and are, by key; undefined where they change more than their own addresses. */
  #followPods(objects: PolicyObjects, keys: ReadonlySet<string>): ReadonlyMap<string, PodChange> | undefined {
    const changes = new Map<string, PodChange>();
    for (const key of keys) {
      const [before, now] = [this.#pods.get(key), objects.pods.get(key)];
      const after = now !== undefined && isPolicyPod(now) ? now : undefined;
      if (before !== after) changes.set(key, { before, after });
    }
    const ips = [...changes.values()].flatMap(({ before, after }) => [
      ...(before?.ips ?? []),
      ...(after?.ips ?? []),
    ]);
    if (!ips.every((it) => this.#isInside(it)) || !this.#book.follow(changes.values())) return undefined;
    for (const [key, { after }] of changes) {
      if (after === undefined) this.#pods.delete(key);
      else this.#pods.set(key, after);
    }
    return changes;
  }

  #takePods(objects: PolicyObjects): void {
    this.#pods.clear();
    for (const [key, pod] of objects.pods) if (isPolicyPod(pod)) this.#pods.set(key, pod);
    this.#book.update(objects, this.#mentioned);
    this.#podPrefixes = this.#findPodPrefixes(objects);
  }

  /** Prefixes that pods have addresses of: the cluster's, and single ones that lie elsewhere. The same list while it says the same. */
  #findPodPrefixes({ nodes }: PolicyObjects): readonly Cidr[] {
    const wide = [
      ...new Set([...this.#settings.cluster.podCidrs, ...[...nodes.values()].flatMap((it) => it.podCidrs)]),
    ];
    if (wide.join() !== this.#inside.wide.join()) this.#inside = { wide, ips: new Set() };
    const prefixes = new Set(wide);
    for (const { ips } of this.#pods.values())
      for (const ip of ips) if (!this.#isInside(ip)) prefixes.add(hostCidr(ip));
    const now = [...prefixes].toSorted();
    return now.join() === this.#podPrefixes.join() ? this.#podPrefixes : now;
  }

  #isInside(ip: Ip): boolean {
    const { wide, ips } = this.#inside;
    if (ips.has(ip)) return true;
    const isInside = wide.some((it) => cidrHasIp(it, ip));
    if (isInside) ips.add(ip);
    return isInside;
  }

  #rebuildAddresses({ nodes, learned }: PolicyObjects): undefined {
    const fixed: FixedAddresses = {
      podPrefixes: this.#podPrefixes,
      nodes: this.#otherNodes(nodes),
      ownNode: prefixesOfNode(nodes.get(this.#settings.nodeName)),
      clusterDns: this.#settings.cluster.dnsIps.map(hostCidr),
    };
    this.#addresses.rebuild({ fixed, blocks: this.#blocks }, this.#pods.values(), learned);
  }

  #otherNodes(nodes: PolicyObjects['nodes']): ReadonlyMap<Cidr, number> {
    const addresses = new Map<Cidr, number>();
    for (const [name, node] of nodes) {
      const number = this.#book.index.nodeNumber(name);
      if (number !== undefined) for (const prefix of prefixesOfNode(node)) addresses.set(prefix, number);
    }
    return addresses;
  }
}

/** A peer `nodes` means all of a node's addresses (network-policy-api, ClusterNetworkPolicyEgressPeer). */
function prefixesOfNode(node: Node | undefined): readonly Cidr[] {
  return [...(node?.addresses ?? []), ...(node?.otherAddresses ?? [])].map(hostCidr);
}
